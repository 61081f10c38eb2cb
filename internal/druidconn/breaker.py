"""Stops asking a Druid that does not answer, so that its objects fail fast and delay nobody
else.
"""

from __future__ import annotations

import attrs

from druid_operator.pkg.clock import Clock
from druid_operator.pkg.druidapi import errors

#: Failures in a row before the breaker opens, and seconds until one call may try again.
OPEN_AFTER = 3
RETRY_SECONDS = 10.0


@attrs.define
class Breaker:
    """Counts calls that got no answer. Any answer, also a refusal, closes it: Druid is there."""

    clock: Clock
    _failures: int = attrs.field(default=0, init=False)
    _retry_at: float = attrs.field(default=0.0, init=False)

    def check(self) -> None:
        """Raises ``NotReady`` while it is open. One caller per ``RETRY_SECONDS`` is let through."""
        if self._failures < OPEN_AFTER:
            return
        now = self.clock.monotonic()
        if now < self._retry_at:
            raise errors.NotReady(
                f"no answer {self._failures} times in a row; asked again in "
                f"{self._retry_at - now:.0f} s"
            )
        self._retry_at = now + RETRY_SECONDS

    def observe(self, operation: str, status: int, seconds: float) -> None:
        """Fits the client's observer: status 0 is no answer at all."""
        if status:
            self._failures = 0
            return
        self._failures += 1
        if self._failures >= OPEN_AFTER:
            self._retry_at = self.clock.monotonic() + RETRY_SECONDS
