"""How long a key waits before its next try.

Limiters are small objects with state and no timers: they only answer a number of seconds.
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Hashable
from typing import Protocol, TypeVar

K_contra = TypeVar("K_contra", bound=Hashable, contravariant=True)

#: Source: client-go, ``workqueue.DefaultTypedControllerRateLimiter``.
BASE_DELAY = 0.005
MAX_DELAY = 1000.0
BUCKET_RATE = 10.0
BUCKET_BURST = 100


class RateLimiter(Protocol[K_contra]):
    """Decides the delay of retries, key by key."""

    def when(self, key: K_contra, /) -> float:
        """Seconds to wait before this try of ``key``; asking counts as one failure."""
        ...

    def forget(self, key: K_contra, /) -> None:
        """``key`` went well: start again from the shortest delay."""
        ...

    def retries(self, key: K_contra, /) -> int:
        """How many failures of ``key`` there were since it was last forgotten."""
        ...


class ItemExponential(RateLimiter[K_contra]):
    """``base * 2**failures`` seconds for each key by itself, never more than ``cap``.

    Args:
        base: the first delay, seconds.
        cap: the longest delay, seconds.
        jitter: the delay is drawn evenly from ``delay * (1 ± jitter)``. With the default 0 all keys
            that one outage failed try again in step.
        uniform: draws from [0, 1); injected by tests.
    """

    def __init__(
        self,
        base: float = BASE_DELAY,
        cap: float = MAX_DELAY,
        *,
        jitter: float = 0.0,
        uniform: Callable[[], float] = random.random,
    ) -> None:
        if not 0 < base <= cap or not 0 <= jitter < 1:
            raise ValueError(f"need 0 < base <= cap and 0 <= jitter < 1: {base}, {cap}, {jitter}")
        self._base = base
        self._cap = cap
        self._jitter = jitter
        self._uniform = uniform
        # The exponent is capped before the power is taken: 2.0**1024 raises OverflowError, and a
        # key may well fail a thousand times.
        self._max_exponent = math.ceil(math.log2(cap / base))
        self._failures: dict[Hashable, int] = {}

    def when(self, key: K_contra, /) -> float:
        failures = self._failures.get(key, 0)
        self._failures[key] = failures + 1
        delay = min(self._base * 2.0 ** min(failures, self._max_exponent), self._cap)
        if self._jitter:
            delay *= 1 + self._jitter * (2 * self._uniform() - 1)
        return delay

    def forget(self, key: K_contra, /) -> None:
        self._failures.pop(key, None)

    def retries(self, key: K_contra, /) -> int:
        return self._failures.get(key, 0)


class Bucket(RateLimiter[K_contra]):
    """A token bucket over all keys together: each try takes a token, in advance if there is none.

    Args:
        rate: tokens added a second.
        burst: tokens it holds, full at first.
        now: seconds on a clock that never steps back.
    """

    def __init__(
        self,
        rate: float = BUCKET_RATE,
        burst: int = BUCKET_BURST,
        *,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        if rate <= 0 or burst < 1:
            raise ValueError(f"need rate > 0 and burst >= 1: {rate}, {burst}")
        self._rate = rate
        self._burst = burst
        self._now = now
        self._tokens = float(burst)
        self._filled_at = now()

    def when(self, key: K_contra, /) -> float:
        now = self._now()
        self._tokens = min(self._burst, self._tokens + (now - self._filled_at) * self._rate)
        self._filled_at = now
        self._tokens -= 1
        return max(0.0, -self._tokens / self._rate)

    def forget(self, key: K_contra, /) -> None:
        """Nothing to forget: the bucket knows no keys."""

    def retries(self, key: K_contra, /) -> int:
        return 0


class MaxOf(RateLimiter[K_contra]):
    """The longest delay that any of ``limiters`` asks for. Each of them counts every try."""

    def __init__(self, *limiters: RateLimiter[K_contra]) -> None:
        if not limiters:
            raise ValueError("MaxOf needs at least one limiter")
        self._limiters = limiters

    def when(self, key: K_contra, /) -> float:
        return max([limiter.when(key) for limiter in self._limiters])

    def forget(self, key: K_contra, /) -> None:
        for limiter in self._limiters:
            limiter.forget(key)

    def retries(self, key: K_contra, /) -> int:
        return max([limiter.retries(key) for limiter in self._limiters])
