"""The cache: informers by kind and scope, read as one.

A kind may have several informers (children by label, single objects by name); a read asks those
that could have the object. A kind that has none is not cached, and a read never starts a watch by
surprise.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence

from druid_operator.pkg.cache.informer import Informer
from druid_operator.pkg.cache.observer import CacheObserver
from druid_operator.pkg.cache.options import CacheOptions
from druid_operator.pkg.cache.store import IndexFunction
from druid_operator.pkg.cache.stored_object import StoredObject, from_dict
from druid_operator.pkg.client import Consistency, ListWatch, RestListWatch, Scope, Transport
from druid_operator.pkg.clock import Clock
from druid_operator.pkg.errors import OperatorError
from druid_operator.pkg.meta import JSON, Labels, NamespacedName, Resource, label_selector

#: Seconds that a read waits for the first list of its informer.
READ_TIMEOUT = 30.0
#: Seconds that a read with ``consistency="wait"`` waits for the watch to show own writes.
CONSISTENCY_TIMEOUT = 5.0


class CacheNotReady(OperatorError):
    """An informer has no list yet, or does not show an own write yet; try again later."""


class Cache:
    """Runs informers. ``start`` ends only by cancellation; informers may be added before and after.

    Args:
        transport: for the watches.
        clock: ages of overlay entries and of signs of life.
        options: see :class:`CacheOptions`.
        observer: told of what goes wrong quietly.
        list_watch: makes the source of an informer, of whole objects or of metadata alone (the last
            argument); tests script it.
    """

    def __init__(
        self,
        transport: Transport,
        *,
        clock: Clock,
        options: CacheOptions | None = None,
        observer: CacheObserver | None = None,
        list_watch: Callable[[Resource, Scope, bool], ListWatch] | None = None,
    ) -> None:
        self._clock = clock
        self.options = options or CacheOptions()
        self._observer = observer or CacheObserver()
        self._list_watch = list_watch or (
            lambda res, sc, only: RestListWatch(transport, res, sc, metadata_only=only)
        )
        self._informers: dict[tuple[Resource, Scope], Informer] = {}
        self._by_resource: dict[Resource, list[Informer]] = {}
        self._running: dict[tuple[Resource, Scope], asyncio.Task[None]] = {}
        self._tasks: asyncio.TaskGroup | None = None
        self._started = asyncio.Event()

    # --- informers ------------------------------------------------------------------------------

    def informers(
        self, resource: Resource, scope: Scope | None = None, *, metadata_only: bool = False
    ) -> list[Informer]:
        """The informers of a kind, made if need be: one for each namespace that is looked into.

        Args:
            scope: part of the kind; by default what the options say.
            metadata_only: no more is wanted. There is one informer for both: who wants whole
                objects gets them for everybody.
        """
        only = metadata_only or self.options.of(resource).shape == "metadata"
        return [
            self._informer(resource, part, only) for part in self.options.scopes(resource, scope)
        ]

    def _informer(self, resource: Resource, scope: Scope, metadata_only: bool) -> Informer:
        found = self._informers.get((resource, scope))
        if found is not None:
            if not metadata_only:
                found.want_full()
            return found
        own = self.options.of(resource)
        informer = Informer(
            resource,
            scope,
            self._list_watch(resource, scope, False),
            clock=self._clock,
            options=self.options.reflector,
            metadata_source=self._list_watch(resource, scope, True) if metadata_only else None,
            transform=own.transform,
            resync_period=own.resync_period or 0.0,
            observer=self._observer,
            on_watch_error=own.on_watch_error,
        )
        self._informers[resource, scope] = informer
        self._by_resource.setdefault(resource, []).append(informer)
        if self._tasks is not None:
            self._run((resource, scope), informer)
        return informer

    def remove_informer(self, resource: Resource, scope: Scope | None = None) -> None:
        """Stop the watch and forget what it had. Unknown: nothing happens."""
        for part in self.options.scopes(resource, scope):
            informer = self._informers.pop((resource, part), None)
            if informer is not None:
                self._by_resource[resource].remove(informer)
                self._observer.removed(resource, part)
            task = self._running.pop((resource, part), None)
            if task is not None:
                task.cancel()

    def add_index(
        self, resource: Resource, name: str, function: IndexFunction, scope: Scope | None = None
    ) -> None:
        """Index a kind by the values that ``function`` gives for an object.

        Args:
            name: by which it is read; a read by fields takes the index of the field's name.
            scope: of the informers that are to have it, which are made if need be.
        """
        for informer in self.informers(resource, scope):
            informer.add_index(name, function)

    def all_informers(self) -> list[Informer]:
        return list(self._informers.values())

    # --- life -----------------------------------------------------------------------------------

    async def start(self) -> None:
        """Run every informer, also those that are still to come. Ends only by cancellation."""
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            for key, informer in self._informers.items():
                self._run(key, informer)
            self._started.set()
            await asyncio.Event().wait()  # the group lives until it is cancelled

    def _run(self, key: tuple[Resource, Scope], informer: Informer) -> None:
        assert self._tasks is not None
        self._running[key] = self._tasks.create_task(
            informer.run(), name=f"informer {key[0]} {key[1]}"
        )

    async def wait_for_sync(self) -> None:
        """Returns once every informer there is now has its initial list."""
        await self._started.wait()
        for informer in self.all_informers():
            await informer.wait_for_sync()

    def unsynced(self) -> list[str]:
        """What is still waited for, with the reason if there is one. For readyz and errors."""
        return [
            f"{i.resource}{f' in {i.scope.namespace}' if i.scope.namespace else ''}"
            f"{f': {i.last_error}' if i.last_error else ''}"
            for i in self.all_informers()
            if not i.has_synced
        ]

    # --- reading --------------------------------------------------------------------------------

    def caches(self, resource: Resource) -> bool:
        return bool(self._by_resource.get(resource))

    def covers(
        self, resource: Resource, namespace: str, name: str = "", *, metadata_only: bool = False
    ) -> bool:
        """Whether a read of that object, or without a name of that namespace, is for the cache.

        An informer of a single object answers for that object, and for no list; one of metadata
        answers for no whole object.
        """
        found = list(self._readable(resource, namespace, name))
        return bool(found) and (metadata_only or not any(i.metadata_only for i in found))

    async def wait_until_readable(
        self, resource: Resource, key: NamespacedName, consistency: Consistency
    ) -> None:
        """Wait for the first list of every informer that a read of ``key`` asks, and, where the
        consistency is ``wait``, for own writes to be shown by the watch.

        Raises :class:`CacheNotReady` when it takes too long, with what the informer met.
        """
        for informer in tuple(self._readable(resource, *key)):
            if not informer.has_synced:
                await self._within(READ_TIMEOUT, informer, informer.wait_for_sync())
            if consistency == "wait":
                started = self._clock.monotonic()
                await self._within(CONSISTENCY_TIMEOUT, informer, informer.settle(key))
                self._observer.waited(resource, self._clock.monotonic() - started)

    @staticmethod
    async def _within(seconds: float, informer: Informer, ready: Awaitable[None]) -> None:
        try:
            async with asyncio.timeout(seconds):
                await ready
        except TimeoutError:
            why = informer.last_error or "nothing came yet"
            raise CacheNotReady(
                f"{informer.resource} was not up to date within {seconds:g} s: {why}"
            ) from None

    def _readable(self, resource: Resource, namespace: str, name: str) -> Iterator[Informer]:
        for informer in self._of(resource):
            if informer.covers(namespace, name) and (name or not informer.single):
                yield informer

    def get(
        self, resource: Resource, key: NamespacedName, *, overlay: bool = True
    ) -> StoredObject | None:
        """Without ``overlay`` own writes show only once the watch has delivered them."""
        for informer in self._of(resource):
            if informer.covers(*key):
                found = informer.get(key, overlay=overlay)
                if found is not None:
                    return found
        return None

    def select(
        self,
        resource: Resource,
        *,
        namespace: str = "",
        labels: Labels = None,
        fields: Mapping[str, str] | None = None,
        overlay: bool = True,
    ) -> list[StoredObject]:
        """Sorted by key, so that whatever is computed from it comes out the same.

        Args:
            labels: any selector.
            fields: each is the name of an index; the objects under all these values. Raises
                ``BadRequest`` naming the one that there is no index for.
        """
        found: dict[NamespacedName, StoredObject] = {}
        selector = label_selector(labels)
        for informer in self._of(resource):
            if not informer.covers(namespace):
                continue
            for obj in informer.list(fields, overlay=overlay):
                if namespace and obj.key.namespace != namespace:
                    continue
                if selector.matches_labels(obj.meta.labels):
                    found[obj.key] = obj
        return [found[key] for key in sorted(found)]

    def by_index(self, resource: Resource, name: str, value: str) -> Sequence[StoredObject]:
        """What is under that value in every informer that has the index, own writes included."""
        found: dict[NamespacedName, StoredObject] = {}
        for informer in self._of(resource):
            try:
                hits = informer.by_index(name, value)
            except KeyError:
                continue  # the index belongs to another scope of this kind
            found.update({obj.key: obj for obj in hits})
        return [found[key] for key in sorted(found)]

    def _of(self, resource: Resource) -> Sequence[Informer]:
        return tuple(self._by_resource.get(resource, ()))

    # --- own writes -----------------------------------------------------------------------------

    def wrote(self, resource: Resource, obj: JSON) -> None:
        """The answer of a write, at once and before its caller goes on."""
        informers = self._of(resource)
        if not informers:
            return
        stored = from_dict(resource, obj)
        for informer in informers:
            informer.wrote(stored)

    def wrote_deletion(self, resource: Resource, key: NamespacedName, uid: str) -> None:
        for informer in self._of(resource):
            informer.wrote_deletion(key, uid)


def label_scope(labels: Labels, *, namespace: str = "") -> Scope:
    """The scope of objects that a label selector selects; of a mapping, that carry all of it."""
    return Scope(labels=str(label_selector(labels)), namespace=namespace)


def name_scope(key: NamespacedName) -> Scope:
    """The scope of one object: a watch on a single name, for things that are referred to."""
    return Scope(namespace=key.namespace, fields=f"metadata.name={key.name}")
