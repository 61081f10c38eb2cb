"""Faults on demand: what the server does wrong, and to which request.

A fault test says which request is meant (the k-th, the first PATCH of a StatefulSet ...) and what
happens to it. The product has no hooks of its own: it meets a server that misbehaves.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

import attrs

from druid_operator.pkg.envtest.apiserver.requestlog import Request

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


@attrs.define
class _Rule:
    match: Match
    fault: Fault
    skip: int
    times: int


class Faults:
    """The faults of one server. All of them are off until asked for.

    ``hook`` is asked first, for every request; then the rules in the order they were added, the
    first that matches wins.
    """

    def __init__(self, server: EmbeddedAPIServer) -> None:
        self._server = server
        self._rules: list[_Rule] = []
        self._flowing = asyncio.Event()
        self._flowing.set()
        self.hook: Callable[[Request], Fault | None] | None = None

    def inject(
        self, fault: Fault, *, match: Match | None = None, skip: int = 0, times: int = 1
    ) -> None:
        """Do ``fault`` to requests that match, after ``skip`` of them, ``times`` times."""
        self._rules.append(_Rule(match or (lambda _: True), fault, skip, times))

    def clear(self) -> None:
        """Forget hook and rules, and let stalled watches flow."""
        self._rules.clear()
        self.hook = None
        self._flowing.set()

    def decide(self, request: Request) -> Fault | None:
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

    def compact(self) -> None:
        """Forget the history: versions from before now are answered 410."""
        self._server.store.compact()

    async def restart(self, down_for: float = 0.0) -> None:
        """Break all connections and refuse new ones for ``down_for`` seconds. State survives."""
        await self._server.stop_listening()
        await asyncio.sleep(down_for)
        await self._server.start_listening()
