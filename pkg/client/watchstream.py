"""The events of one watch connection, from its frames."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Literal, cast

from druid_operator.pkg.client.calls import WatchEvent
from druid_operator.pkg.client.listwatch import Frame
from druid_operator.pkg.meta import JSON, Resource, nesting


class EventStream:
    """A :class:`~druid_operator.pkg.client.WatchStream`; bookmarks only move the version."""

    def __init__(self, frames: AsyncIterator[Frame], resource: Resource, version: str) -> None:
        self._frames = frames
        self._resource = resource
        # Events that show what is there come in any order: until a bookmark, or until the first
        # change, none of their versions may be gone on from.
        self._ordered = bool(version)
        self.resource_version = version

    def __aiter__(self) -> EventStream:
        return self

    async def __anext__(self) -> WatchEvent[JSON]:
        async for frame in self._frames:
            obj: JSON = nesting.loads(frame.object)
            self._ordered = self._ordered or frame.type != "ADDED"
            if self._ordered:
                self.resource_version = obj["metadata"]["resourceVersion"]
            if frame.type in ("ADDED", "MODIFIED", "DELETED"):
                obj.setdefault("apiVersion", self._resource.api_version)
                obj.setdefault("kind", self._resource.kind)
                return WatchEvent(cast('Literal["ADDED", "MODIFIED", "DELETED"]', frame.type), obj)
        raise StopAsyncIteration
