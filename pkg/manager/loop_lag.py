"""Measures how late the event loop is: what blocks it delays every watch, lease and probe."""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from types import FrameType

from druid_operator.pkg.log import logger
from druid_operator.pkg.metrics import Metrics

#: Seconds between two measurements, and the lateness from which on it is worth a line in the log.
INTERVAL = 0.1
WARN_ABOVE = 0.25
#: Where the thread of a loop is found that has nothing to do.
_WAITING = ("selectors.", "asyncio.")


class LoopLagProbe:
    """A runnable: sleeps a known time and looks how much later it woke up.

    The log line names the function that ran meanwhile. The loop itself cannot see it, so a thread
    looks at the loop's stack while it is late. The thread wakes four times a second, hence it names
    what blocks for longer than about half a second; of shorter ones only the time is known.
    """

    need_leader_election = False

    def __init__(self, metrics: Metrics) -> None:
        self._histogram = metrics.event_loop_lag_seconds
        self.worst = 0.0

    def __repr__(self) -> str:
        return "loop lag probe"

    async def start(self) -> None:
        loop = asyncio.get_running_loop()
        witness = _Witness(threading.get_ident())
        witness.start()
        try:
            while True:
                before = loop.time()
                await asyncio.sleep(INTERVAL)
                lag = max(0.0, loop.time() - before - INTERVAL)
                function = witness.tick()
                self.worst = max(self.worst, lag)
                self._histogram.observe(lag)
                if lag > WARN_ABOVE:
                    logger().warning(
                        "Event loop was blocked",
                        duration_seconds=round(lag, 3),
                        function=function or "unknown",
                    )
        finally:
            witness.stop()


class _Witness:
    """A thread that looks what another one does when that has not ticked for too long."""

    def __init__(self, ident: int) -> None:
        self._ident = ident
        self._ticked_at = time.monotonic()
        self._seen = ""
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="loop-lag-witness", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Returns at once; the thread is gone within ``WARN_ABOVE``."""
        self._stop.set()

    def tick(self) -> str:
        """The loop is alive. Answers what was seen while it was not, if anything."""
        self._ticked_at = time.monotonic()
        seen, self._seen = self._seen, ""
        return seen

    def _run(self) -> None:
        while not self._stop.wait(WARN_ABOVE):
            if time.monotonic() - self._ticked_at > INTERVAL + WARN_ABOVE:
                frame = sys._current_frames().get(self._ident)  # noqa: SLF001 - documented
                function = _innermost(frame) if frame else ""
                # A loop that waits and is late all the same is one whose machine is busy.
                if not function.startswith(_WAITING):
                    self._seen = function


def _innermost(frame: FrameType) -> str:
    """The function that runs, and where: ``module.function (file.py:12)``."""
    code = frame.f_code
    file = code.co_filename.rpartition("/")[2]
    return f"{frame.f_globals.get('__name__', '?')}.{code.co_qualname} ({file}:{frame.f_lineno})"
