"""A queue that hands everything on to another: for those that change how keys are added."""

from __future__ import annotations

from typing import Generic

from druid_operator.pkg.workqueue.interface import LOW_PRIORITY, K, Queue


class PassingQueue(Generic[K]):
    """Override ``add``."""

    def __init__(self, queue: Queue[K]) -> None:
        self._queue = queue

    def add(
        self, key: K, /, *, priority: int = 0, after: float = 0.0, rate_limited: bool = False
    ) -> None:
        self._queue.add(key, priority=priority, after=after, rate_limited=rate_limited)

    async def get(self) -> tuple[K, int]:
        return await self._queue.get()

    def done(self, key: K, /) -> None:
        self._queue.done(key)

    def forget(self, key: K, /) -> None:
        self._queue.forget(key)

    def retries(self, key: K, /) -> int:
        return self._queue.retries(key)

    async def shut_down(self, *, drain: bool = True) -> None:
        await self._queue.shut_down(drain=drain)

    @property
    def shutting_down(self) -> bool:
        return self._queue.shutting_down

    def __len__(self) -> int:
        return len(self._queue)


class LowPriorityQueue(PassingQueue[K]):
    """What says nothing about its priority gets a low one."""

    def add(
        self, key: K, /, *, priority: int = 0, after: float = 0.0, rate_limited: bool = False
    ) -> None:
        self._queue.add(
            key, priority=priority or LOW_PRIORITY, after=after, rate_limited=rate_limited
        )


class DebouncedQueue(PassingQueue[K]):
    """Every add waits ``seconds`` at least, so that the events of a burst become one run.

    The queue keeps the earliest time of a key: the wait counts from the first event, and no stream
    of events can put the run off for ever.
    """

    def __init__(self, queue: Queue[K], seconds: float) -> None:
        super().__init__(queue)
        self._seconds = seconds

    def add(
        self, key: K, /, *, priority: int = 0, after: float = 0.0, rate_limited: bool = False
    ) -> None:
        self._queue.add(
            key, priority=priority, after=max(after, self._seconds), rate_limited=rate_limited
        )
