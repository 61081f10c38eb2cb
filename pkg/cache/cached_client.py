"""The client reconcilers use: cached kinds are read from the cache, the rest live; writes are live
and are visible to the very next read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, overload

from druid_operator.pkg.cache.cache import Cache
from druid_operator.pkg.client import Patch, Propagation, RestClient
from druid_operator.pkg.errors import NotFound
from druid_operator.pkg.meta import JSON, NamespacedName, Resource

T = TypeVar("T")


class CachedClient:
    """Implements :class:`~druid_operator.pkg.client.Client`.

    Guarantees: after a write returns, a read of that object through this client shows the write's
    result or something newer. A dry run changes nothing that is read.
    """

    def __init__(self, live: RestClient, cache: Cache) -> None:
        self._live = live
        self._cache = cache
        self.scheme = live.scheme

    @overload
    async def get(self, kind: Resource, key: NamespacedName, /) -> JSON: ...
    @overload
    async def get(self, kind: type[T], key: NamespacedName, /) -> T: ...
    async def get(self, kind: Any, key: NamespacedName, /) -> Any:
        resource = self.scheme.resource_for(kind)
        if not self._cache.caches(resource):
            return await self._live.get(kind, key)
        found = self._cache.get(resource, key)
        if found is None:
            raise NotFound(f'{resource} "{key.name}" not found')
        return self.scheme.decode(kind, found.to_dict())

    @overload
    async def list(
        self, kind: Resource, /, *, namespace: str = "", labels: Mapping[str, str] | None = None
    ) -> list[JSON]: ...
    @overload
    async def list(
        self, kind: type[T], /, *, namespace: str = "", labels: Mapping[str, str] | None = None
    ) -> list[T]: ...
    async def list(
        self, kind: Any, /, *, namespace: str = "", labels: Mapping[str, str] | None = None
    ) -> list[Any]:
        resource = self.scheme.resource_for(kind)
        if not self._cache.caches(resource):
            live: list[Any] = await self._live.list(kind, namespace=namespace, labels=labels)
            return live
        found = self._cache.select(resource, namespace=namespace, labels=labels)
        return [self.scheme.decode(kind, obj.to_dict()) for obj in found]

    async def create(self, obj: JSON, /, *, field_owner: str = "", dry_run: bool = False) -> JSON:
        answer = await self._live.create(obj, field_owner=field_owner, dry_run=dry_run)
        return self._remember(self.scheme.resource_of(obj), answer, dry_run)

    async def update(
        self, obj: JSON, /, *, subresource: str = "", field_owner: str = "", dry_run: bool = False
    ) -> JSON:
        answer = await self._live.update(
            obj, subresource=subresource, field_owner=field_owner, dry_run=dry_run
        )
        return self._remember(self.scheme.resource_of(obj), answer, dry_run)

    async def patch(
        self,
        kind: Resource,
        key: NamespacedName,
        patch: Patch,
        /,
        *,
        subresource: str = "",
        field_owner: str = "",
        dry_run: bool = False,
    ) -> JSON:
        answer = await self._live.patch(
            kind, key, patch, subresource=subresource, field_owner=field_owner, dry_run=dry_run
        )
        return self._remember(kind, answer, dry_run)

    async def apply(
        self,
        obj: JSON,
        /,
        *,
        field_owner: str,
        force: bool = False,
        subresource: str = "",
        dry_run: bool = False,
    ) -> JSON:
        answer = await self._live.apply(
            obj, field_owner=field_owner, force=force, subresource=subresource, dry_run=dry_run
        )
        return self._remember(self.scheme.resource_of(obj), answer, dry_run)

    async def delete(
        self,
        kind: Resource,
        key: NamespacedName,
        /,
        *,
        uid: str = "",
        resource_version: str = "",
        propagation: Propagation | None = None,
        dry_run: bool = False,
    ) -> JSON | None:
        answer = await self._live.delete(
            kind, key, uid=uid, resource_version=resource_version,
            propagation=propagation, dry_run=dry_run,
        )  # fmt: skip
        if dry_run:
            return answer
        if answer is not None:
            # Finalizers, or a grace period, hold the object: it is there, with a deletionTimestamp.
            self._cache.wrote(kind, answer)
            return answer
        if not uid:
            found = self._cache.get(kind, key)
            uid = found.meta.uid if found else ""
        if uid:
            self._cache.wrote_deletion(kind, key, uid)
        return None

    def _remember(self, resource: Resource, answer: JSON, dry_run: bool) -> JSON:
        metadata = answer.get("metadata") or {}
        # A patch that removes the last finalizer of a deleted object is answered with the object as
        # it was: it is gone.
        if not dry_run:
            if metadata.get("deletionTimestamp") and not metadata.get("finalizers"):
                self._cache.wrote_deletion(resource, NamespacedName.of(answer), metadata["uid"])
            else:
                self._cache.wrote(resource, answer)
        return answer
