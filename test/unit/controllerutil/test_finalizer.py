"""Finalizers change by our own name alone, and only under the version that was read."""

from __future__ import annotations

import copy

import pytest

from druid_operator.pkg.apistore.merge_patch import apply_merge_patch
from druid_operator.pkg.controllerutil import (
    add_finalizer,
    contains_finalizer,
    finalizers_patch,
    remove_finalizer,
)

OBJ = {"metadata": {"name": "a", "resourceVersion": "7", "finalizers": ["theirs", "ours"]}}
BARE = {"metadata": {"name": "a", "resourceVersion": "7"}}


def test_adding_and_removing_return_copies_and_keep_the_others() -> None:
    before = copy.deepcopy(OBJ)
    assert add_finalizer(OBJ, "new")["metadata"]["finalizers"] == ["theirs", "ours", "new"]
    assert add_finalizer(OBJ, "ours") == OBJ
    assert remove_finalizer(OBJ, "ours")["metadata"]["finalizers"] == ["theirs"]
    assert remove_finalizer(OBJ, "unknown") == OBJ
    assert before == OBJ
    assert "finalizers" not in remove_finalizer(add_finalizer(BARE, "x"), "x")["metadata"]


def test_contains() -> None:
    assert contains_finalizer(OBJ, "ours")
    assert not contains_finalizer(BARE, "ours")
    assert not contains_finalizer({}, "ours")


@pytest.mark.parametrize(
    ("obj", "change", "after"),
    [
        (OBJ, {"add": ["new"]}, ["theirs", "ours", "new"]),
        (OBJ, {"remove": ["ours"]}, ["theirs"]),
        (OBJ, {"remove": ["ours", "theirs"]}, None),
        (OBJ, {"add": ["new"], "remove": ["ours"]}, ["theirs", "new"]),
        (BARE, {"add": ["a", "b", "a"]}, ["a", "b"]),
    ],
)
def test_a_patch_gives_the_whole_list_under_the_version_that_was_read(obj, change, after) -> None:
    patch = finalizers_patch(obj, **change)
    assert patch == {"metadata": {"finalizers": after, "resourceVersion": "7"}}
    assert apply_merge_patch(obj, patch)["metadata"].get("finalizers") == after


@pytest.mark.parametrize("change", [{"add": ["ours"]}, {"remove": ["unknown"]}, {}])
def test_nothing_to_change_is_no_patch(change) -> None:
    assert finalizers_patch(OBJ, **change) is None


def test_an_object_that_was_never_read_gives_no_patch_without_a_lock() -> None:
    with pytest.raises(KeyError, match="resourceVersion"):
        finalizers_patch({"metadata": {"name": "a"}}, add=["x"])
