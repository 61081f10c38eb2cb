"""One kind in one scope: a reflector, its store, the overlay of own writes, and who is told.

A change is applied to the store first and told afterwards, so a handler that looks sees the new
state.
Each listener has its own queue and task: a slow one delays nobody else.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Protocol

import attrs

from druid_operator.pkg.cache.overlay import Overlay
from druid_operator.pkg.cache.reflector import Reflector, ReflectorOptions
from druid_operator.pkg.cache.store import Change, IndexFunction, Store
from druid_operator.pkg.cache.stored_object import StoredObject
from druid_operator.pkg.client import ListWatch, Scope
from druid_operator.pkg.clock import Clock
from druid_operator.pkg.errors import BadRequest
from druid_operator.pkg.meta import NamespacedName, Resource, label_selector


class ResourceEventHandler(Protocol):
    """Told of changes, one at a time and in order."""

    def on_change(self, change: Change, *, is_in_initial_list: bool) -> None: ...


@attrs.define(eq=False)
class Listener:
    """One handler's queue. ``handled_initial`` is set once it has handled all that was there at
    first.
    """

    handler: ResourceEventHandler
    handled_initial: asyncio.Event = attrs.field(factory=asyncio.Event)
    _queue: deque[tuple[Change, bool] | None] = attrs.field(factory=deque)
    _wake: asyncio.Event = attrs.field(factory=asyncio.Event)

    def put(self, change: Change, *, initial: bool) -> None:
        self._queue.append((change, initial))
        self._wake.set()

    def mark_initial(self) -> None:
        """Everything put so far is the initial state."""
        self._queue.append(None)
        self._wake.set()

    @property
    def depth(self) -> int:
        return len(self._queue)

    async def run(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            handled = 0
            while self._queue:
                item = self._queue.popleft()
                if item is None:
                    self.handled_initial.set()
                else:
                    self.handler.on_change(item[0], is_in_initial_list=item[1])
                handled += 1
                if handled % 256 == 0:
                    await asyncio.sleep(0)


class Informer:
    """See the module's text. Make it with :meth:`Cache.informer`.

    Attributes:
        last_activity: monotonic seconds of the last sign of life of the server.
        last_error: what the reflector ran into last, ``None`` once it works again.
    """

    def __init__(
        self,
        resource: Resource,
        scope: Scope,
        source: ListWatch,
        *,
        clock: Clock,
        options: ReflectorOptions | None = None,
        on_index_error: Callable[[str, NamespacedName, Exception], None] | None = None,
        on_overlay_expired: Callable[[NamespacedName], None] | None = None,
    ) -> None:
        self.resource = resource
        self.scope = scope
        self._clock = clock
        self._selector = label_selector(scope.labels)
        self._selected_name = _selected_name(scope.fields)
        self._store = Store(on_index_error)
        self._overlay = Overlay(clock, on_overlay_expired)
        self._listeners: list[Listener] = []
        self._reflector = Reflector(resource, source, self, clock=clock, options=options)
        self._synced = asyncio.Event()
        self._tasks: asyncio.TaskGroup | None = None
        self.last_activity = clock.monotonic()
        self.last_error: Exception | None = None

    # --- life -----------------------------------------------------------------------------------

    async def run(self) -> None:
        """Ends only by cancellation."""
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            for listener in self._listeners:
                tasks.create_task(listener.run())
            await self._reflector.run()

    @property
    def has_synced(self) -> bool:
        return self._synced.is_set()

    async def wait_for_sync(self) -> None:
        await self._synced.wait()

    def add_handler(self, handler: ResourceEventHandler) -> Listener:
        """Tell ``handler`` of all that is there, as additions, and of every change from now on."""
        listener = Listener(handler)
        # No await between the snapshot and the registration, or a change in between would be lost.
        for obj in self._store:
            listener.put(Change(None, obj), initial=True)
        if self.has_synced:
            listener.mark_initial()
        self._listeners.append(listener)
        if self._tasks is not None:
            self._tasks.create_task(listener.run())
        return listener

    # --- reading --------------------------------------------------------------------------------

    def __len__(self) -> int:
        return len(self._store)

    @property
    def overlay_size(self) -> int:
        return len(self._overlay)

    def add_index(self, name: str, function: IndexFunction) -> None:
        self._store.add_index(name, function)

    def covers(self, namespace: str, name: str = "") -> bool:
        """Whether an object of that name could be in this informer (labels aside)."""
        if self.scope.namespace and namespace and self.scope.namespace != namespace:
            return False
        return not (self._selected_name and name and self._selected_name != name)

    @property
    def single(self) -> bool:
        """Whether it watches one name only."""
        return bool(self._selected_name)

    def get(self, key: NamespacedName, *, overlay: bool = True) -> StoredObject | None:
        stored = self._store.get(key)
        return self._overlay.read(key, stored) if overlay else stored

    def list(
        self, fields: Mapping[str, str] | None = None, *, overlay: bool = True
    ) -> Iterator[StoredObject]:
        """Everything, or what is under all of these values of indexes; own writes included.

        Raises ``BadRequest`` naming a field that has no index.
        """
        wanted = dict(fields or {})
        if not wanted:
            yield from self._merged(list(self._store), lambda _: True, overlay=overlay)
            return
        for field in wanted:
            if field not in self._store.indexes:
                raise BadRequest(
                    f"{self.resource}: no index on {field!r}: a cached read by that field needs "
                    "one (Cache.add_index)"
                )
        (first, value), *rest = wanted.items()

        def matches(obj: StoredObject) -> bool:
            return all(self._store.indexed(name, v, obj) for name, v in wanted.items())

        hits = [
            obj
            for obj in self._store.by_index(first, value)
            if all(self._store.indexed(name, v, obj) for name, v in rest)
        ]
        yield from self._merged(hits, matches, overlay=overlay)

    def by_index(self, name: str, value: str) -> Sequence[StoredObject]:
        """What is under that value, own writes included. Raises ``KeyError`` without the index."""
        hits = self._store.by_index(name, value)
        return [
            *self._merged(hits, lambda obj: self._store.indexed(name, value, obj), overlay=True)
        ]

    def _merged(
        self,
        hits: Sequence[StoredObject],
        matches: Callable[[StoredObject], bool],
        *,
        overlay: bool,
    ) -> Iterator[StoredObject]:
        """``hits`` of the store, with what own writes add to them and take from them."""
        if not overlay or not len(self._overlay):
            yield from hits
            return
        keys = {obj.key for obj in hits}
        for obj in hits:
            seen = self._overlay.read(obj.key, obj)
            if seen is obj or (seen is not None and matches(seen)):
                yield seen
        for key in self._overlay.own_keys():
            if key not in keys:
                seen = self._overlay.read(key, self._store.get(key))
                if seen is not None and matches(seen):
                    yield seen

    # --- own writes -----------------------------------------------------------------------------

    def wrote(self, obj: StoredObject) -> None:
        """A write of ours was answered with ``obj``."""
        if self.covers(obj.key.namespace, obj.key.name) and self._selector.matches_labels(
            obj.meta.labels
        ):
            self._overlay.wrote(obj, self._store.version)
        else:
            self._overlay.drop(obj.key)

    def wrote_deletion(self, key: NamespacedName, uid: str) -> None:
        if self.covers(*key):
            self._overlay.deleted(key, uid, self._store.version)

    # --- the reflector's sink -------------------------------------------------------------------

    def replace(self, objects: Sequence[StoredObject], version: str) -> None:
        first = not self.has_synced
        changes = self._store.replace({obj.key: obj for obj in objects}, version)
        for obj in objects:
            self._overlay.observe(obj)
        self._overlay.advance(self._store.version)
        self._tell(changes, initial=first)
        self.last_error = None
        if first:
            for listener in self._listeners:
                listener.mark_initial()
            self._synced.set()

    def upsert(self, obj: StoredObject) -> None:
        changes = self._store.upsert(obj)
        if self._overlay.observe(obj):
            changes = [attrs.evolve(c, own_write=c.new is not None) for c in changes]
        self._overlay.advance(self._store.version)
        self._tell(changes)

    def remove(self, obj: StoredObject) -> None:
        changes = self._store.remove(obj)
        self._overlay.observe(obj, deleted=True)
        self._overlay.advance(self._store.version)
        self._tell(changes)

    def bookmark(self, version: str) -> None:
        self._store.advance(version)
        self._overlay.advance(version)

    def failed(self, error: Exception) -> None:
        self.last_error = error

    def alive(self) -> None:
        self.last_activity = self._clock.monotonic()
        self.last_error = None

    def _tell(self, changes: Sequence[Change], *, initial: bool = False) -> None:
        for change in changes:
            for listener in self._listeners:
                listener.put(change, initial=initial)


def _selected_name(fields: str) -> str:
    for term in fields.split(","):
        if term.startswith("metadata.name="):
            return term.removeprefix("metadata.name=").removeprefix("=")
    return ""
