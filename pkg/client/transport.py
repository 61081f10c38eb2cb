"""HTTP to the API server: one place for timeouts, retries, credentials and errors.

Guarantees:
  * every request has a deadline; a connection that died silently is found by TCP keepalive;
  * watches and requests use different connectors, so many watches never starve a write;
  * a read is repeated when its connection fails; a write never is, unless nothing was sent;
  * 429, and 503 or 504 with ``Retry-After``, are waited out for any verb: the server did not act;
  * a 401 refreshes the credentials once, for watches too, and cuts no open watch;
  * rotated TLS files are used for new connections, and open ones end in peace.

Not guaranteed: that a write whose answer was lost did not happen. It raises ``OutcomeUnknown``.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager

import aiohttp
import attrs
from yarl import URL

from druid_operator.pkg.client.answers import error_of, retry_wait, warning_texts
from druid_operator.pkg.client.config import RestConfig
from druid_operator.pkg.client.sessions import Sessions
from druid_operator.pkg.errors import (
    APIError,
    OutcomeUnknown,
    RequestNotSent,
    Unauthorized,
)

#: As client-go's ``MaxRetries`` for answers that carry Retry-After.
MAX_RETRIES = 10
#: How often a read whose connection failed is sent again.
MAX_RECONNECTS = 2
#: Seconds between looks at TLS files that somebody else rotates. A kubelet's certificate lives for
#: weeks, a mounted one is swapped within a minute of its Secret.
TLS_FILES_TTL = 60.0
_READS = frozenset({"GET", "HEAD"})


@attrs.frozen(kw_only=True)
class Timeouts:
    """Seconds. Lists get more: thousands of objects take a busy server a while."""

    connect: float = 10.0
    request: float = 30.0
    list: float = 60.0


class Transport:
    """One per process and API server. Close it after everything that uses it.

    Args:
        config: where and as whom.
        user_agent: shown in audit logs and, for requests without a field manager, in managedFields.
        timeouts: seconds, see :class:`Timeouts`.
        observe: called with (method, code, host) after each answer; code is ``<error>`` when there
            was none. Feeds ``rest_client_requests_total``.
        observe_duration: called with (verb, host, seconds) after each answer; of a watch, the time
            until it was open. Feeds ``rest_client_request_duration_seconds``.
        on_warning: called with the text of each warning of the server.
    """

    def __init__(
        self,
        config: RestConfig,
        *,
        user_agent: str = "druid-operator",
        timeouts: Timeouts | None = None,
        observe: Callable[[str, str, str], None] | None = None,
        observe_duration: Callable[[str, str, float], None] | None = None,
        on_warning: Callable[[str], None] | None = None,
    ) -> None:
        self.config = config
        self.timeouts = timeouts or Timeouts()
        self.host = URL(config.host).host or ""
        self._observe = observe or (lambda _method, _code, _host: None)
        self._observe_duration = observe_duration or (lambda _verb, _host, _seconds: None)
        self._on_warning = on_warning or (lambda _text: None)
        self._sessions = Sessions(config.ssl, user_agent)
        self._tls_looked_at = time.monotonic()

    async def close(self) -> None:
        await self._sessions.close()

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
        deadline = aiohttp.ClientTimeout(
            total=timeout or self.timeouts.request, sock_connect=self.timeouts.connect
        )
        await self._look_at_tls_files()
        refreshed = False
        for attempt in range(MAX_RETRIES + 1):
            try:
                return await self._once(
                    method, path, params, body, content_type, accept, deadline, refresh=refreshed
                )
            except Unauthorized:
                if refreshed:
                    raise
                refreshed = True
                await self._look_at_tls_files(force=True)
            except APIError as error:
                wait = retry_wait(error)
                if wait is None or attempt == MAX_RETRIES:
                    raise
                await asyncio.sleep(wait)
            except RequestNotSent as error:
                renewed = isinstance(error, _TLSRefused) and await self._look_at_tls_files(
                    force=True
                )
                if not renewed and (method not in _READS or attempt >= MAX_RECONNECTS):
                    raise
        raise AssertionError("unreachable: the last attempt returns or raises")

    async def _once(
        self,
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
        started = time.monotonic()
        code = "<error>"
        try:
            async with (
                self._sessions.use("requests") as session,
                session.request(
                    method, self._url(path, params), data=body, headers=headers, timeout=timeout,
                    allow_redirects=False, proxy=self.config.proxy,
                    server_hostname=self.config.server_hostname,
                ) as response,
            ):  # fmt: skip
                payload = await response.read()
                code = str(response.status)
        except aiohttp.ClientConnectorError as error:
            raise _not_connected(self.config.host, error) from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            if method in _READS:
                raise RequestNotSent(f"{method} {path}: no answer: {_words(error)}") from error
            raise OutcomeUnknown(f"{method} {path}: no answer: {_words(error)}") from error
        finally:
            self._observe(method, code, self.host)
            self._observe_duration(method, self.host, time.monotonic() - started)
        for header in response.headers.getall("Warning", ()):
            for text in warning_texts(header):
                self._on_warning(text)
        if response.status >= 300:
            raise error_of(response.status, payload, response.headers.get("Retry-After"))
        return payload

    @asynccontextmanager
    async def stream(
        self,
        path: str,
        params: Mapping[str, str],
        *,
        idle: float,
        accept: str = "application/json",
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        """Open a watch and yield an iterator of raw chunks.

        Args:
            idle: seconds without a byte after which the stream is given up.
            accept: in which form the objects are wanted.

        Raises as :meth:`request` does; the iterator raises ``RequestNotSent`` when the connection
        breaks (a watch is a read, so there is nothing to be unsure of).
        """
        await self._look_at_tls_files()
        timeout = aiohttp.ClientTimeout(
            total=None, sock_connect=self.timeouts.connect, sock_read=idle
        )
        headers = {
            "Accept": accept,
            "Accept-Encoding": "identity",  # compression would hold events back
        }
        async with AsyncExitStack() as stack:
            try:
                response = await self._open(stack, path, params, timeout, headers, refresh=False)
                if response.status == 401:
                    await self._look_at_tls_files(force=True)
                    response = await self._open(stack, path, params, timeout, headers, refresh=True)
                if response.status >= 300:
                    raise error_of(
                        response.status, await response.read(), response.headers.get("Retry-After")
                    )
                yield _chunks(response)
            except aiohttp.ClientConnectorError as error:
                await self._look_at_tls_files(force=isinstance(error, aiohttp.ClientSSLError))
                raise _not_connected(self.config.host, error) from error
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                raise RequestNotSent(f"watch {path} broke: {_words(error)}") from error

    async def _open(
        self,
        stack: AsyncExitStack,
        path: str,
        params: Mapping[str, str],
        timeout: aiohttp.ClientTimeout,
        headers: Mapping[str, str],
        *,
        refresh: bool,
    ) -> aiohttp.ClientResponse:
        headers = {**headers, **await self.config.credentials.headers(refresh=refresh)}
        session = await stack.enter_async_context(self._sessions.use("watches"))
        started = time.monotonic()
        code = "<error>"
        try:
            response = await stack.enter_async_context(
                session.get(
                    self._url(path, params), headers=headers, timeout=timeout,
                    allow_redirects=False, proxy=self.config.proxy,
                    server_hostname=self.config.server_hostname,
                )
            )  # fmt: skip
            code = str(response.status)
            return response
        finally:
            self._observe("WATCH", code, self.host)
            self._observe_duration("WATCH", self.host, time.monotonic() - started)

    async def _look_at_tls_files(self, *, force: bool = False) -> bool:
        """Load rotated files, and connect anew with them; true when there were any."""
        files = self.config.tls_files
        now = time.monotonic()
        if files is None or not (force or now - self._tls_looked_at >= TLS_FILES_TTL):
            return False
        self._tls_looked_at = now
        changed = await asyncio.to_thread(files.refresh)
        if changed:
            await self._sessions.retire()
        return changed

    def _url(self, path: str, params: Mapping[str, str] | None) -> URL:
        url = URL(self.config.host + path, encoded=True)
        return url.with_query(params) if params else url


async def _chunks(response: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    # iter_any has no line limit; aiohttp's readline refuses lines over half a megabyte.
    async for chunk in response.content.iter_any():
        yield chunk


class NotConnected(RequestNotSent):
    """There was nobody, or nobody we believe, to send it to."""


class _TLSRefused(NotConnected):
    """The handshake failed: one side's certificate is not believed."""


def _not_connected(host: str, error: aiohttp.ClientConnectorError) -> RequestNotSent:
    kind = _TLSRefused if isinstance(error, aiohttp.ClientSSLError) else NotConnected
    return kind(f"cannot connect to {host}: {error}")


def _words(error: BaseException) -> str:
    return str(error) or type(error).__name__
