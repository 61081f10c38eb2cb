"""Lists and watches of one kind in one scope, as bytes: what a reflector is fed with.

Objects stay encoded. The envelope of a watch event is decoded by msgspec into a type and a slice;
the slice is copied at once, because it would keep the whole chunk alive.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from typing import Protocol

import attrs
import msgspec
import orjson

from druid_operator.pkg.client.transport import Transport
from druid_operator.pkg.errors import APIError, api_error
from druid_operator.pkg.meta import Resource, nesting

#: Objects are limited to about 1.5 MiB by etcd; this is far above any line that makes sense.
MAX_LINE_BYTES = 64 << 20

#: Metadata alone, of one object and of a list.
METADATA = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
METADATA_LIST = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"


@attrs.frozen(kw_only=True)
class Scope:
    """Which objects of a kind: one namespace or all, by labels, by fields.

    ``labels`` and ``fields`` are selectors in the API's own notation.
    """

    namespace: str = ""
    labels: str = ""
    fields: str = ""


@attrs.frozen
class Frame:
    """One watch event: ``ADDED``, ``MODIFIED``, ``DELETED`` or ``BOOKMARK``, and the object's
    bytes.
    """

    type: str
    object: bytes


@attrs.frozen
class Page:
    items: tuple[bytes, ...]
    resource_version: str
    continue_token: str


class LineTooLong(APIError):
    """A watch line above :data:`MAX_LINE_BYTES`; the stream cannot be resumed behind it."""

    default_code, default_reason = 0, "LineTooLong"


class ListWatch(Protocol):
    """What a reflector needs of the API server."""

    async def list_page(
        self, *, resource_version: str, limit: int, continue_token: str
    ) -> Page: ...

    def watch(
        self, *, resource_version: str, send_initial_events: bool, timeout_seconds: int
    ) -> AbstractAsyncContextManager[AsyncIterator[Frame]]: ...


class _Envelope(msgspec.Struct, gc=False):
    type: str
    object: msgspec.Raw


class _ListMeta(msgspec.Struct, gc=False, rename="camel"):
    resource_version: str = ""
    continue_: str = msgspec.field(default="", name="continue")


class _List(msgspec.Struct, gc=False):
    kind: str
    metadata: _ListMeta
    items: list[msgspec.Raw] | None = None


_envelope = msgspec.json.Decoder(_Envelope)
_list = msgspec.json.Decoder(_List)


class RestListWatch:
    """The real one. See :class:`ListWatch`.

    Raises ``APIError`` for refusals and ERROR frames, ``RequestNotSent`` for broken connections.
    """

    def __init__(
        self, transport: Transport, resource: Resource, scope: Scope, *, metadata_only: bool = False
    ) -> None:
        self._transport = transport
        self._accept = METADATA_LIST if metadata_only else "application/json"
        self._accept_watch = METADATA if metadata_only else "application/json"
        self._path = resource.path(scope.namespace)
        self._selectors: dict[str, str] = {}
        if scope.labels:
            self._selectors["labelSelector"] = scope.labels
        if scope.fields:
            self._selectors["fieldSelector"] = scope.fields

    async def list_page(self, *, resource_version: str, limit: int, continue_token: str) -> Page:
        params = dict(self._selectors)
        if limit:
            params["limit"] = str(limit)
        if continue_token:
            params["continue"] = continue_token
        elif resource_version:
            params["resourceVersion"] = resource_version
            if resource_version != "0":
                params["resourceVersionMatch"] = "NotOlderThan"
        payload = await self._transport.request(
            "GET", self._path, params=params, accept=self._accept,
            timeout=self._transport.timeouts.list,
        )  # fmt: skip
        try:
            page = _list.decode(payload)
        except RecursionError:
            page = _list.decode(nesting.cut(payload))
        if not page.kind.endswith("List"):
            raise api_error(406, {"message": f"asked for a list, was sent a {page.kind}"})
        return Page(
            tuple(bytes(item) for item in page.items or ()),
            page.metadata.resource_version,
            page.metadata.continue_,
        )

    @asynccontextmanager
    async def watch(
        self, *, resource_version: str, send_initial_events: bool, timeout_seconds: int
    ) -> AsyncIterator[AsyncIterator[Frame]]:
        params = {
            **self._selectors,
            "watch": "true",
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(timeout_seconds),
        }
        if resource_version:
            params["resourceVersion"] = resource_version
        if send_initial_events:
            params["sendInitialEvents"] = "true"
            params["resourceVersionMatch"] = "NotOlderThan"
        async with (
            self._transport.stream(
                self._path, params, idle=timeout_seconds + 5.0, accept=self._accept_watch
            ) as chunks,
            aclosing(_frames(chunks)) as frames,
        ):
            yield frames


async def _frames(chunks: AsyncIterator[bytes]) -> AsyncGenerator[Frame, None]:
    """Split chunks into lines and decode them. A half line at the end of the stream is dropped."""
    parts: list[bytes] = []
    size = 0
    async for chunk in chunks:
        head, newline, rest = chunk.partition(b"\n")
        parts.append(head)
        size += len(head)
        if size > MAX_LINE_BYTES:
            raise LineTooLong(f"a watch event of more than {MAX_LINE_BYTES} bytes")
        if not newline:
            continue
        yield _frame(b"".join(parts))
        *lines, tail = rest.split(b"\n")
        for line in lines:
            if line:
                yield _frame(line)
        parts, size = [tail], len(tail)


def _frame(line: bytes) -> Frame:
    try:
        event = _envelope.decode(line)
    except RecursionError:
        # One object that nests too deep must not end the watch for all others.
        event = _envelope.decode(nesting.cut(line))
    obj = bytes(event.object)
    if event.type == "ERROR":
        status = orjson.loads(obj)
        raise api_error(int(status.get("code") or 500), status)
    return Frame(event.type, obj)
