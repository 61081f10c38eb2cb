"""Serving watches: chunked JSON lines, bookmarks, time limits, and their faults."""

from __future__ import annotations

import asyncio

import orjson
from aiohttp import web

from druid_operator.pkg.apistore.history import Frame, Watch, bookmark
from druid_operator.pkg.apistore.store import APIStore
from druid_operator.pkg.apistore.tables import build_table, partial_metadata
from druid_operator.pkg.clock import Clock
from druid_operator.pkg.envtest.apiserver.call import Call
from druid_operator.pkg.envtest.apiserver.negotiate import Form, wanted_form
from druid_operator.pkg.envtest.apiserver.request_options import list_options
from druid_operator.pkg.errors import Expired
from druid_operator.pkg.meta import JSON

#: Without ``timeoutSeconds`` the real server picks between 30 and 60 minutes.
_DEFAULT_TIMEOUT = 1800.0


class WatchServer:
    """All open watches of a server.

    Args:
        bookmark_period: seconds between bookmarks, for watches that allow them; the real server
            sends them about every minute.
    """

    def __init__(self, store: APIStore, clock: Clock, bookmark_period: float) -> None:
        self._store = store
        self._clock = clock
        self.bookmark_period = bookmark_period
        self._open: dict[Watch, web.BaseRequest] = {}
        self._truncated: set[Watch] = set()

    def __len__(self) -> int:
        return len(self._open)

    def cut(self) -> int:
        """Break every open watch; returns how many there were."""
        requests = list(self._open.values())
        for request in requests:
            if request.transport is not None:
                request.transport.abort()
        return len(requests)

    def truncate(self) -> None:
        """Cut every open watch in the middle of its next frame."""
        self._truncated.update(self._open)

    def is_truncated(self, watch: Watch) -> bool:
        return watch in self._truncated

    async def serve(
        self, request: web.BaseRequest, call: Call, flowing: asyncio.Event
    ) -> web.StreamResponse:
        """Stream until time, the client or a fault ends it. Raises ``APIError`` before that."""
        form = wanted_form(call.accept)
        options = list_options(call.query)
        served = call.served
        send_initial = call.query.get("sendInitialEvents") in ("true", "1")
        expired: Expired | None = None
        try:
            watch = self._store.watch(
                served.resource, call.target.namespace, options, send_initial=send_initial
            )
        except Expired as error:
            expired = error
            watch = Watch(lambda _: False, "")
        response = web.StreamResponse(
            headers={
                "Content-Type": "application/json",
                "Cache-Control": "no-cache, private",
            }
        )
        response.enable_chunked_encoding()
        self._open[watch] = request
        try:
            await response.prepare(request)
            stream = _Stream(self, watch, request, response, call, form, flowing)
            if expired is not None:
                await stream.send_error(expired)
            else:
                await stream.run()
            await response.write_eof()
        except ConnectionError:
            pass  # the client went, or a fault cut it: either way there is nobody to tell
        finally:
            del self._open[watch]
            self._truncated.discard(watch)
            self._store.close_watch(served.resource, watch)
        return response

    def bookmark_for(self, call: Call) -> Frame:
        resource = call.served.resource
        return bookmark(resource.api_version, resource.kind, int(self._store.resource_version))

    def table(self, call: Call, obj: JSON, *, with_columns: bool) -> JSON:
        return build_table(
            call.served,
            [obj],
            self._clock.now(),
            metadata={"resourceVersion": obj["metadata"].get("resourceVersion", "")},
            include=call.query.get("includeObject", "Metadata"),
            with_columns=with_columns,
        )


class _Stream:
    """One watch being sent."""

    def __init__(
        self,
        server: WatchServer,
        watch: Watch,
        request: web.BaseRequest,
        response: web.StreamResponse,
        call: Call,
        form: Form,
        flowing: asyncio.Event,
    ) -> None:
        self._server = server
        self._watch = watch
        self._request = request
        self._response = response
        self._call = call
        self._form = form
        self._flowing = flowing
        self._first = True
        self._bookmarks = call.query.get("allowWatchBookmarks") in ("true", "1")

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        wake = asyncio.Event()
        watch = self._watch
        watch.on_frame = wake.set
        limit = float(self._call.query.get("timeoutSeconds") or 0) or _DEFAULT_TIMEOUT
        end = loop.time() + limit
        next_bookmark = loop.time() + self._server.bookmark_period
        wake.set()
        while True:
            wait_until = min(end, next_bookmark) if self._bookmarks else end
            try:
                async with asyncio.timeout_at(wait_until):
                    await wake.wait()
                    await self._flowing.wait()
            except TimeoutError:
                if loop.time() >= end:
                    return
                if self._flowing.is_set():
                    await self._send([self._server.bookmark_for(self._call)])
                next_bookmark = loop.time() + self._server.bookmark_period
                continue
            wake.clear()
            frames = list(watch.frames)
            watch.frames.clear()
            await self._send(frames)
            if watch.closed:
                return

    async def _send(self, frames: list[Frame]) -> None:
        if not frames:
            return
        lines = b"".join(self._line(frame) for frame in frames)
        if not self._server.is_truncated(self._watch):
            await self._response.write(lines)
            return
        await self._response.write(lines[: lines.index(b"\n") // 2])
        transport = self._request.transport
        if transport is not None:
            # Not abort(): what was written must arrive, or nobody sees half a line.
            transport.close()
        raise ConnectionResetError

    def _line(self, frame: Frame) -> bytes:
        raw = frame.raw
        if frame.type == "BOOKMARK":
            if self._form == "table":
                table = {
                    "kind": "Table", "apiVersion": "meta.k8s.io/v1", "columnDefinitions": None,
                    "metadata": frame.object["metadata"], "rows": [],
                }  # fmt: skip
                raw = orjson.dumps(table)
            elif self._form == "metadata":
                raw = orjson.dumps(partial_metadata(frame.object))
        elif self._form == "table":
            raw = orjson.dumps(
                self._server.table(self._call, frame.object, with_columns=self._first)
            )
            self._first = False
        elif self._form == "metadata":
            raw = orjson.dumps(partial_metadata(frame.object))
        return b'{"type":"' + frame.type.encode() + b'","object":' + raw + b"}\n"

    async def send_error(self, error: Expired) -> None:
        """The status code of a watch is sent before the server knows: errors are frames."""
        status = orjson.dumps(error.to_status())
        await self._response.write(b'{"type":"ERROR","object":' + status + b"}\n")
