"""The store without HTTP: versions, history, listeners, garbage."""

from __future__ import annotations

from typing import Any

import pytest

from druid_operator.pkg.apistore.options import DeleteOptions, ListOptions, WriteOptions
from druid_operator.pkg.apistore.patching import MERGE_PATCH
from druid_operator.pkg.apistore.store import APIStore
from druid_operator.pkg.clock import FakeClock
from druid_operator.pkg.errors import Expired, NotFound, TooManyRequests
from druid_operator.pkg.meta import NamespacedName
from druid_operator.pkg.scheme.builtin import (
    CONFIG_MAP,
    NAMESPACE,
    POD,
    POD_DISRUPTION_BUDGET,
    SECRET,
)


def add(store: APIStore, name: str, **metadata: Any) -> dict[str, Any]:
    obj = {"metadata": {"name": name, "namespace": "default", **metadata}}
    return store.create(CONFIG_MAP, obj).obj


def key(name: str) -> NamespacedName:
    return NamespacedName("default", name)


def names(store: APIStore, **options: Any) -> list[str]:
    listed = store.list(CONFIG_MAP, "default", ListOptions(**options))
    return [obj["metadata"]["name"] for obj in listed.objects()]


def test_one_counter_for_every_kind(store: APIStore) -> None:
    first = int(add(store, "a")["metadata"]["resourceVersion"])
    secret = {"metadata": {"name": "s", "namespace": "default"}}
    second = int(store.create(SECRET, secret).obj["metadata"]["resourceVersion"])
    assert second == first + 1
    assert store.resource_version == str(second)


def test_time_uid_and_generated_names_are_injected(store: APIStore, clock: FakeClock) -> None:
    clock.step(60)
    made = store.create(CONFIG_MAP, {"metadata": {"generateName": "g-", "namespace": "default"}})
    metadata = made.obj["metadata"]
    assert metadata["name"] == "g-00001"
    assert metadata["uid"].startswith("uid-")
    assert metadata["creationTimestamp"] == "2026-01-01T00:01:00Z"


def test_what_is_given_out_is_a_copy(store: APIStore) -> None:
    sent: dict[str, Any] = {"metadata": {"name": "a", "namespace": "default"}, "data": {"x": "1"}}
    made = store.create(CONFIG_MAP, sent).obj
    made["data"]["x"] = sent["data"]["x"] = "changed"
    assert store.get(CONFIG_MAP, key("a"))["data"] == {"x": "1"}


def test_the_past_can_be_listed_until_it_is_compacted(store: APIStore) -> None:
    add(store, "a")
    version = store.resource_version
    add(store, "b")
    store.delete(CONFIG_MAP, key("a"))
    exact = {"resource_version": version, "resource_version_match": "Exact"}
    assert names(store, **exact) == ["a"]
    assert names(store) == ["b"]
    store.compact()
    with pytest.raises(Expired):
        names(store, **exact)


def test_a_page_is_expired_after_compaction(store: APIStore) -> None:
    for name in "abc":
        add(store, name)
    page = store.list(CONFIG_MAP, "default", ListOptions(limit=2))
    add(store, "d")
    store.compact()
    with pytest.raises(Expired, match="continue parameter is too old"):
        store.list(CONFIG_MAP, "default", ListOptions(limit=2, continue_=page.continue_))


def test_a_watch_gets_each_change_once_and_in_order(store: APIStore) -> None:
    watch = store.watch(CONFIG_MAP, "default")
    woken = []
    watch.on_frame = lambda: woken.append(len(watch.frames))
    add(store, "a")
    store.patch(CONFIG_MAP, key("a"), MERGE_PATCH, {"data": {"x": "1"}})
    store.delete(CONFIG_MAP, key("a"))
    assert [frame.type for frame in watch.frames] == ["ADDED", "MODIFIED", "DELETED"]
    versions = [frame.version for frame in watch.frames]
    assert versions == sorted(set(versions))
    assert woken == [1, 2, 3]
    store.close_watch(CONFIG_MAP, watch)
    add(store, "b")
    assert len(watch.frames) == 3


def test_a_watch_from_before_the_compaction_is_refused(store: APIStore) -> None:
    version = store.resource_version
    add(store, "a")
    store.compact()
    with pytest.raises(Expired, match="too old resource version"):
        store.watch(CONFIG_MAP, options=ListOptions(resource_version=version))
    again = store.watch(CONFIG_MAP, options=ListOptions(resource_version=store.resource_version))
    assert not again.frames


def test_history_is_bounded(clock: FakeClock) -> None:
    store = APIStore(clock=clock, history_limit=10)
    add(store, "a")
    version = store.resource_version
    for number in range(20):
        store.patch(CONFIG_MAP, key("a"), MERGE_PATCH, {"data": {"n": str(number)}})
    with pytest.raises(Expired):
        store.watch(CONFIG_MAP, options=ListOptions(resource_version=version))


def test_subscribers_see_every_commit_and_may_write(store: APIStore) -> None:
    seen: list[tuple[str, str]] = []

    def mirror(event: str, resource: Any, obj: dict[str, Any]) -> None:
        seen.append((event, obj["metadata"]["name"]))
        if resource == CONFIG_MAP and event == "ADDED" and obj["metadata"]["name"] == "a":
            add(store, "mirror-of-a")

    stop = store.subscribe(mirror)
    add(store, "a")
    stop()
    add(store, "b")
    assert seen == [("ADDED", "a"), ("ADDED", "mirror-of-a")]


def owner_of(obj: dict[str, Any], **more: Any) -> dict[str, Any]:
    metadata = obj["metadata"]
    return {
        "apiVersion": "v1", "kind": "ConfigMap", "name": metadata["name"], "uid": metadata["uid"],
        **more,
    }  # fmt: skip


def test_dependents_go_with_their_owner_all_the_way_down(store: APIStore) -> None:
    top = add(store, "top")
    middle = add(store, "middle", ownerReferences=[owner_of(top)])
    add(store, "leaf", ownerReferences=[owner_of(middle)])
    store.delete(CONFIG_MAP, key("top"))
    assert store.collect_garbage() == 2
    assert names(store) == []
    assert store.collect_garbage() == 0


def test_one_living_owner_is_enough(store: APIStore) -> None:
    first, second = add(store, "first"), add(store, "second")
    add(store, "child", ownerReferences=[owner_of(first), owner_of(second)])
    store.delete(CONFIG_MAP, key("first"))
    store.collect_garbage()
    child = store.get(CONFIG_MAP, key("child"))
    assert [ref["name"] for ref in child["metadata"]["ownerReferences"]] == ["second"]


def test_a_foreground_owner_waits_for_what_blocks_it(store: APIStore) -> None:
    owner = add(store, "owner")
    reference = owner_of(owner, blockOwnerDeletion=True)
    add(store, "child", ownerReferences=[reference], finalizers=["e.x/hold"])
    store.delete(CONFIG_MAP, key("owner"), DeleteOptions(propagation="Foreground"))
    store.collect_garbage()
    assert names(store) == ["child", "owner"]
    store.patch(CONFIG_MAP, key("child"), MERGE_PATCH, {"metadata": {"finalizers": None}})
    store.collect_garbage()
    assert names(store) == []


def test_an_owner_in_another_namespace_is_no_owner(store: APIStore) -> None:
    owner = add(store, "owner")
    other = {"metadata": {"name": "child", "namespace": "kube-system",
                          "ownerReferences": [owner_of(owner)]}}  # fmt: skip
    store.create(CONFIG_MAP, other)
    store.collect_garbage()
    with pytest.raises(NotFound):
        store.get(CONFIG_MAP, NamespacedName("kube-system", "child"))


def test_a_namespace_goes_when_it_is_empty(store: APIStore) -> None:
    store.create(NAMESPACE, {"metadata": {"name": "n"}})
    held = {"metadata": {"name": "a", "namespace": "n", "finalizers": ["e.x/hold"]}}
    store.create(CONFIG_MAP, held)
    store.delete(NAMESPACE, NamespacedName("", "n"))
    store.collect_garbage()
    live = store.get(NAMESPACE, NamespacedName("", "n"))
    assert live["status"]["phase"] == "Terminating"
    released = {"metadata": {"finalizers": None}}
    store.patch(CONFIG_MAP, NamespacedName("n", "a"), MERGE_PATCH, released)
    store.collect_garbage()
    with pytest.raises(NotFound):
        store.get(NAMESPACE, NamespacedName("", "n"))


def test_pods_may_be_given_grace(clock: FakeClock) -> None:
    store = APIStore(clock=clock, graceful_pods=True)
    pod = {
        "metadata": {"name": "p", "namespace": "default"},
        "spec": {"nodeName": "n", "containers": [{"name": "c", "image": "i"}]},
    }
    store.create(POD, pod)
    marked = store.delete(POD, key("p"))
    assert not marked.gone
    assert marked.obj["metadata"]["deletionGracePeriodSeconds"] == 30
    assert marked.obj["metadata"]["deletionTimestamp"] == "2026-01-01T00:00:30Z"
    assert store.delete(POD, key("p"), DeleteOptions(grace=0)).gone


def test_a_budget_can_refuse_an_eviction(store: APIStore) -> None:
    labels = {"a": "b"}
    pod = {
        "metadata": {"name": "p", "namespace": "default", "labels": labels},
        "spec": {"containers": [{"name": "c", "image": "i"}]},
    }
    store.create(POD, pod)
    ready = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
    store.patch(POD, key("p"), MERGE_PATCH, {"status": ready}, subresource="status")
    budget = {
        "metadata": {"name": "b", "namespace": "default"},
        "spec": {"maxUnavailable": 1, "selector": {"matchLabels": labels}},
    }
    store.create(POD_DISRUPTION_BUDGET, budget)
    with pytest.raises(TooManyRequests, match="would violate the pod's disruption budget"):
        store.evict(key("p"))
    allowed = {"status": {"disruptionsAllowed": 1}}
    store.patch(POD_DISRUPTION_BUDGET, key("b"), MERGE_PATCH, allowed, subresource="status")
    store.evict(key("p"))
    with pytest.raises(NotFound):
        store.get(POD, key("p"))
    spent = store.get(POD_DISRUPTION_BUDGET, key("b"))["status"]
    assert (spent["disruptionsAllowed"], list(spent["disruptedPods"])) == (0, ["p"])


def test_the_eleventh_updater_is_merged_into_the_past(store: APIStore, clock: FakeClock) -> None:
    first = {"metadata": {"name": "a", "namespace": "default"}, "data": {"k": "1"}}
    store.create(CONFIG_MAP, first)
    for number in range(12):
        clock.step(1)
        options = WriteOptions(field_manager=f"m{number:02}")
        store.patch(CONFIG_MAP, key("a"), MERGE_PATCH, {"data": {f"k{number}": "1"}}, options)
    entries = store.get(CONFIG_MAP, key("a"))["metadata"]["managedFields"]
    managers = [entry["manager"] for entry in entries]
    assert len(managers) == 10
    assert managers[0] == "ancient-changes"
    assert {"f:k", "f:k0", "f:k1"} <= entries[0]["fieldsV1"]["f:data"].keys()
