"""Where a controller's keys come from: watches of kinds, and channels for everything else."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Sequence
from typing import Generic, Protocol, TypeVar, runtime_checkable

import attrs

from druid_operator.pkg.cache import Cache, Change, Informer, Listener, StoredObject
from druid_operator.pkg.client import Scope
from druid_operator.pkg.event import CreateEvent, DeleteEvent, UpdateEvent
from druid_operator.pkg.handler import EventHandler
from druid_operator.pkg.meta import Resource
from druid_operator.pkg.predicate import Predicate
from druid_operator.pkg.workqueue import Queue
from druid_operator.pkg.workqueue.interface import LOW_PRIORITY

K = TypeVar("K", bound=Hashable)


class Source(Protocol[K]):
    """Fills a queue. ``start`` returns once the source is registered; it goes on by itself."""

    @property
    def name(self) -> str:
        """For errors: what did not sync."""
        ...

    def start(self, queue: Queue[K]) -> None: ...

    async def wait_for_sync(self) -> None:
        """Returns once everything that was there at first has been put into the queue."""
        ...


@runtime_checkable
class RunningSource(Source[K], Protocol[K]):
    """A source with a life of its own: the controller runs it for as long as it works."""

    async def run(self, queue: Queue[K]) -> None:
        """Ends only by cancellation."""
        ...


@attrs.define(eq=False)
class Kind(Generic[K]):
    """All changes of a kind, through the cache.

    Args:
        cache: whose informers are used (and made, if they are not there).
        resource: the kind.
        handler: turns events into keys.
        predicates: every one of them must let an event through.
        scope: part of the kind; what the cache's options say by default.
        metadata_only: no handler and no reader needs more of it.
    """

    cache: Cache
    resource: Resource
    handler: EventHandler[K]
    predicates: Sequence[Predicate] = ()
    scope: Scope | None = None
    metadata_only: bool = False
    _parts: list[tuple[Informer, Listener]] = attrs.field(factory=list, init=False)

    @property
    def name(self) -> str:
        """With what it meets while it does not sync."""
        faults = {str(i.last_error) for i, _ in self._parts if not i.has_synced and i.last_error}
        why = f" ({', '.join(sorted(faults))})" if faults else ""
        return f"kind {self.resource}{why}"

    def start(self, queue: Queue[K]) -> None:
        adapter = _Dispatch(self.handler, tuple(self.predicates), queue)
        for informer in self.cache.informers(
            self.resource, self.scope, metadata_only=self.metadata_only
        ):
            self._parts.append((informer, informer.add_handler(adapter)))

    async def wait_for_sync(self) -> None:
        for informer, listener in self._parts:
            await informer.wait_for_sync()
            await listener.handled_initial.wait()


@attrs.frozen(eq=False)
class _Dispatch(Generic[K]):
    """From a change in a store to an event, past the predicates, to the handler."""

    handler: EventHandler[K]
    predicates: tuple[Predicate, ...]
    queue: Queue[K]

    def on_change(self, change: Change, *, is_in_initial_list: bool) -> Awaitable[None] | None:
        if change.new is None:
            assert change.old is not None
            gone: DeleteEvent[StoredObject] = DeleteEvent(change.old, change.state_unknown)
            if all(p.delete(gone) for p in self.predicates):
                return self.handler.delete(gone, self.queue)
        elif change.old is None:
            came: CreateEvent[StoredObject] = CreateEvent(
                change.new, is_in_initial_list, change.own_write
            )
            if all(p.create(came) for p in self.predicates):
                return self.handler.create(came, self.queue)
        else:
            changed: UpdateEvent[StoredObject] = UpdateEvent(
                change.old, change.new, change.own_write
            )
            if all(p.update(changed) for p in self.predicates):
                return self.handler.update(changed, self.queue)
        return None


@attrs.frozen(eq=False)
class InformerSource(Generic[K]):
    """An informer that exists already, of this cache or of another cluster's."""

    informer: Informer
    handler: EventHandler[K]
    predicates: Sequence[Predicate] = ()
    _listener: list[Listener] = attrs.field(factory=list, init=False)

    @property
    def name(self) -> str:
        return f"informer {self.informer.resource}"

    def start(self, queue: Queue[K]) -> None:
        adapter = _Dispatch(self.handler, tuple(self.predicates), queue)
        self._listener.append(self.informer.add_handler(adapter))

    async def wait_for_sync(self) -> None:
        await self.informer.wait_for_sync()
        for listener in self._listener:
            await listener.handled_initial.wait()


@attrs.frozen(eq=False)
class Func(Generic[K]):
    """A function that registers the queue with something, and returns."""

    name: str
    register: Callable[[Queue[K]], None]

    def start(self, queue: Queue[K]) -> None:
        self.register(queue)

    async def wait_for_sync(self) -> None:
        return None


@attrs.frozen(eq=False)
class Ticker(Generic[K]):
    """A key at every turn of a clock, for what tells no changes of itself.

    Args:
        name: for errors.
        key: what is put, at low priority: nobody waits for it.
        every: seconds; the first comes at once.
    """

    name: str
    key: K
    every: float

    def start(self, queue: Queue[K]) -> None:
        queue.add(self.key, priority=LOW_PRIORITY)

    async def run(self, queue: Queue[K]) -> None:
        while True:
            await asyncio.sleep(self.every)
            queue.add(self.key, priority=LOW_PRIORITY)

    async def wait_for_sync(self) -> None:
        return None


@attrs.define(eq=False)
class Channel(Generic[K]):
    """Keys that come from outside the cluster: a poller, a timer, a webhook of another system.

    Keys put before the controller has started are kept, once each.
    """

    name: str
    _queue: Queue[K] | None = attrs.field(default=None, init=False)
    _early: dict[K, None] = attrs.field(factory=dict, init=False)

    def put(self, key: K) -> None:
        if self._queue is None:
            self._early[key] = None
        else:
            self._queue.add(key)

    def start(self, queue: Queue[K]) -> None:
        self._queue = queue
        for key in self._early:
            queue.add(key)
        self._early.clear()

    async def wait_for_sync(self) -> None:
        return None
