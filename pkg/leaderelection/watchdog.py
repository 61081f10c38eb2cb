"""A thread that ends the process when a leader outlives its lease.

A blocked event loop can neither renew its lease nor notice that the lease is gone: whatever runs in
the loop, this check included, stands still with it. So a thread of its own looks at one number.
This is what ``os.Exit`` is for a Go operator, and it asks nothing of the loop.
"""

from __future__ import annotations

import os
import sys
import threading
import traceback
from collections.abc import Callable

from druid_operator.pkg import log
from druid_operator.pkg.clock import Clock

#: Seconds between looks.
INTERVAL = 1.0
#: Seconds that the last log line may take. Stderr may be what everything else is waiting for too.
REPORT_LIMIT = 1.0
EXIT_CODE = 1


class Watchdog:
    """Calls ``exit_`` once the deadline has passed.

    Args:
        deadline: monotonic seconds after which this process must be gone, ``None`` while there is
            no such moment. Called from the thread, so it must only read.
        clock: the one that the deadline is on.
        exit_: ends the process without asking anybody; injected by tests.
        interval: seconds between looks.
    """

    def __init__(
        self,
        deadline: Callable[[], float | None],
        clock: Clock,
        *,
        exit_: Callable[[int], object] = os._exit,
        interval: float = INTERVAL,
    ) -> None:
        self._deadline = deadline
        self._clock = clock
        self._exit = exit_
        self._interval = interval
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run, name="lease-watchdog", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread; it is gone when this returns, unless it is itself the caller."""
        self._stop.set()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(self._interval + REPORT_LIMIT)

    def check(self) -> bool:
        """Look once. True when the deadline had passed and ``exit_`` was called."""
        deadline = self._deadline()
        if deadline is None or self._clock.monotonic() <= deadline:
            return False
        # In a thread of its own: if the log is blocked, the process still ends.
        report = threading.Thread(target=_report, name="lease-watchdog-report", daemon=True)
        report.start()
        report.join(REPORT_LIMIT)
        self._exit(EXIT_CODE)
        return True

    def _run(self) -> None:
        while not self._stop.wait(self._interval):
            if self.check():
                return


def _report() -> None:
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    frames = sys._current_frames()  # noqa: SLF001 - documented, and there is no other way
    stacks = {
        names.get(ident, str(ident)): "".join(traceback.format_stack(frame))
        for ident, frame in frames.items()
        if ident != threading.get_ident()
    }
    log.logger().error("Lease lapsed while leading, ending the process", stacks=stacks)
