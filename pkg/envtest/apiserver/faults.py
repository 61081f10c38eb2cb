"""Faults on demand: what the server does wrong, and to which request.

A fault test says which request is meant (the k-th, the first PATCH of a StatefulSet ...) and what
happens to it. The product has no hooks of its own: it meets a server that misbehaves.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from typing import TYPE_CHECKING, Generic, TypeAlias, TypeVar

import attrs
from aiohttp import web

from druid_operator.pkg.envtest.apiserver.replies import error_reply
from druid_operator.pkg.envtest.apiserver.requestlog import Request
from druid_operator.pkg.errors import APIError

if TYPE_CHECKING:
    from druid_operator.pkg.envtest.apiserver.server import EmbeddedAPIServer


@attrs.frozen
class Hold:
    """Wait until ``until`` is set, then go on: before executing, or before answering."""

    until: asyncio.Event
    after: bool = False


@attrs.frozen
class Slow:
    """Wait that many seconds before executing."""

    seconds: float


@attrs.frozen
class Cut:
    """Close the connection without an answer; with ``after`` the request was carried out."""

    after: bool = False


@attrs.frozen
class Reply:
    """Answer this instead of executing.

    ``body`` is sent as it is; with none, a ``Status`` for the code. ``retry_after`` in seconds.
    """

    status: int
    body: bytes | None = None
    content_type: str = "application/json"
    retry_after: int | None = None

    def response(self) -> web.Response:
        if self.body is not None:
            response = web.Response(
                body=self.body, status=self.status, content_type=self.content_type
            )
        else:
            phrases = {429: "TooManyRequests", 500: "InternalError", 503: "ServiceUnavailable"}
            reason = phrases.get(self.status, "Unknown")
            error = APIError(f"injected: {self.status}", code=self.status, reason=reason)
            if self.retry_after is not None:
                error.details = {"retryAfterSeconds": self.retry_after}
            response = error_reply(error)
        if self.retry_after is not None:
            response.headers["Retry-After"] = str(self.retry_after)
        return response


@attrs.frozen
class Kill:
    """SIGKILL the process of the client, before executing or after; it gets no answer."""

    pid: int
    after: bool = False

    def strike(self) -> None:
        os.kill(self.pid, signal.SIGKILL)


Fault: TypeAlias = Hold | Slow | Cut | Reply | Kill
Match: TypeAlias = Callable[[Request], bool]

#: What a proxy in front of a restarting API server says.
HTML_503 = b"<html><body><h1>503 Service Temporarily Unavailable</h1></body></html>\n"


R = TypeVar("R")
F = TypeVar("F")


@attrs.define
class _Rule(Generic[R, F]):
    match: Callable[[R], bool]
    fault: F
    skip: int
    times: float


class Rules(Generic[R, F]):
    """Which request meets which fault. All of them are off until asked for.

    ``hook`` is asked first, for every request; then the rules in the order they were added, the
    first that matches wins.
    """

    def __init__(self) -> None:
        self._rules: list[_Rule[R, F]] = []
        self.hook: Callable[[R], F | None] | None = None

    def inject(
        self,
        fault: F,
        *,
        match: Callable[[R], bool] | None = None,
        skip: int = 0,
        times: float = 1,
    ) -> None:
        """Do ``fault`` to requests that match, after ``skip`` of them, ``times`` times
        (``math.inf``: for ever)."""
        self._rules.append(_Rule(match or (lambda _: True), fault, skip, times))

    def clear(self) -> None:
        """Forget hook and rules."""
        self._rules.clear()
        self.hook = None

    def decide(self, request: R) -> F | None:
        """The fault for a request that just came in. Counts it against the rules."""
        if self.hook is not None and (fault := self.hook(request)) is not None:
            return fault
        for rule in self._rules:
            if rule.times <= 0 or not rule.match(request):
                continue
            if rule.skip > 0:
                rule.skip -= 1
                continue
            rule.times -= 1
            return rule.fault
        return None


class Faults(Rules[Request, Fault]):
    """The faults of one server."""

    def __init__(self, server: EmbeddedAPIServer) -> None:
        super().__init__()
        self._server = server
        self._flowing = asyncio.Event()
        self._flowing.set()

    def clear(self) -> None:
        """Forget hook and rules, let stalled watches flow and reads see the present."""
        super().clear()
        self.thaw()

    def cut_watches(self) -> int:
        """Break the connection of every open watch; returns how many there were."""
        return self._server.watches.cut()

    def stall(self) -> None:
        """Watches stay open and say nothing, not even bookmarks, until :meth:`resume`."""
        self._flowing.clear()

    def resume(self) -> None:
        self._flowing.set()

    @property
    def flowing(self) -> asyncio.Event:
        """Set while watches may send."""
        return self._flowing

    def freeze_replica(self) -> None:
        """Answer reads from the past, as an API server that lost its etcd, until :meth:`thaw`.

        Writes are carried out; watches say nothing.
        """
        self._server.store.freeze()
        self.stall()

    def thaw(self) -> None:
        self._server.store.thaw()
        self.resume()

    def truncate_watches(self) -> None:
        """Send half of the next frame of every open watch, then break its connection."""
        self._server.watches.truncate()

    def compact(self) -> None:
        """Forget the history: versions from before now are answered 410."""
        self._server.store.compact()

    async def restart(self, down_for: float = 0.0) -> None:
        """Break all connections and refuse new ones for ``down_for`` seconds. State survives."""
        await self._server.stop_listening()
        await asyncio.sleep(down_for)
        await self._server.start_listening()
