"""An event loop whose time moves only when nothing else can: hours of waiting pass in milliseconds.

Code under test keeps its ``asyncio.sleep``, ``timeout`` and ``call_at`` as they are. When every
task waits for a time, the loop jumps to the earliest one, so that the order of what happens is that
of the real clock and is the same in every run.

Not for code that waits for sockets, processes or threads: their answers take real time, which this
loop does not see pass, and it would jump ahead of them.
"""

from __future__ import annotations

import asyncio
import selectors
from datetime import UTC, datetime, timedelta

#: Real seconds to wait for a thread or socket when no timer is set, before this is called a
#: deadlock.
STUCK_AFTER = 10.0


class _Selector(selectors.DefaultSelector):
    """Never waits for a time: what it is asked to wait is added to ``elapsed`` instead."""

    elapsed = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(STUCK_AFTER if timeout is None else 0)
        if not ready:
            if timeout is None:
                raise RuntimeError("deadlock: every task waits and no timer is set")
            self.elapsed += max(0.0, timeout)
        return ready


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """Starts at 1000 s, so that a reading of zero stands out as one that was never taken."""

    def __init__(self) -> None:
        self._virtual = _Selector()
        super().__init__(self._virtual)

    def time(self) -> float:
        return 1000.0 + self._virtual.elapsed


class LoopClock:
    """A ``Clock`` on the time of the running loop.

    Args:
        start: wall time when the loop's reads 1000.
        skew: seconds by which the wall time of this clock is wrong.
    """

    def __init__(
        self, start: datetime = datetime(2026, 1, 1, tzinfo=UTC), *, skew: float = 0.0
    ) -> None:
        self._start = start + timedelta(seconds=skew)

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self.monotonic() - 1000.0)

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()
