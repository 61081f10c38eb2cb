"""A diff, applied, gives the new object; and says no more than it must."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from druid_operator.pkg.apistore.merge_patch import apply_merge_patch
from druid_operator.pkg.client.merge_from import merge_diff, merge_from

LEAVES = st.none() | st.booleans() | st.integers(0, 2) | st.sampled_from(["", "x"])
VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3)
    ),
    max_leaves=8,
)
OBJECTS = st.dictionaries(st.sampled_from("abc"), VALUES, max_size=3)


def without_nulls(value: Any) -> Any:
    """What a merge patch can express: in maps a null is the same as nothing, in lists it is not."""
    if isinstance(value, dict):
        return {k: without_nulls(v) for k, v in value.items() if v is not None}
    return value


def encoded(value: Any) -> str:
    return json.dumps(value, sort_keys=True)  # tells 1 from true, which == does not


@given(OBJECTS, OBJECTS)
def test_applying_the_diff_to_the_old_gives_the_new(old, new) -> None:
    result = apply_merge_patch(old, merge_diff(old, new))
    assert encoded(without_nulls(result)) == encoded(without_nulls(new))


@given(OBJECTS)
def test_the_diff_of_an_object_to_itself_is_empty(obj) -> None:
    assert merge_diff(obj, obj) == {}


@given(OBJECTS, OBJECTS)
def test_a_diff_is_empty_only_between_equals(old, new) -> None:
    if not merge_diff(old, new):
        assert encoded(without_nulls(old)) == encoded(without_nulls(new))


@pytest.mark.parametrize(
    ("old", "new", "diff"),
    [
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": 1, "c": 3}}, {"a": {"c": 3}}),
        ({"a": 1, "b": 2}, {"a": 1}, {"b": None}),
        ({"a": [1, 2]}, {"a": [1, 3]}, {"a": [1, 3]}),
        ({"a": 1}, {"a": True}, {"a": True}),
        ({}, {"a": {"b": None, "c": 1}}, {"a": {"c": 1}}),
        ({"a": {"b": 1}}, {"a": {}}, {"a": {"b": None}}),
    ],
)
def test_a_diff_says_no_more_than_it_must(old, new, diff) -> None:
    assert encoded(merge_diff(old, new)) == encoded(diff)


def test_a_lock_adds_the_version_that_was_read_and_only_to_a_change() -> None:
    old = {"metadata": {"name": "a", "resourceVersion": "7"}, "spec": {"n": 1}}
    new = {**old, "spec": {"n": 2}}
    patch = merge_from(old, new, optimistic_lock=True)
    assert patch is not None
    assert json.loads(patch.body) == {"metadata": {"resourceVersion": "7"}, "spec": {"n": 2}}
    assert merge_from(old, old, optimistic_lock=True) is None
