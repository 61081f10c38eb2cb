"""Two runs compare equal when only what no two runs share differs, and else do not."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from druid_operator.pkg.apistore.store import APIStore
from druid_operator.pkg.envtest.endstate import difference, normalise, read_objects
from druid_operator.pkg.meta import JSON
from druid_operator.pkg.scheme.builtin import CONFIG_MAP, EVENT, POD


def end(uids: int, *, reverse: bool = False, **changes: Any) -> JSON:
    """A run that makes a ConfigMap, two pods of one template and an event."""
    numbers = itertools.count(uids)
    store = APIStore(new_uid=lambda: f"00000000-0000-0000-0000-{next(numbers):012}")
    owner = {"metadata": {"name": "owner", "namespace": "default"}, "data": {"a": "1"}}
    owner |= changes
    made = store.create(CONFIG_MAP, owner).obj
    reference = {
        "apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": made["metadata"]["uid"],
    }  # fmt: skip
    nodes = ["n1", "n2"]
    for node in reversed(nodes) if reverse else nodes:
        metadata = {"generateName": "pod-", "namespace": "default", "ownerReferences": [reference]}
        container = {"name": "c", "image": "i"}
        spec = {"containers": [container], "nodeName": node}
        store.create(POD, {"metadata": metadata, "spec": spec})
    event = {
        "metadata": {"generateName": "e-", "namespace": "default"}, "type": "Normal",
        "reason": "Made", "action": "Make", "reportingController": "x/y",
        "reportingInstance": "i", "eventTime": "2026-01-01T00:00:00.000000Z",
        "regarding": {"kind": "ConfigMap", "name": "owner", "namespace": "default"},
    }  # fmt: skip
    store.create(EVENT, event)
    return normalise(read_objects(store, "default"), extra={"owner": made["metadata"]["uid"]})


def test_uids_versions_times_names_nodes_and_order_do_not_count() -> None:
    assert difference(end(1), end(1000, reverse=True)) == ""


def test_what_is_left_is_whole() -> None:
    state = end(1)
    assert state["events"] == ["ConfigMap: Normal Made"]
    assert state["extra"] == {"owner": "uid of ConfigMap/owner"}
    pod = state["objects"]["Pod/pod-"]
    assert pod["metadata"]["name"] == "pod-*"
    assert pod["metadata"]["ownerReferences"][0]["uid"] == "uid of ConfigMap/owner"
    assert state["objects"]["ConfigMap/owner"]["metadata"]["managedFields"]


@pytest.mark.parametrize("changes", [{"data": {"a": "2"}}, {"data": {}}, {"immutable": True}])
def test_a_difference_is_shown(changes: Any) -> None:
    shown = difference(end(1), end(1, **changes))
    assert shown.startswith("--- undisturbed")
    assert any(line[:1] in "+-" for line in shown.splitlines()[2:])
