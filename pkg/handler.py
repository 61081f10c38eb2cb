"""From an event to the keys that it concerns.

A handler maps and enqueues, synchronously, and does nothing else: it runs for every event of every
object of a kind. What it enqueues is merged in the queue, so enqueueing a key twice costs nothing
but enqueueing too few loses a change.

Priority: nobody waits for an object of the initial list, nor for an update that changed nothing, so
those keys are added at ``LOW_PRIORITY`` and everything else passes them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Protocol, TypeAlias

import attrs

from druid_operator.pkg.event import CreateEvent, DeleteEvent, GenericEvent, Object, UpdateEvent
from druid_operator.pkg.meta import GroupVersionKind, NamespacedName, Resource
from druid_operator.pkg.workqueue import LOW_PRIORITY, LowPriorityQueue, Queue
from druid_operator.pkg.workqueue.interface import K

#: What a handler answers: nothing, or something to be awaited before the next event of its kind.
Handled: TypeAlias = Awaitable[None] | None


class EventHandler(Protocol[K]):
    """Enqueues keys of type ``K``."""

    def create(self, event: CreateEvent[Object], queue: Queue[K], /) -> Handled: ...

    def update(self, event: UpdateEvent[Object], queue: Queue[K], /) -> Handled: ...

    def delete(self, event: DeleteEvent[Object], queue: Queue[K], /) -> Handled: ...

    def generic(self, event: GenericEvent[Object], queue: Queue[K], /) -> Handled: ...


def create_priority(event: CreateEvent[Object]) -> int:
    return LOW_PRIORITY if event.is_in_initial_list else 0


def update_priority(event: UpdateEvent[Object]) -> int:
    return LOW_PRIORITY if event.unchanged else 0


class _Mapping(EventHandler[K], Protocol[K]):
    """A handler whose keys depend on the objects alone.

    An update enqueues what the old object maps to as well as what the new one does: an object that
    changes hands concerns both.
    """

    def keys(self, obj: Object, /) -> Iterable[K]: ...

    def create(self, event: CreateEvent[Object], queue: Queue[K], /) -> None:
        priority = create_priority(event)
        for key in dict.fromkeys(self.keys(event.object)):
            queue.add(key, priority=priority)

    def update(self, event: UpdateEvent[Object], queue: Queue[K], /) -> None:
        priority = update_priority(event)
        for key in dict.fromkeys([*self.keys(event.old), *self.keys(event.new)]):
            queue.add(key, priority=priority)

    def delete(self, event: DeleteEvent[Object], queue: Queue[K], /) -> None:
        for key in dict.fromkeys(self.keys(event.object)):
            queue.add(key)

    def generic(self, event: GenericEvent[Object], queue: Queue[K], /) -> None:
        for key in dict.fromkeys(self.keys(event.object)):
            queue.add(key)


@attrs.frozen
class EnqueueForObject(_Mapping[NamespacedName]):
    """The object's own key: what ``for_`` uses."""

    def keys(self, obj: Object, /) -> Iterable[NamespacedName]:
        return (NamespacedName(obj.meta.namespace or "", obj.meta.name),)


@attrs.frozen
class EnqueueForOwner(_Mapping[NamespacedName]):
    """The keys of the owners that are of one kind: what ``owns`` uses.

    Args:
        owner: the owners' kind. Its group and kind are compared and its version is not, since a
            reference keeps the version that it was written with.
        only_controller: look only at the reference with ``controller: true``.
    """

    owner: Resource
    only_controller: bool = True

    def keys(self, obj: Object, /) -> Iterable[NamespacedName]:
        meta = obj.meta
        # An owner lives in the namespace of what it owns, or in none.
        namespace = (meta.namespace or "") if self.owner.namespaced else ""
        for ref in meta.owner_references or ():
            if self.only_controller and not ref.controller:
                continue
            gvk = GroupVersionKind.from_api_version(ref.api_version, ref.kind)
            if (gvk.group, gvk.kind) == (self.owner.group, self.owner.kind):
                yield NamespacedName(namespace, ref.name)


@attrs.frozen
class EnqueueMapped(EventHandler[K]):
    """Whatever keys a function finds for an object, the old and the new one of an update.

    Args:
        mapper: without side effects. A synchronous one is to be quick: to look up which objects
            refer to this one, ask an index of the cache. An asynchronous one may ask elsewhere; it
            holds up the events of its own watch, in order, and nobody else's.
    """

    mapper: Callable[[Object], Iterable[K] | Awaitable[Iterable[K]]]

    def create(self, event: CreateEvent[Object], queue: Queue[K], /) -> Handled:
        return self._enqueue([event.object], queue, create_priority(event))

    def update(self, event: UpdateEvent[Object], queue: Queue[K], /) -> Handled:
        return self._enqueue([event.old, event.new], queue, update_priority(event))

    def delete(self, event: DeleteEvent[Object], queue: Queue[K], /) -> Handled:
        return self._enqueue([event.object], queue, 0)

    def generic(self, event: GenericEvent[Object], queue: Queue[K], /) -> Handled:
        return self._enqueue([event.object], queue, 0)

    def _enqueue(self, objects: list[Object], queue: Queue[K], priority: int) -> Handled:
        found: dict[K, None] = {}
        for index, obj in enumerate(objects):
            keys = self.mapper(obj)
            if isinstance(keys, Awaitable):
                return self._await(keys, objects[index + 1 :], queue, priority)
            found.update(dict.fromkeys(keys))
        for key in found:
            queue.add(key, priority=priority)
        return None

    async def _await(
        self,
        first: Awaitable[Iterable[K]],
        others: list[Object],
        queue: Queue[K],
        priority: int,
    ) -> None:
        found = dict.fromkeys(await first)
        for obj in others:
            keys = self.mapper(obj)
            assert isinstance(keys, Awaitable), "a mapper is asynchronous always or never"
            found.update(dict.fromkeys(await keys))
        for key in found:
            queue.add(key, priority=priority)


@attrs.frozen
class with_low_priority_when_unchanged(EventHandler[K]):  # noqa: N801 - reads as a function
    """A handler of one's own, whose adds are of low priority where nothing has happened.

    For one that sets no priorities: what it adds for an object of the initial list, or for an
    update that changed nothing, then waits behind everything else.
    """

    handler: EventHandler[K]

    def create(self, event: CreateEvent[Object], queue: Queue[K], /) -> Handled:
        return self.handler.create(event, _at(queue, create_priority(event)))

    def update(self, event: UpdateEvent[Object], queue: Queue[K], /) -> Handled:
        return self.handler.update(event, _at(queue, update_priority(event)))

    def delete(self, event: DeleteEvent[Object], queue: Queue[K], /) -> Handled:
        return self.handler.delete(event, queue)

    def generic(self, event: GenericEvent[Object], queue: Queue[K], /) -> Handled:
        return self.handler.generic(event, queue)


def _at(queue: Queue[K], priority: int) -> Queue[K]:
    return LowPriorityQueue(queue) if priority == LOW_PRIORITY else queue


def _ignore(event: object, queue: object, /) -> None:
    return None


@attrs.frozen(kw_only=True)
class Funcs(EventHandler[K]):
    """One function per kind of event; what is not given is ignored. It sets its own priorities."""

    on_create: Callable[[CreateEvent[Object], Queue[K]], Handled] = _ignore
    on_update: Callable[[UpdateEvent[Object], Queue[K]], Handled] = _ignore
    on_delete: Callable[[DeleteEvent[Object], Queue[K]], Handled] = _ignore
    on_generic: Callable[[GenericEvent[Object], Queue[K]], Handled] = _ignore

    def create(self, event: CreateEvent[Object], queue: Queue[K], /) -> Handled:
        return self.on_create(event, queue)

    def update(self, event: UpdateEvent[Object], queue: Queue[K], /) -> Handled:
        return self.on_update(event, queue)

    def delete(self, event: DeleteEvent[Object], queue: Queue[K], /) -> Handled:
        return self.on_delete(event, queue)

    def generic(self, event: GenericEvent[Object], queue: Queue[K], /) -> Handled:
        return self.on_generic(event, queue)
