"""What every client is made of: four calls, and the way from kinds to resources and back."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import AbstractAsyncContextManager
from typing import Any, TypeVar

from druid_operator.pkg.client.calls import (
    Get,
    List,
    MetadataOnly,
    ObjectList,
    PartialObjectMetadata,
    Watch,
    Write,
)
from druid_operator.pkg.client.interface import WatchStream
from druid_operator.pkg.client.restmapper import RESTMapper
from druid_operator.pkg.meta import JSON, GroupVersionKind, ObjectMeta, Resource
from druid_operator.pkg.scheme import Scheme

T = TypeVar("T")


class ClientCore(ABC):
    """A client gives the four ``do_`` methods; the verbs are built on them.

    Args:
        scheme: tells where a kind is served and how it is decoded.
        mapper: finds the kinds that are not in the scheme; without one they are a ``KeyError``.
    """

    def __init__(self, scheme: Scheme, mapper: RESTMapper | None = None) -> None:
        self.scheme = scheme
        self.mapper = mapper

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
