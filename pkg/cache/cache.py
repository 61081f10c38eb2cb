"""The cache: informers by kind and scope, read as one.

A kind may have several informers (children by label, single objects by name); a read asks those
that could have the object. A kind that has none is not cached, and a read never starts a watch by
surprise.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Protocol

import attrs

from druid_operator.pkg.cache.informer import Informer
from druid_operator.pkg.cache.reflector import ReflectorOptions
from druid_operator.pkg.cache.store import IndexFunction
from druid_operator.pkg.cache.stored_object import StoredObject, from_dict
from druid_operator.pkg.client import Consistency, ListWatch, RestListWatch, Scope, Transport
from druid_operator.pkg.clock import Clock
from druid_operator.pkg.errors import OperatorError
from druid_operator.pkg.meta import JSON, Labels, NamespacedName, Resource, label_selector

#: Seconds that a read waits for the first list of its informer.
READ_TIMEOUT = 30.0


class CacheNotReady(OperatorError):
    """An informer has no list yet; try again later."""


class CacheObserver(Protocol):
    """Told what goes wrong quietly; feeds metrics and the log."""

    def index_error(self, resource: Resource, index: str, key: NamespacedName) -> None: ...
    def overlay_expired(self, resource: Resource, key: NamespacedName) -> None: ...


class _Silent:
    def index_error(self, resource: Resource, index: str, key: NamespacedName) -> None: ...
    def overlay_expired(self, resource: Resource, key: NamespacedName) -> None: ...


@attrs.frozen(kw_only=True)
class CacheOptions:
    """Args:
    namespaces: the only namespaces to look into; empty means all. Cluster-scoped kinds are seen
        whole.
    reflector: timing of lists and watches.
    """

    namespaces: tuple[str, ...] = ()
    reflector: ReflectorOptions = attrs.field(factory=ReflectorOptions)


class Cache:
    """Runs informers. ``start`` ends only by cancellation; informers may be added before and after.

    Args:
        transport: for the watches.
        clock: ages of overlay entries and of signs of life.
        list_watch: makes the source of an informer; tests script it.
    """

    def __init__(
        self,
        transport: Transport,
        *,
        clock: Clock,
        options: CacheOptions | None = None,
        observer: CacheObserver | None = None,
        list_watch: Callable[[Resource, Scope], ListWatch] | None = None,
    ) -> None:
        self._clock = clock
        self.options = options or CacheOptions()
        self._observer = observer or _Silent()
        self._list_watch = list_watch or (lambda res, sc: RestListWatch(transport, res, sc))
        self._informers: dict[tuple[Resource, Scope], Informer] = {}
        self._running: dict[tuple[Resource, Scope], asyncio.Task[None]] = {}
        self._tasks: asyncio.TaskGroup | None = None
        self._started = asyncio.Event()

    # --- informers ------------------------------------------------------------------------------

    def informers(self, resource: Resource, scope: Scope | None = None) -> list[Informer]:
        """The informers of a kind in a scope, made if need be: one for each cached namespace."""
        wanted = scope or Scope()
        namespaces: tuple[str, ...] = ("",)
        if resource.namespaced and not wanted.namespace and self.options.namespaces:
            namespaces = self.options.namespaces
        return [
            self._informer(resource, attrs.evolve(wanted, namespace=wanted.namespace or ns))
            for ns in namespaces
        ]

    def _informer(self, resource: Resource, scope: Scope) -> Informer:
        found = self._informers.get((resource, scope))
        if found is not None:
            return found
        informer = Informer(
            resource,
            scope,
            self._list_watch(resource, scope),
            clock=self._clock,
            options=self.options.reflector,
            on_index_error=lambda name, key, _: self._observer.index_error(resource, name, key),
            on_overlay_expired=lambda key: self._observer.overlay_expired(resource, key),
        )
        self._informers[resource, scope] = informer
        if self._tasks is not None:
            self._run((resource, scope), informer)
        return informer

    def remove_informer(self, resource: Resource, scope: Scope) -> None:
        """Stop the watch and forget what it had. Unknown: nothing happens."""
        self._informers.pop((resource, scope), None)
        task = self._running.pop((resource, scope), None)
        if task is not None:
            task.cancel()

    def add_index(
        self, resource: Resource, name: str, function: IndexFunction, scope: Scope | None = None
    ) -> None:
        for informer in self.informers(resource, scope):
            informer.add_index(name, function)

    def all_informers(self) -> list[Informer]:
        return list(self._informers.values())

    # --- life -----------------------------------------------------------------------------------

    async def start(self) -> None:
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
        return any(r == resource for r, _ in self._informers)

    def covers(self, resource: Resource, namespace: str, name: str = "") -> bool:
        """Whether a read of that object, or without a name of that namespace, is for the cache.

        An informer of a single object answers for that object, and for no list.
        """
        return any(True for _ in self._readable(resource, namespace, name))

    async def wait_until_readable(
        self, resource: Resource, key: NamespacedName, consistency: Consistency
    ) -> None:
        """Wait for the first list of every informer that a read of ``key`` asks.

        Raises :class:`CacheNotReady` after ``READ_TIMEOUT`` seconds, with what the informer met.
        """
        for informer in tuple(self._readable(resource, *key)):
            if informer.has_synced:
                continue
            try:
                async with asyncio.timeout(READ_TIMEOUT):
                    await informer.wait_for_sync()
            except TimeoutError:
                why = informer.last_error or "no answer yet"
                raise CacheNotReady(f"{resource} is not in the cache yet: {why}") from None

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
            for obj in informer.list(fields or {}, overlay=overlay):
                if namespace and obj.key.namespace != namespace:
                    continue
                if selector.matches_labels(obj.meta.labels):
                    found[obj.key] = obj
        return [found[key] for key in sorted(found)]

    def by_index(self, resource: Resource, name: str, value: str) -> Sequence[StoredObject]:
        found: dict[NamespacedName, StoredObject] = {}
        for informer in self._of(resource):
            try:
                hits = informer.by_index(name, value)
            except KeyError:
                continue  # the index belongs to another scope of this kind
            found.update({obj.key: obj for obj in hits})
        return [found[key] for key in sorted(found)]

    def _of(self, resource: Resource) -> Sequence[Informer]:
        return [i for (r, _), i in self._informers.items() if r == resource]

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
