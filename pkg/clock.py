"""Time as a parameter.

Nothing in this code base calls ``time.time()`` or ``datetime.now()`` to decide anything: it asks a
``Clock`` that was handed to it, so a test moves time by moving a number.
"""

from __future__ import annotations

import time
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


def rfc3339(moment: datetime) -> str:
    """``metav1.Time``: whole seconds, ``Z``. The API server stores no more than that."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def rfc3339_micro(moment: datetime) -> str:
    """``metav1.MicroTime``: microseconds, ``Z``; what leases and events carry."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def parse_rfc3339(text: str) -> datetime:
    """Read either form back. Raises ``ValueError`` when the text is neither."""
    return datetime.fromisoformat(text).astimezone(UTC)
