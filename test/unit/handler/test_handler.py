"""Which keys an event enqueues, and how urgently."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

import attrs

from druid_operator.pkg.event import CreateEvent, DeleteEvent, GenericEvent, Object, UpdateEvent
from druid_operator.pkg.handler import (
    EnqueueForObject,
    EnqueueForOwner,
    EnqueueMapped,
    EventHandler,
    Funcs,
    with_low_priority_when_unchanged,
)
from druid_operator.pkg.meta import JSON, NamespacedName, ObjectMeta
from druid_operator.pkg.meta.objectmeta import OwnerReference
from druid_operator.pkg.scheme.builtin import DEPLOYMENT, NODE
from druid_operator.pkg.workqueue import LOW_PRIORITY, PriorityQueue


@attrs.frozen
class Thing:
    meta: ObjectMeta

    def to_dict(self) -> JSON:
        return {"metadata": {"name": self.meta.name}}


def thing(name: str = "a", *, rv: str = "1", owners: tuple[OwnerReference, ...] = ()) -> Thing:
    return Thing(
        ObjectMeta(name=name, namespace="ns", resource_version=rv, owner_references=owners)
    )


def owned_by(
    name: str, *, api_version: str = "apps/v1", kind: str = "Deployment", controller: bool = True
) -> OwnerReference:
    return OwnerReference(api_version, kind, name, f"uid-{name}", controller or None)


async def keys_after(handler: EventHandler[Any], event: Any) -> list[tuple[Any, int]]:
    queue: PriorityQueue[Any] = PriorityQueue()
    kind = type(event).__name__.removesuffix("Event").lower()
    getattr(handler, kind)(event, queue)
    return [await queue.get() for _ in range(len(queue))]


def key(name: str, namespace: str = "ns") -> NamespacedName:
    return NamespacedName(namespace, name)


async def test_an_object_enqueues_its_own_key_for_every_kind_of_event() -> None:
    for event in (
        CreateEvent(thing()),
        UpdateEvent(thing(), thing(rv="2")),
        DeleteEvent(thing()),
        GenericEvent(thing()),
    ):
        assert [(key("a"), 0)] == await keys_after(EnqueueForObject(), event)


async def test_the_initial_list_and_unchanged_updates_are_of_low_priority() -> None:
    for event in (
        CreateEvent(thing(), is_in_initial_list=True),
        UpdateEvent(thing(rv="7"), thing(rv="7")),
    ):
        assert [(key("a"), LOW_PRIORITY)] == await keys_after(EnqueueForObject(), event)


async def test_an_owner_is_matched_by_group_and_kind_whatever_the_version() -> None:
    handler = EnqueueForOwner(DEPLOYMENT)
    for api_version, found in (
        ("apps/v1", [(key("web"), 0)]),
        ("apps/v1beta2", [(key("web"), 0)]),
        ("extensions/v1", []),
        ("v1", []),
    ):
        child = thing(owners=(owned_by("web", api_version=api_version),))
        assert found == await keys_after(handler, CreateEvent(child))
    other_kind = thing(owners=(owned_by("web", kind="ReplicaSet"),))
    assert await keys_after(handler, CreateEvent(other_kind)) == []


async def test_owners_that_are_no_controllers_count_only_on_request() -> None:
    child = thing(owners=(owned_by("a", controller=False), owned_by("b")))
    only = EnqueueForOwner(DEPLOYMENT)
    every = EnqueueForOwner(DEPLOYMENT, only_controller=False)
    assert [(key("b"), 0)] == await keys_after(only, CreateEvent(child))
    assert [(key("a"), 0), (key("b"), 0)] == await keys_after(every, CreateEvent(child))


async def test_a_child_that_changes_hands_concerns_both_owners() -> None:
    event = UpdateEvent(thing(owners=(owned_by("old"),)), thing(rv="2", owners=(owned_by("new"),)))
    assert [(key("old"), 0), (key("new"), 0)] == await keys_after(
        EnqueueForOwner(DEPLOYMENT), event
    )


async def test_a_cluster_scoped_owner_has_no_namespace() -> None:
    child = thing(owners=(owned_by("n1", api_version="v1", kind="Node"),))
    assert [(key("n1", ""), 0)] == await keys_after(EnqueueForOwner(NODE), DeleteEvent(child))


async def test_a_mapping_enqueues_each_key_of_old_and_new_once() -> None:
    asked: list[str] = []

    def mapper(obj: Object) -> Iterable[str]:
        asked.append(obj.meta.name)
        return ["shared", "shared", obj.meta.name]

    event = UpdateEvent(thing("a"), thing("b", rv="2"))
    assert await keys_after(EnqueueMapped(mapper), event) == [("shared", 0), ("a", 0), ("b", 0)]
    assert asked == ["a", "b"]


async def test_funcs_ignore_what_they_were_not_given_a_function_for() -> None:
    handler: Funcs[str] = Funcs(
        on_delete=lambda event, queue: queue.add(event.object.meta.name, priority=3)
    )
    assert await keys_after(handler, DeleteEvent(thing())) == [("a", 3)]
    assert await keys_after(handler, CreateEvent(thing())) == []
    assert await keys_after(handler, UpdateEvent(thing(), thing())) == []
    assert await keys_after(handler, GenericEvent(thing())) == []


async def test_asynchronous_mapper_is_awaited_for_the_old_and_the_new_object() -> None:
    asked: list[str] = []

    async def mapper(obj: Object) -> Iterable[NamespacedName]:
        asked.append(obj.meta.resource_version)
        await asyncio.sleep(0)
        return [key(f"of-{obj.meta.resource_version}"), key("both")]

    handler: EnqueueMapped[NamespacedName] = EnqueueMapped(mapper)
    queue: PriorityQueue[NamespacedName] = PriorityQueue()
    pending = handler.update(UpdateEvent(thing(), thing(rv="2")), queue)
    assert (len(queue), asked) == (0, [])
    assert pending is not None
    await pending
    assert asked == ["1", "2"]
    found = [(await queue.get())[0] for _ in range(len(queue))]
    assert found == [key("of-1"), key("both"), key("of-2")]


async def test_adds_of_a_wrapped_handler_are_of_low_priority_where_nothing_happened() -> None:
    def add(event: Any, queue: Any) -> None:
        queue.add(key("a"))

    handler = with_low_priority_when_unchanged(
        Funcs(on_create=add, on_update=add, on_delete=add, on_generic=add)
    )
    expected = [
        (CreateEvent(thing(), is_in_initial_list=True), LOW_PRIORITY),
        (CreateEvent(thing()), 0),
        (UpdateEvent(thing(), thing()), LOW_PRIORITY),
        (UpdateEvent(thing(), thing(rv="2")), 0),
        (DeleteEvent(thing()), 0),
        (GenericEvent(thing()), 0),
    ]
    for event, priority in expected:
        assert await keys_after(handler, event) == [(key("a"), priority)]
