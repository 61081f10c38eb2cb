"""The proxy itself: which request meets which fault, and what is open."""

from __future__ import annotations

import asyncio
import io
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import TypeAlias

import aiohttp
from aiohttp import web
from yarl import URL

from druid_operator.pkg.client import RestConfig
from druid_operator.pkg.envtest.apiserver.faults import Cut, Hold, Reply, Rules, Slow
from druid_operator.pkg.envtest.proxy.relay import Relay, Shut, Truncate, lines_of
from druid_operator.pkg.envtest.proxy.request import (
    Match,
    ProxiedRequest,
    anything,
    parse_request,
)

#: Of the connection and not of the message (RFC 9110, 7.6.1), or set anew by aiohttp.
_HOP_HEADERS = frozenset(
    {"connection", "content-length", "content-encoding", "host", "keep-alive", "transfer-encoding"}
)

ProxyFault: TypeAlias = Hold | Slow | Cut | Reply | Truncate | Shut


class FaultProxy:
    """Stands before the API server of ``upstream``; an async context manager.

    Args:
        upstream: where to, and as whom.
        tls: speak HTTPS to clients, with that certificate.

    Attributes:
        faults: what happens to single requests; see :class:`Rules`.
        requests: every request so far, in the order of arrival.
    """

    def __init__(self, upstream: RestConfig, *, tls: ssl.SSLContext | None = None) -> None:
        self._upstream = upstream
        self._tls = tls
        self.faults: Rules[ProxiedRequest, ProxyFault] = Rules()
        self.requests: list[ProxiedRequest] = []
        self._relays: dict[Relay, None] = {}
        self._connections: set[asyncio.Transport] = set()
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._down = False
        self._session: aiohttp.ClientSession | None = None
        self._runner: web.ServerRunner | None = None
        self._port = 0

    async def __aenter__(self) -> FaultProxy:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=self._upstream.ssl or True, limit=0),
            auto_decompress=True,
        )
        # With cancellation the server's end of a watch closes when the client's does.
        self._runner = web.ServerRunner(
            web.Server(self._serve, access_log=None, handler_cancellation=True)
        )
        await self._runner.setup()
        await web.TCPSite(
            self._runner, "127.0.0.1", self._port, ssl_context=self._tls, reuse_address=True
        ).start()
        self._port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._break_all()
        if self._runner is not None:
            await self._runner.cleanup()
        if self._session is not None:
            await self._session.close()

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self._port}"

    def rest_config(self) -> RestConfig:
        """A configuration for clients of the proxy, of one that speaks HTTP."""
        return RestConfig(host=self.url, namespace=self._upstream.namespace)

    def select(self, *, plural: str = "", namespace: str = "") -> Iterator[ProxiedRequest]:
        """The requests for one resource, or in one namespace."""
        for request in self.requests:
            if plural in ("", request.plural) and namespace in ("", request.namespace):
                yield request

    # --- faults of open connections -------------------------------------------------------------

    @property
    def open_watches(self) -> int:
        return len(self._relays)

    def cut_watches(self, match: Match = anything) -> int:
        """Break the connections of open watches; returns how many."""
        chosen = [relay for relay in self._relays if match(relay.request)]
        for relay in chosen:
            relay.cut()
        return len(chosen)

    def cut_in_next_line(self) -> None:
        """Every open watch breaks in the middle of the next line that the server sends."""
        for relay in self._relays:
            relay.truncate = Truncate(relay.sent, half=True)

    def stall_watches(self, match: Match = anything) -> None:
        """Watches that are open now stay open and say nothing more. Later ones flow."""
        for relay in self._relays:
            if match(relay.request):
                relay.flowing = asyncio.Event()

    def hold_watches(self) -> None:
        """All watches, open and new, are accepted and say nothing until :meth:`release_watches`,
        which brings what they missed."""
        self._flowing.clear()

    def release_watches(self) -> None:
        self._flowing.set()

    async def say(self, line: bytes) -> None:
        """Send a line of our own to every open watch."""
        for relay in tuple(self._relays):
            await relay.write(line.rstrip(b"\n") + b"\n")

    def go_down(self) -> None:
        """The API server is gone: connections break, new ones are closed without an answer.

        The attempts are still recorded, which a closed port could not do.
        """
        self._down = True
        self._break_all()

    def come_up(self) -> None:
        self._down = False

    def _break_all(self) -> None:
        for transport in tuple(self._connections):
            transport.abort()

    # --- serving --------------------------------------------------------------------------------

    async def _serve(self, http: web.BaseRequest) -> web.StreamResponse:
        transport = http.transport
        if transport is not None:
            self._connections.add(transport)
        try:
            body = await http.read()
            request = parse_request(http, len(self.requests) + 1)
            self.requests.append(request)
            return await self._with_faults(http, request, body)
        finally:
            if transport is not None:
                self._connections.discard(transport)

    async def _with_faults(
        self, http: web.BaseRequest, request: ProxiedRequest, body: bytes
    ) -> web.StreamResponse:
        fault: ProxyFault | None = Cut() if self._down else self.faults.decide(request)
        match fault:
            case Slow(seconds):
                await asyncio.sleep(seconds)
            case Hold(until, after=False):
                await until.wait()
            case Cut(after=False):
                return _vanish(http)
            case Reply():
                request.status = fault.status
                return fault.response()
        async with self._forward(http, body) as answer:
            if request.verb == "watch" and answer.status == 200:
                request.status = 200
                return await self._relay(http, request, answer, fault)
            payload = await answer.read()
            if isinstance(fault, Hold) and fault.after:
                await fault.until.wait()
            if isinstance(fault, Cut) or self._down:
                return _vanish(http)
            request.status = answer.status
            return web.Response(body=payload, status=answer.status, headers=_headers(answer))

    @asynccontextmanager
    async def _forward(
        self, http: web.BaseRequest, body: bytes
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        assert self._session is not None
        dropped = _HOP_HEADERS | {"authorization", "accept-encoding"}
        headers = {k: v for k, v in http.headers.items() if k.lower() not in dropped}
        headers.update(await self._upstream.credentials.headers())
        async with self._session.request(
            http.method,
            URL(self._upstream.host + http.raw_path, encoded=True),
            data=io.BytesIO(body) if body else None,
            headers=headers,
            allow_redirects=False,
            server_hostname=self._upstream.server_hostname,
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=10),
        ) as answer:
            yield answer

    async def _relay(
        self,
        http: web.BaseRequest,
        request: ProxiedRequest,
        answer: aiohttp.ClientResponse,
        fault: ProxyFault | None,
    ) -> web.StreamResponse:
        response = web.StreamResponse(headers=_headers(answer))
        response.enable_chunked_encoding()
        relay = Relay(http, request, response, fault if isinstance(fault, Truncate) else None)
        self._relays[relay] = None
        try:
            await response.prepare(http)
            if not isinstance(fault, Shut):
                await relay.run(lines_of(answer), self._flowing)
            await response.write_eof()
        except (ConnectionError, aiohttp.ClientError):
            relay.cut()  # one end broke: so does the other
        finally:
            del self._relays[relay]
        return response


def _headers(answer: aiohttp.ClientResponse) -> dict[str, str]:
    return {k: v for k, v in answer.headers.items() if k.lower() not in _HOP_HEADERS}


def _vanish(http: web.BaseRequest) -> web.Response:
    if http.transport is not None:
        http.transport.abort()
    # aiohttp wants an answer; the connection is gone before it could be sent.
    return web.Response(status=499)
