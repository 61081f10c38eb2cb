"""The verbs that read: ``get``, ``list``, ``watch``."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, TypeVar, Unpack, overload

from druid_operator.pkg.client.calls import (
    Consistency,
    Get,
    List,
    MetadataOnly,
    ObjectList,
    PartialObjectMetadata,
    Untyped,
    Watch,
    WatchEvent,
)
from druid_operator.pkg.client.core import ClientCore
from druid_operator.pkg.client.interface import WatchStream
from druid_operator.pkg.client.options import ListOptions, WatchOptions
from druid_operator.pkg.meta import JSON, NamespacedName

T = TypeVar("T")


class Reading(ClientCore):
    """See :class:`~druid_operator.pkg.client.Reader` for what each promises."""

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
    async def list(self, kind: Untyped, /, **options: Unpack[ListOptions]) -> ObjectList[JSON]: ...
    @overload
    async def list(
        self, kind: MetadataOnly, /, **options: Unpack[ListOptions]
    ) -> ObjectList[PartialObjectMetadata]: ...
    @overload
    async def list(self, kind: type[T], /, **options: Unpack[ListOptions]) -> ObjectList[T]: ...
    async def list(self, kind: Any, /, **options: Unpack[ListOptions]) -> ObjectList[Any]:
        resource = await self.resource_for(kind)
        call = List(resource=resource, metadata_only=isinstance(kind, MetadataOnly), **options)
        found = await self.do_list(call)
        return ObjectList(self._answer(kind, resource, obj) for obj in found).of(found)

    @overload
    def watch(
        self, kind: Untyped, /, **options: Unpack[WatchOptions]
    ) -> AbstractAsyncContextManager[WatchStream[JSON]]: ...
    @overload
    def watch(
        self, kind: type[T], /, **options: Unpack[WatchOptions]
    ) -> AbstractAsyncContextManager[WatchStream[T]]: ...
    @asynccontextmanager
    async def watch(
        self, kind: Any, /, **options: Unpack[WatchOptions]
    ) -> AsyncIterator[WatchStream[Any]]:
        resource = await self.resource_for(kind)
        call = Watch(resource=resource, **options)
        async with self.do_watch(call) as events:
            yield _Decoded(events, lambda obj: self._answer(kind, resource, obj))


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
