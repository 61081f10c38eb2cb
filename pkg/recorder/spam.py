"""Bounds how many series one object may start: a token bucket for each.

Series bound events that repeat. Reasons that vary do not repeat, and a controller that invents them
would fill the API server's store. Source: client-go ``EventSourceObjectSpamFilter``, which the
newer events API lacks.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable

#: Tokens of an object at first, seconds until one comes back, and objects remembered.
BURST = 25
REFILL_AFTER = 300.0
MAX_OBJECTS = 4096


class SpamFilter:
    """One bucket per object; the one not asked about for longest is forgotten first."""

    def __init__(
        self,
        *,
        burst: int = BURST,
        refill_after: float = REFILL_AFTER,
        max_objects: int = MAX_OBJECTS,
    ) -> None:
        self._burst = burst
        self._refill_after = refill_after
        self._max_objects = max_objects
        self._buckets: OrderedDict[Hashable, tuple[float, float]] = OrderedDict()

    def allows(self, obj: Hashable, now: float) -> bool:
        """Take a token of ``obj`` if there is one. ``now`` is monotonic seconds."""
        tokens, filled_at = self._buckets.get(obj, (float(self._burst), now))
        tokens = min(self._burst, tokens + (now - filled_at) / self._refill_after)
        allowed = tokens >= 1
        self._buckets[obj] = (tokens - 1 if allowed else tokens, now)
        self._buckets.move_to_end(obj)
        if len(self._buckets) > self._max_objects:
            self._buckets.popitem(last=False)
        return allowed
