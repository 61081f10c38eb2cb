"""When a connection that says nothing is given up."""

from __future__ import annotations

import asyncio

from druid_operator.pkg.cache.timing import ReflectorOptions
from druid_operator.pkg.client import Frame


class Deadline:
    """When to give a connection up: its whole length, and silence once silence means something."""

    def __init__(self, options: ReflectorOptions, timeout: float, *, initial: bool) -> None:
        self._options = options
        self._total = timeout + options.watch_grace
        self._idle = options.initial_idle if initial else None
        self._ends_at = 0.0
        self._scope: asyncio.Timeout | None = None

    def scope(self) -> asyncio.Timeout:
        now = asyncio.get_running_loop().time()
        self._ends_at = now + self._total
        self._scope = asyncio.timeout_at(self._next(now))
        return self._scope

    def _next(self, now: float) -> float:
        return min(self._ends_at, now + self._idle) if self._idle else self._ends_at

    def frame(self, frame: Frame) -> None:
        if frame.type == "BOOKMARK":
            self._idle = self._options.bookmark_idle
        if self._scope is not None and self._idle:
            self._scope.reschedule(self._next(asyncio.get_running_loop().time()))

    def initial_done(self) -> None:
        """The end of the initial events is a bookmark too; from here silence is measured by
        those.
        """
        self._idle = self._options.bookmark_idle
