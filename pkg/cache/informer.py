"""One kind in one scope: a reflector, its store, the overlay of own writes, and who is told.

A change is applied to the store first and told afterwards, so a handler that looks sees the new
state. Each listener has its own queue and task: a slow one delays nobody else.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator, Mapping, Sequence

import attrs

from druid_operator.pkg.cache.listener import BATCH, Listener, ResourceEventHandler
from druid_operator.pkg.cache.observer import CacheObserver
from druid_operator.pkg.cache.options import Transform, WatchErrorHandler
from druid_operator.pkg.cache.overlay import Overlay
from druid_operator.pkg.cache.reflector import Reflector
from druid_operator.pkg.cache.shaper import Shaper
from druid_operator.pkg.cache.store import Change, IndexFunction, Store
from druid_operator.pkg.cache.stored_object import StoredObject
from druid_operator.pkg.cache.timing import ReflectorOptions
from druid_operator.pkg.cache.view import View
from druid_operator.pkg.client import ListWatch, Scope
from druid_operator.pkg.clock import Clock
from druid_operator.pkg.meta import NamespacedName, Resource, label_selector


class Informer:
    """See the module's text. Made by the cache.

    Args:
        resource, scope: what it watches.
        source: lists and watches whole objects.
        clock: ages of own writes and of the last sign of life.
        options: timing of lists and watches.
        metadata_source: lists and watches metadata; given, no more than that is kept, until
            :meth:`want_full`.
        transform: changes each object before it is stored.
        resync_period: seconds between two resyncs, 0 for none.
        observer: told of what goes wrong quietly.
        on_watch_error: told of failed lists and watches.

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
        metadata_source: ListWatch | None = None,
        transform: Transform | None = None,
        resync_period: float = 0.0,
        observer: CacheObserver | None = None,
        on_watch_error: WatchErrorHandler | None = None,
    ) -> None:
        self.resource = resource
        self.scope = scope
        self._source = source
        self._clock = clock
        self._options = options
        self._observer = observer or CacheObserver()
        self._on_watch_error = on_watch_error or (lambda _resource, _error: None)
        self._resync_period = resync_period
        self._selector = label_selector(scope.labels)
        self._selected_name = _selected_name(scope.fields)
        self._shaper = Shaper(
            resource,
            transform=transform,
            metadata_only=metadata_source is not None,
            on_error=lambda key, error: self._observer.transform_error(resource, key, error),
        )
        self._store = Store(lambda name, key, _: self._observer.index_error(resource, name, key))
        self._overlay = Overlay(clock, lambda key: self._observer.overlay_expired(resource, key))
        self._view = View(resource, self._store, self._overlay)
        self._listeners: list[Listener] = []
        self._reflector = self._make_reflector(metadata_source or source)
        self._reflecting: asyncio.Task[None] | None = None
        self._synced = asyncio.Event()
        self._moved: list[asyncio.Future[None]] = []
        self._tasks: asyncio.TaskGroup | None = None
        self.last_activity = clock.monotonic()
        self.last_error: Exception | None = None

    def _make_reflector(self, source: ListWatch) -> Reflector:
        return Reflector(
            self.resource, source, self, clock=self._clock, options=self._options,
            shape=self._shaper.decode,
        )  # fmt: skip

    # --- life -----------------------------------------------------------------------------------

    async def run(self) -> None:
        """Ends only by cancellation."""
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            for listener in self._listeners:
                tasks.create_task(listener.run())
            if self._resync_period:
                tasks.create_task(self._resync())
            self._reflecting = tasks.create_task(self._reflector.run())

    @property
    def has_synced(self) -> bool:
        return self._synced.is_set()

    async def wait_for_sync(self) -> None:
        await self._synced.wait()

    def add_handler(self, handler: ResourceEventHandler) -> Listener:
        """Tell ``handler`` of all that is there, as additions, and of every change from now on."""
        listener = Listener(
            handler, lambda error: self._observer.handler_error(self.resource, error)
        )
        # No await between the snapshot and the registration, or a change in between would be lost.
        for obj in self._store:
            listener.put(Change(None, obj), initial=True)
        if self.has_synced:
            listener.mark_initial()
        self._listeners.append(listener)
        if self._tasks is not None:
            self._tasks.create_task(listener.run())
        return listener

    @property
    def metadata_only(self) -> bool:
        return self._shaper.metadata_only

    def want_full(self) -> None:
        """From now on keep whole objects. Until they are listed the informer is not in sync."""
        if not self.metadata_only:
            return
        self._shaper.metadata_only = False
        self._synced.clear()
        self._reflector = self._make_reflector(self._source)
        if self._reflecting is not None and self._tasks is not None:
            self._observer.relisting(self.resource, self.scope, "shape")
            self._reflecting.cancel()
            self._reflecting = self._tasks.create_task(self._reflector.run())

    async def _resync(self) -> None:
        while True:
            await asyncio.sleep(self._resync_period * random.uniform(0.9, 1.1))
            for index, obj in enumerate(list(self._store)):
                # Shown as it is now: it may have changed since the round began.
                current = self._store.get(obj.key)
                if current is not None:
                    self._tell([Change(current, current)])
                if index % BATCH == BATCH - 1:
                    await asyncio.sleep(0)

    # --- reading --------------------------------------------------------------------------------

    def __len__(self) -> int:
        return len(self._store)

    @property
    def version(self) -> str:
        """The newest resource version seen, by object or bookmark; empty before the first list."""
        return self._store.version

    @property
    def stored_bytes(self) -> int:
        return self._store.bytes

    @property
    def overlay_size(self) -> int:
        return len(self._overlay)

    @property
    def listener_depth(self) -> int:
        """Changes that the slowest handler has still to be told of."""
        return max((listener.depth for listener in self._listeners), default=0)

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
        return self._view.get(key, overlay=overlay)

    def list(
        self, fields: Mapping[str, str] | None = None, *, overlay: bool = True
    ) -> Iterator[StoredObject]:
        """See :meth:`View.list`."""
        return self._view.list(fields or {}, overlay=overlay)

    def by_index(self, name: str, value: str) -> Sequence[StoredObject]:
        """See :meth:`View.by_index`."""
        return self._view.by_index(name, value)

    # --- own writes -----------------------------------------------------------------------------

    def wrote(self, obj: StoredObject) -> None:
        """A write of ours was answered with ``obj``."""
        if self.covers(obj.key.namespace, obj.key.name) and self._selector.matches_labels(
            obj.meta.labels
        ):
            self._overlay.wrote(self._shaper.reshape(obj), self._store.version)
        else:
            self._overlay.drop(obj.key)

    def wrote_deletion(self, key: NamespacedName, uid: str) -> None:
        if self.covers(*key):
            self._overlay.deleted(key, uid, self._store.version)

    async def settle(self, key: NamespacedName) -> None:
        """Wait until the watch has shown the writes there are now of that key; of its namespace
        without a name, and of all without a namespace. Writes begun later are not waited for.
        """
        waiting = self._overlay.pending(key)
        while waiting:
            moved: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._moved.append(moved)
            await moved
            waiting &= self._overlay.pending(key)

    # --- the reflector's sink -------------------------------------------------------------------

    def replace(self, objects: Sequence[StoredObject], version: str) -> None:
        first = not self.has_synced
        changes = self._store.replace({obj.key: obj for obj in objects}, version)
        for obj in objects:
            self._overlay.observe(obj)
        self._advance()
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
        self._advance()
        self._tell(changes)

    def remove(self, obj: StoredObject) -> None:
        changes = self._store.remove(obj)
        self._overlay.observe(obj, deleted=True)
        self._advance()
        self._tell(changes)

    def bookmark(self, version: str) -> None:
        self._store.advance(version)
        self._advance()

    def _advance(self) -> None:
        self._overlay.advance(self._store.version)
        moved, self._moved = self._moved, []
        for future in moved:
            if not future.done():
                future.set_result(None)

    def failed(self, error: Exception) -> None:
        self.last_error = error
        self._observer.watch_error(self.resource, self.scope, error)
        self._on_watch_error(self.resource, error)

    def relisting(self, reason: str) -> None:
        self._observer.relisting(self.resource, self.scope, reason)

    def restarting(self, reason: str) -> None:
        self._observer.restarting(self.resource, self.scope, reason)

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
