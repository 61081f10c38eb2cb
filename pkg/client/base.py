"""The face of every client: kinds by model or resource, verbs with options, over four calls.

A client is made by giving the four ``do_`` methods, or by standing between another client and its
caller (:mod:`druid_operator.pkg.client.wrappers`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, TypeVar, overload

from druid_operator.pkg.client.calls import (
    Consistency,
    Get,
    List,
    MetadataOnly,
    ObjectList,
    PartialObjectMetadata,
    Preconditions,
    Propagation,
    Untyped,
    Watch,
    WatchEvent,
    Write,
)
from druid_operator.pkg.client.interface import WatchStream
from druid_operator.pkg.client.merge_from import merge_from
from druid_operator.pkg.client.patch import Patch
from druid_operator.pkg.client.restmapper import RESTMapper
from druid_operator.pkg.client.subresource import SubResourceClient
from druid_operator.pkg.meta import (
    JSON,
    GroupVersionKind,
    Labels,
    NamespacedName,
    ObjectMeta,
    Resource,
    label_selector,
)
from druid_operator.pkg.scheme import Scheme

T = TypeVar("T")


class ClientBase(ABC):
    """Implements :class:`~druid_operator.pkg.client.WithWatch` over the four calls.

    Args:
        scheme: tells where a kind is served and how it is decoded.
        mapper: finds the kinds that are not in the scheme; without one they are a ``KeyError``.
    """

    def __init__(self, scheme: Scheme, mapper: RESTMapper | None = None) -> None:
        self.scheme = scheme
        self.mapper = mapper

    # --- what a client is made of -----------------------------------------------------------------

    @abstractmethod
    async def do_get(self, call: Get, /) -> JSON | ObjectMeta:
        """The object, or its metadata alone where the call asks for no more."""

    @abstractmethod
    async def do_list(self, call: List, /) -> ObjectList[Any]:
        """Objects in the forms of :meth:`do_get`."""

    @abstractmethod
    def do_watch(self, call: Watch, /) -> AbstractAsyncContextManager[WatchStream[JSON]]:
        """One connection."""

    @abstractmethod
    async def do_write(self, call: Write, /) -> JSON | None:
        """The object as stored, ``None`` for a deletion that is complete."""

    # --- reading ----------------------------------------------------------------------------------

    @overload
    async def get(
        self, kind: Untyped, key: NamespacedName, /, *, consistency: Consistency | None = None
    ) -> JSON: ...
    @overload
    async def get(
        self, kind: MetadataOnly, key: NamespacedName, /, *, consistency: Consistency | None = None
    ) -> PartialObjectMetadata: ...
    @overload
    async def get(
        self, kind: type[T], key: NamespacedName, /, *, consistency: Consistency | None = None
    ) -> T: ...
    async def get(
        self, kind: Any, key: NamespacedName, /, *, consistency: Consistency | None = None
    ) -> Any:
        resource = await self.resource_for(kind)
        only = isinstance(kind, MetadataOnly)
        call = Get(resource=resource, key=key, metadata_only=only, consistency=consistency)
        return self._answer(kind, resource, await self.do_get(call))

    @overload
    async def list(
        self,
        kind: Untyped,
        /,
        *,
        namespace: str = "",
        labels: Labels = None,
        fields: Mapping[str, str] | None = None,
        limit: int = 0,
        continue_token: str = "",
        consistency: Consistency | None = None,
    ) -> ObjectList[JSON]: ...
    @overload
    async def list(
        self,
        kind: MetadataOnly,
        /,
        *,
        namespace: str = "",
        labels: Labels = None,
        fields: Mapping[str, str] | None = None,
        limit: int = 0,
        continue_token: str = "",
        consistency: Consistency | None = None,
    ) -> ObjectList[PartialObjectMetadata]: ...
    @overload
    async def list(
        self,
        kind: type[T],
        /,
        *,
        namespace: str = "",
        labels: Labels = None,
        fields: Mapping[str, str] | None = None,
        limit: int = 0,
        continue_token: str = "",
        consistency: Consistency | None = None,
    ) -> ObjectList[T]: ...
    async def list(
        self,
        kind: Any,
        /,
        *,
        namespace: str = "",
        labels: Labels = None,
        fields: Mapping[str, str] | None = None,
        limit: int = 0,
        continue_token: str = "",
        consistency: Consistency | None = None,
    ) -> ObjectList[Any]:
        resource = await self.resource_for(kind)
        found = await self.do_list(
            List(
                resource=resource,
                namespace=namespace,
                labels=label_selector(labels),
                fields=fields or {},
                limit=limit,
                continue_token=continue_token,
                metadata_only=isinstance(kind, MetadataOnly),
                consistency=consistency,
            )
        )
        return ObjectList(self._answer(kind, resource, obj) for obj in found).of(found)

    @overload
    def watch(
        self,
        kind: Untyped,
        /,
        *,
        namespace: str = "",
        labels: Labels = None,
        fields: Mapping[str, str] | None = None,
        resource_version: str = "",
        timeout_seconds: int = 300,
    ) -> AbstractAsyncContextManager[WatchStream[JSON]]: ...
    @overload
    def watch(
        self,
        kind: type[T],
        /,
        *,
        namespace: str = "",
        labels: Labels = None,
        fields: Mapping[str, str] | None = None,
        resource_version: str = "",
        timeout_seconds: int = 300,
    ) -> AbstractAsyncContextManager[WatchStream[T]]: ...
    @asynccontextmanager
    async def watch(
        self,
        kind: Any,
        /,
        *,
        namespace: str = "",
        labels: Labels = None,
        fields: Mapping[str, str] | None = None,
        resource_version: str = "",
        timeout_seconds: int = 300,
    ) -> AsyncIterator[WatchStream[Any]]:
        resource = await self.resource_for(kind)
        call = Watch(
            resource=resource,
            namespace=namespace,
            labels=label_selector(labels),
            fields=fields or {},
            resource_version=resource_version,
            timeout_seconds=timeout_seconds,
        )
        async with self.do_watch(call) as events:
            yield _Decoded(events, lambda obj: self._answer(kind, resource, obj))

    # --- writing ----------------------------------------------------------------------------------

    async def create(self, obj: T, /, *, field_owner: str = "", dry_run: bool = False) -> T:
        body, resource, metadata = await self._body(obj)
        # With generateName the name is the server's to give.
        key = NamespacedName(metadata.get("namespace") or "", metadata.get("name") or "")
        return await self._write(
            obj,
            Write(
                verb="create", resource=resource, key=key, body=body,
                field_owner=field_owner, dry_run=dry_run,
            ),
        )  # fmt: skip

    async def update(
        self, obj: T, /, *, subresource: str = "", field_owner: str = "", dry_run: bool = False
    ) -> T:
        if not isinstance(obj, dict) and not subresource:
            raise TypeError(
                f"update would delete the fields that {type(obj).__name__} does not know: "
                "use patch_from or apply"
            )
        body, resource, _ = await self._body(obj)
        return await self._write(
            obj,
            Write(
                verb="update", resource=resource, key=NamespacedName.of(body), body=body,
                subresource=subresource, field_owner=field_owner, dry_run=dry_run,
            ),
        )  # fmt: skip

    @overload
    async def patch(
        self,
        kind: Untyped,
        key: NamespacedName,
        patch: Patch,
        /,
        *,
        subresource: str = "",
        field_owner: str = "",
        dry_run: bool = False,
    ) -> JSON: ...
    @overload
    async def patch(
        self,
        kind: type[T],
        key: NamespacedName,
        patch: Patch,
        /,
        *,
        subresource: str = "",
        field_owner: str = "",
        dry_run: bool = False,
    ) -> T: ...
    async def patch(
        self,
        kind: Any,
        key: NamespacedName,
        patch: Patch,
        /,
        *,
        subresource: str = "",
        field_owner: str = "",
        dry_run: bool = False,
    ) -> Any:
        resource = await self.resource_for(kind)
        answer = await self.do_write(
            Write(
                verb="patch", resource=resource, key=key, patch=patch,
                subresource=subresource, field_owner=field_owner, dry_run=dry_run,
            )
        )  # fmt: skip
        assert answer is not None
        return self._answer(kind, resource, answer)

    async def patch_from(
        self,
        old: T,
        new: T,
        /,
        *,
        optimistic_lock: bool = False,
        subresource: str = "",
        field_owner: str = "",
        dry_run: bool = False,
    ) -> T:
        """Bring ``old`` to ``new`` by a merge patch of what differs; nothing is sent if nothing
        does.

        Fields that the model does not know are left alone.

        Args:
            optimistic_lock: refuse (``Conflict``) when another writer came since ``old`` was read.
                Needed wherever a list is changed: a merge patch replaces it whole.
        """
        before, resource, _ = await self._body(old)
        after, _, _ = await self._body(new)
        patch = merge_from(before, after, optimistic_lock=optimistic_lock)
        if patch is None:
            return old
        return await self._write(
            new,
            Write(
                verb="patch", resource=resource, key=NamespacedName.of(before), patch=patch,
                subresource=subresource, field_owner=field_owner, dry_run=dry_run,
            ),
        )  # fmt: skip

    async def apply(
        self,
        obj: T,
        /,
        *,
        field_owner: str,
        force: bool = False,
        subresource: str = "",
        dry_run: bool = False,
    ) -> T:
        body, resource, _ = await self._body(obj)
        return await self._write(
            obj,
            Write(
                verb="apply", resource=resource, key=NamespacedName.of(body), body=body,
                subresource=subresource, field_owner=field_owner, force=force, dry_run=dry_run,
            ),
        )  # fmt: skip

    async def delete(
        self,
        kind: type[Any] | Untyped,
        key: NamespacedName,
        /,
        *,
        uid: str = "",
        resource_version: str = "",
        propagation: Propagation | None = None,
        grace_period: int | None = None,
        dry_run: bool = False,
    ) -> JSON | None:
        return await self.do_write(
            Write(
                verb="delete", resource=await self.resource_for(kind), key=key,
                preconditions=Preconditions(uid=uid, resource_version=resource_version),
                propagation=propagation, grace_period=grace_period, dry_run=dry_run,
            )
        )  # fmt: skip

    async def delete_all_of(
        self,
        kind: type[Any] | Untyped,
        /,
        *,
        namespace: str = "",
        labels: Labels = None,
        fields: Mapping[str, str] | None = None,
        propagation: Propagation | None = None,
        grace_period: int | None = None,
        dry_run: bool = False,
    ) -> None:
        """Delete every object of a kind in a namespace that the selectors select.

        Reads through a cache show the deletions only once the watch has.
        """
        await self.do_write(
            Write(
                verb="delete_all_of", resource=await self.resource_for(kind),
                key=NamespacedName(namespace, ""), labels=label_selector(labels),
                fields=fields or {}, propagation=propagation, grace_period=grace_period,
                dry_run=dry_run,
            )
        )  # fmt: skip

    # --- subresources -----------------------------------------------------------------------------

    @property
    def status(self) -> SubResourceClient:
        return self.sub_resource("status")

    def sub_resource(self, name: str) -> SubResourceClient:
        """``status``, ``scale``, ``eviction``, ``binding``, ``token`` or any other."""
        return SubResourceClient(self, name)

    # --- from kinds to resources, from answers to objects -----------------------------------------

    async def resource_for(self, kind: Any) -> Resource:
        """Where a kind is served. Raises ``KeyError`` or, by discovery, ``NoKindMatch``."""
        if isinstance(kind, MetadataOnly):
            kind = kind.kind
        if isinstance(kind, GroupVersionKind) and self.mapper is not None:
            try:
                return self.scheme.resource_for(kind)
            except KeyError:
                return await self.mapper.resource_for(kind)
        return self.scheme.resource_for(kind)

    async def _body(self, obj: Any) -> tuple[JSON, Resource, JSON]:
        body = self.scheme.encode(obj)
        kind = GroupVersionKind.of(obj) if isinstance(obj, dict) else type(obj)
        return body, await self.resource_for(kind), body["metadata"]

    async def _write(self, like: T, call: Write) -> T:
        answer = await self.do_write(call)
        assert answer is not None
        decoded: T = answer if isinstance(like, dict) else self.scheme.decode(type(like), answer)  # type: ignore[assignment]  # a dictionary answers a dictionary
        return decoded

    def _answer(self, kind: Any, resource: Resource, answer: JSON | ObjectMeta) -> Any:
        if isinstance(kind, MetadataOnly):
            meta = answer if isinstance(answer, ObjectMeta) else ObjectMeta.of(answer)
            return PartialObjectMetadata(resource, meta)
        if isinstance(kind, type):
            return self.scheme.decode(kind, answer)  # type: ignore[arg-type]  # not metadata only
        return answer


class _Decoded:
    """A stream whose objects are decoded as they come."""

    def __init__(self, events: WatchStream[JSON], decode: Any) -> None:
        self._events = events
        self._decode = decode

    @property
    def resource_version(self) -> str:
        return self._events.resource_version

    def __aiter__(self) -> _Decoded:
        return self

    async def __anext__(self) -> WatchEvent[Any]:
        event = await anext(self._events)
        return WatchEvent(event.type, self._decode(event.object))
