"""One HTTP exchange with Druid: deadlines, credentials, redirects, and which failure it was.

Nothing here knows a resource of Druid. What it guarantees:

* every exchange ends: connect, read and mutation deadlines (``Deadlines``);
* a mutation that was sent and not answered raises ``OutcomeUnknown``, one that never left raises
  ``NotSent``; reads raise ``Timeout`` and ``NotReady``;
* no redirect is followed except one 307, by hand, to an address that ``redirect`` approves:
  automatic following drops ``Authorization`` when the host changes, or sends it to a stranger;
* credentials are read again once after a 401, which Druid answers before it does anything.
"""

from __future__ import annotations

import base64
import ssl
import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import aiohttp
import attrs
from yarl import URL

from druid_operator.pkg.druidapi import errors

#: Bytes of an answer that we are willing to hold. A listing of a thousand supervisors with large
#: specs is about 20 MiB; beyond this it is no Druid.
MAX_ANSWER = 64 * 1024 * 1024


@attrs.frozen
class Deadlines:
    """Seconds. Supervisor mutations wait for tasks to stop: ``shutdownTimeout`` is 80 s by default,
    they queue behind one lock, and a sick Kafka has held it far longer (apache/druid#16272)."""

    connect: float = 5
    read: float = 30
    supervisor: float = 180
    mutation: float = 60


class Credentials(Protocol):
    """Where the ``Authorization`` header comes from."""

    async def authorization(self, *, refresh: bool = False) -> str | None:
        """The header's value, ``None`` for none. ``refresh``: the last one was refused, so a cached
        one must be read again."""
        ...


class TLS(Protocol):
    """Where the context for https comes from."""

    @property
    def server_name(self) -> str:
        """The name that the certificate must bear, empty for the address's own."""
        ...

    async def context(self, *, refresh: bool = False) -> ssl.SSLContext:
        """``refresh``: the last one was of no use, so what is kept must be read again."""
        ...


@attrs.frozen
class StaticTLS:
    """One context for ever, for tests and tools."""

    ssl_context: ssl.SSLContext
    server_name: str = ""

    async def context(self, *, refresh: bool = False) -> ssl.SSLContext:
        return self.ssl_context


@attrs.frozen
class StaticCredentials:
    """One value for ever, for tests and tools."""

    value: str = attrs.field(repr=False)

    async def authorization(self, *, refresh: bool = False) -> str | None:
        return self.value


def basic_authorization(user: str, password: str) -> str:
    """The header of basic authentication. RFC 7617 with UTF-8, as Druid decodes it."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def bearer_authorization(token: str) -> str:
    return f"Bearer {token.strip()}"


@attrs.frozen
class Request:
    """One call.

    Attributes:
        operation: a name from a closed set, for metrics.
        path: percent-encoded already, with its query.
        body: JSON bytes, ``None`` for no body.
    """

    operation: str
    method: str
    path: str
    deadline: float
    body: bytes | None = attrs.field(default=None, repr=False)
    headers: Mapping[str, str] = attrs.field(factory=dict)

    @property
    def mutates(self) -> bool:
        return self.method != "GET"

    @property
    def call(self) -> str:
        return f"{self.method} {self.path}"


@attrs.frozen
class Answer:
    """Status and text; decoding is the caller's, because some of Druid's JSON is none."""

    status: int
    text: str = attrs.field(repr=False)


#: Told after each exchange: operation, status (0 without an answer), seconds.
Observer = Callable[[str, int, float], None]
#: Maps the address in a redirect to one that may be used, or ``None`` to refuse.
Redirect = Callable[[URL], URL | None]


class Transport:
    """Exchanges with one base URL. Close it; it owns its connections."""

    def __init__(
        self,
        base_url: str,
        *,
        credentials: Credentials | None = None,
        tls: TLS | ssl.SSLContext | None = None,
        deadlines: Deadlines | None = None,
        redirect: Redirect | None = None,
        observer: Observer | None = None,
        max_connections: int = 16,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self.deadlines = deadlines or Deadlines()
        self._credentials = credentials
        self._redirect = redirect
        self._observer = observer
        self._tls = StaticTLS(tls) if isinstance(tls, ssl.SSLContext) else tls
        self._max_connections = max_connections
        self._session: aiohttp.ClientSession | None = None

    async def aclose(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def send(self, request: Request) -> Answer:
        """Any answer below 300, or the error of ``errors.from_answer``."""
        authorization = await self._authorization()
        answer = await self._exchange(request, authorization)
        if answer.status == 401 and self._credentials is not None:
            fresh = await self._credentials.authorization(refresh=True)
            if fresh != authorization:
                answer = await self._exchange(request, fresh)
        if answer.status >= 300:
            raise errors.from_answer(answer.status, answer.text, call=request.call)
        return answer

    async def _authorization(self) -> str | None:
        return await self._credentials.authorization() if self._credentials else None

    async def _exchange(self, request: Request, authorization: str | None) -> Answer:
        url = URL(self.base_url + request.path, encoded=True)
        answer, location = await self._observed(request, url, authorization)
        if answer.status != 307 or location is None:
            return answer
        target = self._redirect(location) if self._redirect else None
        if target is None:
            where = location.authority
            raise errors.NotLeader(f"redirected to {where}", status=307, call=request.call)
        answer, _ = await self._observed(request, target, authorization)
        return answer

    async def _observed(
        self, request: Request, url: URL, authorization: str | None
    ) -> tuple[Answer, URL | None]:
        began = time.monotonic()
        status = 0
        try:
            answer, location = await self._once(request, url, authorization)
            status = answer.status
            return answer, location
        finally:
            if self._observer is not None:
                self._observer(request.operation, status, time.monotonic() - began)

    async def _once(
        self, request: Request, url: URL, authorization: str | None
    ) -> tuple[Answer, URL | None]:
        context = await self._tls.context() if self._tls else None
        try:
            return await self._answered(request, url, authorization, context)
        except (aiohttp.ClientError, TimeoutError) as error:
            if self._tls is None or not isinstance(error, aiohttp.ClientSSLError):
                raise _failure(request, error) from error
            # Certificates are renewed. The handshake failed, so nothing reached Druid yet.
            fresh = await self._tls.context(refresh=True)
            if fresh is context:
                raise _failure(request, error) from error
        try:
            return await self._answered(request, url, authorization, fresh)
        except (aiohttp.ClientError, TimeoutError) as error:
            raise _failure(request, error) from error

    async def _answered(
        self,
        request: Request,
        url: URL,
        authorization: str | None,
        context: ssl.SSLContext | None,
    ) -> tuple[Answer, URL | None]:
        headers = {"Accept": "application/json", **request.headers}
        if request.body is not None:
            headers["Content-Type"] = "application/json"
        if authorization is not None:
            headers["Authorization"] = authorization
        timeout = aiohttp.ClientTimeout(total=request.deadline, sock_connect=self.deadlines.connect)
        name = self._tls.server_name if self._tls else ""
        async with self._open().request(
            request.method, url, data=request.body, headers=headers, timeout=timeout,
            allow_redirects=False, ssl=context if context is not None else True,
            server_hostname=name or None,
        ) as response:  # fmt: skip
            raw = await _read(response)
            location = response.headers.get("Location")
            text = raw.decode("utf-8", "replace")
            return Answer(response.status, text), URL(location) if location else None

    def _open(self) -> aiohttp.ClientSession:
        # Made on first use: a session belongs to the loop that runs it.
        if self._session is None:
            connector = aiohttp.TCPConnector(limit=self._max_connections)
            self._session = aiohttp.ClientSession(
                connector=connector, trust_env=False, cookie_jar=aiohttp.DummyCookieJar()
            )
        return self._session


async def _read(response: aiohttp.ClientResponse) -> bytes:
    chunks: list[bytes] = []
    size = 0
    async for chunk in response.content.iter_any():
        size += len(chunk)
        if size > MAX_ANSWER:
            raise aiohttp.ClientPayloadError(f"answer larger than {MAX_ANSWER} bytes")
        chunks.append(chunk)
    return b"".join(chunks)


def _failure(request: Request, error: Exception) -> errors.DruidError:
    """Which of our errors a failed exchange is: what matters is whether Druid can have seen it."""
    words: dict[str, Any] = {"call": request.call}
    if isinstance(error, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError):
        return errors.NotSent(f"no connection: {error}", **words)
    if isinstance(error, aiohttp.InvalidURL):
        return errors.NotSent(f"no address: {error}", **words)
    if request.mutates:
        return errors.OutcomeUnknown(f"no answer: {_words(error)}", **words)
    if isinstance(error, TimeoutError):
        return errors.Timeout(f"no answer within {request.deadline:g} s", **words)
    return errors.NotReady(f"connection lost: {_words(error)}", **words)


def _words(error: Exception) -> str:
    return str(error) or type(error).__name__
