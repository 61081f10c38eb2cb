"""Measures how late the event loop is: what blocks it delays every watch, lease and probe."""

from __future__ import annotations

import asyncio

from druid_operator.pkg.log import logger
from druid_operator.pkg.metrics import Metrics

#: Seconds between two measurements, and the lateness from which on it is worth a line in the log.
INTERVAL = 0.1
WARN_ABOVE = 0.25


class LoopLagProbe:
    """A runnable: sleeps a known time and looks how much later it woke up."""

    need_leader_election = False

    def __init__(self, metrics: Metrics) -> None:
        self._histogram = metrics.event_loop_lag_seconds
        self.worst = 0.0

    def __repr__(self) -> str:
        return "loop lag probe"

    async def start(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            before = loop.time()
            await asyncio.sleep(INTERVAL)
            lag = max(0.0, loop.time() - before - INTERVAL)
            self.worst = max(self.worst, lag)
            self._histogram.observe(lag)
            if lag > WARN_ABOVE:
                logger().warning("Event loop was blocked", duration_seconds=round(lag, 3))
