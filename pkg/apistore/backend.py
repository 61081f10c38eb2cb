"""What the verbs share: storage, the registry of served resources, time, and sources of chance."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import attrs

from druid_operator.pkg.apistore.allocate import ServiceAllocator
from druid_operator.pkg.apistore.history import Stored
from druid_operator.pkg.apistore.resources import Served, builtin_resources
from druid_operator.pkg.apistore.storage import Storage
from druid_operator.pkg.clock import Clock, rfc3339
from druid_operator.pkg.errors import NotFound
from druid_operator.pkg.meta import JSON, GroupVersionKind, NamespacedName, Resource
from druid_operator.pkg.scheme.builtin import NAMESPACE


class Registry:
    """The resources served now: the built-in ones, and those of custom resource definitions."""

    def __init__(self, served: Iterable[Served]) -> None:
        self._by_plural: dict[tuple[str, str, str], Served] = {}
        self._custom: dict[tuple[str, str], list[Served]] = {}
        for entry in served:
            self._add(entry)

    def _add(self, served: Served) -> None:
        gvk = served.resource.gvk
        self._by_plural[gvk.group, gvk.version, served.resource.plural] = served

    def find(self, group: str, version: str, plural: str) -> Served | None:
        return self._by_plural.get((group, version, plural))

    def require(self, resource: Resource) -> Served:
        """Raises ``NotFound`` in the words of a server that has no such resource."""
        found = self.find(resource.gvk.group, resource.gvk.version, resource.plural)
        if found is None:
            raise NotFound("the server could not find the requested resource", details={})
        return found

    def by_kind(self, gvk: GroupVersionKind) -> Served | None:
        return next((s for s in self if s.resource.gvk == gvk), None)

    def in_bucket(self, bucket: tuple[str, str]) -> Served | None:
        """The entry to write with when only the place of an object is known."""
        found = [s for s in self if s.bucket == bucket]
        return next((s for s in found if s.storage is None), found[0] if found else None)

    def __iter__(self) -> Iterator[Served]:
        return iter(tuple(self._by_plural.values()))

    def set_custom(self, bucket: tuple[str, str], served: Iterable[Served]) -> None:
        """Replace what a definition serves; nothing, once it is gone."""
        for old in self._custom.pop(bucket, ()):
            gvk = old.resource.gvk
            self._by_plural.pop((gvk.group, gvk.version, old.resource.plural), None)
        entries = list(served)
        if entries:
            self._custom[bucket] = entries
        for entry in entries:
            self._add(entry)


@attrs.define
class Backend:
    """See :class:`druid_operator.pkg.apistore.store.APIStore` for the arguments' meaning."""

    clock: Clock
    new_uid: Callable[[], str]
    new_suffix: Callable[[], str]
    graceful_pods: bool = False
    #: The revision that reads are answered at, ``None`` for the newest: a lagging replica.
    frozen: int | None = None
    storage: Storage = attrs.field(factory=Storage)
    registry: Registry = attrs.field(factory=lambda: Registry(builtin_resources()))
    services: ServiceAllocator = attrs.field(factory=ServiceAllocator)

    def now(self) -> str:
        return rfc3339(self.clock.now())

    @property
    def revision(self) -> int:
        """The newest revision that reads may see."""
        return self.storage.revision if self.frozen is None else self.frozen

    def find(self, served: Served, key: NamespacedName) -> Stored | None:
        return self.storage.get(served.bucket, key)

    def namespace(self, name: str) -> JSON | None:
        stored = self.storage.get((NAMESPACE.group, NAMESPACE.plural), NamespacedName("", name))
        return stored.obj if stored is not None else None
