"""Writes series to the API server in the background: patiently, and in no order between them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from druid_operator.pkg import log
from druid_operator.pkg.client.interface import Writer, merge_patch
from druid_operator.pkg.clock import Clock
from druid_operator.pkg.errors import (
    AlreadyExists,
    APIError,
    InternalError,
    NotFound,
    ServerTimeout,
    ServiceUnavailable,
    TooManyRequests,
)
from druid_operator.pkg.recorder.series import Series, SeriesBook
from druid_operator.pkg.scheme.builtin import EVENT

#: Source of the numbers: client-go ``tools/events`` and ``tools/record``.
QUEUE_SIZE = 1000
MAX_TRIES = 12
RETRY_PAUSE = 10.0
RETRY_JITTER = 0.25
#: A write that hangs must not hold up the others.
WRITERS = 4
WRITE_TIMEOUT = 30.0
FLUSH_LIMIT = 5.0

#: Refusals that another moment may cure; any other one is final.
PASSING = (TooManyRequests, InternalError, ServiceUnavailable, ServerTimeout)


class SeriesWriter:
    """A queue of series with something to write, and the tasks that write them.

    A series is queued or being written at most once, so its own writes keep their order although
    there are several tasks; what comes meanwhile is seen by the task that has it.

    Args:
        writer: of the API server.
        book: where a series that is given up is taken out.
        dropped: told why a series was given up.
        clock, uniform: time, and draws from [0, 1) to spread retries.
    """

    def __init__(
        self,
        writer: Writer,
        book: SeriesBook,
        *,
        clock: Clock,
        dropped: Callable[[str], None],
        uniform: Callable[[], float],
    ) -> None:
        self._writer = writer
        self._book = book
        self._clock = clock
        self._dropped = dropped
        self._uniform = uniform
        self._queue: asyncio.Queue[Series] = asyncio.Queue(QUEUE_SIZE)
        self._busy: set[Series] = set()
        self._finishing = asyncio.Event()

    def enqueue(self, series: Series) -> None:
        """See that ``series`` is written; given up when the queue is full."""
        if series in self._busy:
            return
        try:
            self._queue.put_nowait(series)
        except asyncio.QueueFull:
            self._give_up(series, "queue_full")
        else:
            self._busy.add(series)

    async def run(self) -> None:
        """Write until cancelled."""
        async with asyncio.TaskGroup() as group:
            for _ in range(WRITERS):
                group.create_task(self._write_for_ever())

    async def finish(self) -> None:
        """Write what is queued, trying once and for at most ``FLUSH_LIMIT`` seconds.

        Works beside :meth:`run` and after it was cancelled.
        """
        self._finishing.set()
        try:
            async with asyncio.timeout(FLUSH_LIMIT), asyncio.TaskGroup() as group:
                for _ in range(WRITERS):
                    group.create_task(self._write_queued())
                await self._queue.join()
        except TimeoutError:
            log.logger().warning("Events not written in time", count=len(self._busy))

    async def _write_for_ever(self) -> None:
        while True:
            await self._write(await self._queue.get())

    async def _write_queued(self) -> None:
        while not self._queue.empty():
            await self._write(self._queue.get_nowait())

    async def _write(self, series: Series) -> None:
        try:
            flush = True  # it was queued with a reason; after that only what cannot wait is written
            while series.unwritten(flush=flush) and await self._write_patiently(series):
                flush = False
        finally:
            self._busy.discard(series)
            self._queue.task_done()

    async def _write_patiently(self, series: Series) -> bool:
        """Write until it is written or given up; true when it is written."""
        last: Exception = TimeoutError("not tried")
        for attempt in range(1, MAX_TRIES + 1):
            try:
                async with asyncio.timeout(WRITE_TIMEOUT):
                    await self._write_once(series)
            except APIError as error:
                if not isinstance(error, PASSING):
                    self._give_up(series, "refused", error)
                    return False
                last = error
            except Exception as error:  # noqa: BLE001 - whatever it is, events may be lost
                last = error
            else:
                return True
            if attempt == MAX_TRIES or not await self._pause():
                break
        self._give_up(series, "failed", last)
        return False

    async def _pause(self) -> bool:
        """Wait before the next try; false when there is no time for one."""
        jitter = 1 + RETRY_JITTER * (2 * self._uniform() - 1)
        try:
            async with asyncio.timeout(RETRY_PAUSE * jitter):
                await self._finishing.wait()
        except TimeoutError:
            return True
        return False

    async def _write_once(self, series: Series) -> None:
        count = series.count
        if series.written > 0:
            try:
                patch = merge_patch(series.series_patch())
                await self._writer.patch(EVENT, series.event, patch)
            except NotFound:
                pass  # events expire at the server: start it anew, with its count
            else:
                self._note_written(series, count)
                return
        body = series.body if count == 1 else {**series.body, **series.series_patch()}
        try:
            await self._writer.create(body)
        except AlreadyExists:
            # The name holds nanoseconds, so it is ours: an earlier try arrived, its answer did not.
            count = 1
        self._note_written(series, count)

    def _note_written(self, series: Series, count: int) -> None:
        series.written = count
        series.written_at = self._clock.monotonic()

    def _give_up(self, series: Series, why: str, error: Exception | None = None) -> None:
        """The next event of its key starts another series."""
        self._book.drop(series)
        self._dropped(why)
        if error is not None:
            regarding = series.key.regarding
            log.logger().warning(
                "Event not written",
                kind=regarding.kind,
                namespace=regarding.namespace,
                name=regarding.name,
                reason=series.key.reason,
                error=error,
            )
