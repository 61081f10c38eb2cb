"""SIGTERM and SIGINT: the first one asks to stop, the second one ends the process."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from types import TracebackType

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class StopSignals:
    """A context manager that holds the handlers.

    Args:
        stop: called on the first signal, in the event loop.
        end: called on the second; ends the process with status 1 by default.
    """

    def __init__(
        self, stop: Callable[[], None], *, end: Callable[[], None] = lambda: os._exit(1)
    ) -> None:
        self._stop = stop
        self._end = end
        self._seen = 0

    def _on_signal(self) -> None:
        self._seen += 1
        (self._stop if self._seen == 1 else self._end)()

    def __enter__(self) -> None:
        loop = asyncio.get_running_loop()
        for number in _SIGNALS:
            loop.add_signal_handler(number, self._on_signal)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        loop = asyncio.get_running_loop()
        for number in _SIGNALS:
            loop.remove_signal_handler(number)
