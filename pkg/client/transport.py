"""HTTP to the API server: one place for timeouts, retries, credentials and errors.

Guarantees:
  * every request has a deadline; a connection that died silently is found by TCP keepalive;
  * watches and requests use different connectors, so many watches never starve a write;
  * a read is repeated when its connection fails; a write never is, unless nothing was sent;
  * 429, and 503 or 504 with ``Retry-After``, are waited out for any verb: the server did not act;
  * a 401 refreshes the credentials once.

Not guaranteed: that a write whose answer was lost did not happen. It raises ``OutcomeUnknown``.
"""

from __future__ import annotations

import asyncio
import random
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import attrs
import orjson
from yarl import URL

from druid_operator.pkg.client.config import RestConfig
from druid_operator.pkg.errors import (
    APIError,
    OutcomeUnknown,
    RequestNotSent,
    Unauthorized,
    api_error,
)

#: As client-go's ``MaxRetries`` for answers that carry Retry-After.
MAX_RETRIES = 10
_RETRIABLE = frozenset({429, 503, 504})
_READS = frozenset({"GET", "HEAD"})
#: A body that is no Status (a proxy's HTML page) is quoted up to here.
_MAX_QUOTED = 512


@attrs.frozen(kw_only=True)
class Timeouts:
    """Seconds. Lists get more: thousands of objects take a busy server a while."""

    connect: float = 10.0
    request: float = 30.0
    list: float = 60.0


def _keepalive_socket(info: Any) -> socket.socket:
    """A socket that notices a peer that vanished: cloud balancers drop idle flows without a
    word.
    """
    family, kind, proto, *_ = info
    sock = socket.socket(family=family, type=kind, proto=proto)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    # Linux names; elsewhere the system's own defaults hold.
    for option, value in (
        ("TCP_KEEPIDLE", 30),
        ("TCP_KEEPINTVL", 10),
        ("TCP_KEEPCNT", 3),
        ("TCP_USER_TIMEOUT", 60_000),
    ):
        if hasattr(socket, option):
            sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)
    return sock


class Transport:
    """One per process and API server. Close it after everything that uses it.

    Args:
        config: where and as whom.
        user_agent: shown in audit logs and, for requests without a field manager, in managedFields.
        timeouts: seconds, see :class:`Timeouts`.
        observe: called with (method, code, host) after each answer; code is ``<error>`` when there
            was none. Feeds ``rest_client_requests_total``.
        on_warning: called with the text of each ``Warning`` header of the server.
    """

    def __init__(
        self,
        config: RestConfig,
        *,
        user_agent: str = "druid-operator",
        timeouts: Timeouts | None = None,
        observe: Callable[[str, str, str], None] | None = None,
        on_warning: Callable[[str], None] | None = None,
    ) -> None:
        self.config = config
        self.timeouts = timeouts or Timeouts()
        self.host = URL(config.host).host or ""
        self._user_agent = user_agent
        self._observe = observe or (lambda _method, _code, _host: None)
        self._on_warning = on_warning or (lambda _text: None)
        self._requests: aiohttp.ClientSession | None = None
        self._watches: aiohttp.ClientSession | None = None

    def _session(self, limit: int) -> aiohttp.ClientSession:
        tls: ssl.SSLContext | bool = self.config.ssl or True
        return aiohttp.ClientSession(
            # trust_env would look up netrc and proxies in a thread, for each request.
            trust_env=False,
            auto_decompress=True,
            headers={"User-Agent": self._user_agent},
            connector=aiohttp.TCPConnector(
                limit=limit, ssl=tls, keepalive_timeout=90, socket_factory=_keepalive_socket
            ),
        )

    async def close(self) -> None:
        for session in (self._requests, self._watches):
            if session is not None:
                await session.close()
        self._requests = self._watches = None

    async def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        body: bytes | None = None,
        content_type: str = "application/json",
        accept: str = "application/json",
        timeout: float | None = None,
    ) -> bytes:
        """Send one request and return the body of a 2xx answer.

        Raises ``APIError`` (typed by reason), ``RequestNotSent`` or ``OutcomeUnknown``.
        """
        if self._requests is None:
            self._requests = self._session(64)
        deadline = aiohttp.ClientTimeout(
            total=timeout or self.timeouts.request, sock_connect=self.timeouts.connect
        )
        refreshed = False
        for attempt in range(MAX_RETRIES + 1):
            try:
                return await self._once(
                    self._requests, method, path, params, body, content_type, accept, deadline,
                    refresh=refreshed,
                )  # fmt: skip
            except Unauthorized:
                if refreshed:
                    raise
                refreshed = True
            except APIError as error:
                wait = _retry_wait(error)
                if wait is None or attempt == MAX_RETRIES:
                    raise
                await asyncio.sleep(wait)
            except RequestNotSent:
                if method not in _READS or attempt >= 2:
                    raise
        raise AssertionError("unreachable: the last attempt returns or raises")

    async def _once(
        self,
        session: aiohttp.ClientSession,
        method: str,
        path: str,
        params: Mapping[str, str] | None,
        body: bytes | None,
        content_type: str,
        accept: str,
        timeout: aiohttp.ClientTimeout,
        *,
        refresh: bool,
    ) -> bytes:
        headers = {"Accept": accept, **await self.config.credentials.headers(refresh=refresh)}
        if body is not None:
            headers["Content-Type"] = content_type
        try:
            async with session.request(
                method, self._url(path, params), data=body, headers=headers, timeout=timeout,
                allow_redirects=False, proxy=self.config.proxy,
                server_hostname=self.config.server_hostname,
            ) as response:  # fmt: skip
                payload = await response.read()
        except aiohttp.ClientConnectorError as error:
            self._observe(method, "<error>", self.host)
            raise RequestNotSent(f"cannot connect to {self.config.host}: {error}") from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            self._observe(method, "<error>", self.host)
            if method in _READS:
                raise RequestNotSent(f"{method} {path}: no answer: {_words(error)}") from error
            raise OutcomeUnknown(f"{method} {path}: no answer: {_words(error)}") from error
        self._observe(method, str(response.status), self.host)
        for warning in response.headers.getall("Warning", ()):
            self._on_warning(_warning_text(warning))
        if response.status >= 300:
            raise _error_from(response.status, payload, response.headers.get("Retry-After"))
        return payload

    @asynccontextmanager
    async def stream(
        self, path: str, params: Mapping[str, str], *, idle: float
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        """Open a watch and yield an iterator of raw chunks.

        Args:
            idle: seconds without a byte after which the stream is given up.

        Raises as :meth:`request` does; the iterator raises ``RequestNotSent`` when the connection
        breaks (a watch is a read, so there is nothing to be unsure of).
        """
        if self._watches is None:
            self._watches = self._session(0)
        headers = {
            "Accept": "application/json",
            "Accept-Encoding": "identity",  # compression would hold events back
            **await self.config.credentials.headers(),
        }
        timeout = aiohttp.ClientTimeout(
            total=None, sock_connect=self.timeouts.connect, sock_read=idle
        )
        try:
            async with self._watches.get(
                self._url(path, params), headers=headers, timeout=timeout, allow_redirects=False,
                proxy=self.config.proxy, server_hostname=self.config.server_hostname,
            ) as response:  # fmt: skip
                self._observe("WATCH", str(response.status), self.host)
                if response.status == 401:
                    await self.config.credentials.headers(refresh=True)
                if response.status >= 300:
                    raise _error_from(
                        response.status, await response.read(), response.headers.get("Retry-After")
                    )
                yield _chunks(response)
        except aiohttp.ClientConnectorError as error:
            raise RequestNotSent(f"cannot connect to {self.config.host}: {error}") from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise RequestNotSent(f"watch {path} broke: {_words(error)}") from error

    def _url(self, path: str, params: Mapping[str, str] | None) -> URL:
        url = URL(self.config.host + path, encoded=True)
        return url.with_query(params) if params else url


async def _chunks(response: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    # iter_any has no line limit; aiohttp's readline refuses lines over half a megabyte.
    async for chunk in response.content.iter_any():
        yield chunk


def _retry_wait(error: APIError) -> float | None:
    """Seconds to wait before the same request may be sent again; ``None`` if it may not."""
    if error.code not in _RETRIABLE:
        return None
    if error.retry_after is None:
        # Without Retry-After a 503 or 504 says nothing about whether the request was carried out.
        return 1.0 + random.random() if error.code == 429 else None
    return error.retry_after * (1 + 0.1 * random.random())


def _error_from(code: int, payload: bytes, retry_after: str | None) -> APIError:
    try:
        status = orjson.loads(payload)
    except orjson.JSONDecodeError:
        status = None
    if not isinstance(status, dict) or status.get("kind") != "Status":
        text = payload[:_MAX_QUOTED].decode(errors="replace").strip()
        status = {"message": text or f"the server answered {code} with an empty body"}
    wait = float(retry_after) if retry_after and retry_after.isdigit() else None
    return api_error(code, status, retry_after=wait)


def _warning_text(header: str) -> str:
    """``299 - "text"`` -> ``text`` (RFC 7234, 5.5)."""
    parts = header.split(" ", 2)
    return parts[2].strip('"') if len(parts) == 3 else header


def _words(error: BaseException) -> str:
    return str(error) or type(error).__name__
