"""How long a reflector waits after a failure. One instance per reflector: a shared one would let
one broken kind hold up all others."""

from __future__ import annotations

import random
from collections.abc import Callable

import attrs

from druid_operator.pkg.clock import Clock


@attrs.define
class Backoff:
    """Exponential, with jitter, forgotten after a healthy while.

    The numbers are client-go's for reflectors: 0.8 s doubling to 30 s, up to twice that by jitter
    (so that replicas do not return in step), forgotten after two minutes without a failure.
    """

    clock: Clock
    base: float = 0.8
    cap: float = 30.0
    forget_after: float = 120.0
    rand: Callable[[], float] = random.random
    _delay: float = attrs.field(default=0.0, init=False)
    _last: float = attrs.field(default=float("-inf"), init=False)

    def next(self, at_least: float = 0.0) -> float:
        """Seconds to wait now; not less than ``at_least`` (a server's Retry-After)."""
        now = self.clock.monotonic()
        if now - self._last > self.forget_after:
            self._delay = 0.0
        self._last = now
        self._delay = min(self._delay * 2 or self.base, self.cap)
        return max(self._delay * (1 + self.rand()), at_least)
