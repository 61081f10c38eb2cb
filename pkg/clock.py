"""Time as a parameter.

Nothing in this code base calls ``time.time()`` or ``datetime.now()`` to decide anything: it asks a
``Clock`` that was handed to it, so a test moves time by moving a number.
"""

from __future__ import annotations

import heapq
import itertools
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Protocol

import attrs


class Clock(Protocol):
    """Two readings: wall time for what people see, monotonic time for what is measured."""

    def now(self) -> datetime:
        """Wall time, always in UTC. For timestamps in objects, never for intervals."""
        ...

    def monotonic(self) -> float:
        """Seconds on a clock that never steps back. For intervals and deadlines."""
        ...


class SystemClock:
    """The real one.

    ``monotonic`` is ``CLOCK_BOOTTIME`` where the system has it: ``CLOCK_MONOTONIC`` stands still
    while a virtual machine is suspended, and a leader that was suspended past its lease must know.
    """

    def __init__(self) -> None:
        self._clock_id = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.clock_gettime(self._clock_id)


@attrs.define
class FakeClock:
    """A clock that moves only when told to: ``step`` moves both readings."""

    wall: datetime = datetime(2026, 1, 1, tzinfo=UTC)
    mono: float = 1000.0

    def now(self) -> datetime:
        return self.wall

    def monotonic(self) -> float:
        return self.mono

    def step(self, seconds: float) -> None:
        self.wall += timedelta(seconds=seconds)
        self.mono += seconds


class FakeTimer:
    """What ``FakeTimers.call_at`` returns."""

    def __init__(self) -> None:
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


class FakeTimers:
    """The two methods of an event loop that tell time, moved by hand.

    ``advance`` calls what comes due, in order, each at its own moment.
    """

    def __init__(self) -> None:
        self.now = 0.0
        self._order = itertools.count()
        self._calls: list[tuple[float, int, FakeTimer, Callable[[], None]]] = []

    def time(self) -> float:
        return self.now

    def call_at(self, when: float, callback: Callable[[], None], /) -> FakeTimer:
        timer = FakeTimer()
        heapq.heappush(self._calls, (when, next(self._order), timer, callback))
        return timer

    def advance(self, seconds: float) -> None:
        end = self.now + seconds
        while self._calls and self._calls[0][0] <= end:
            when, _, timer, callback = heapq.heappop(self._calls)
            self.now = max(self.now, when)
            if not timer.cancelled:
                callback()
        self.now = end

    @property
    def armed(self) -> int:
        """How many calls are still to come."""
        return sum(not timer.cancelled for _, _, timer, _ in self._calls)


def rfc3339(moment: datetime) -> str:
    """``metav1.Time``: whole seconds, ``Z``. The API server stores no more than that."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def rfc3339_micro(moment: datetime) -> str:
    """``metav1.MicroTime``: microseconds, ``Z``; what leases and events carry."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def parse_rfc3339(text: str) -> datetime:
    """Read either form back. Raises ``ValueError`` when the text is neither."""
    return datetime.fromisoformat(text).astimezone(UTC)
