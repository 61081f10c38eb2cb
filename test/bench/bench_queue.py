"""The work queue by itself: no reconciler, one event loop."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import Iterator

from paired import Pair, Prepare, in_loop

from druid_operator.pkg.meta import NamespacedName
from druid_operator.pkg.workqueue import PriorityQueue, QueueShutDown


def pairs(keys: int) -> Iterator[Pair]:
    names = [NamespacedName("default", f"thing-{i:05}") for i in range(keys)]
    yield Pair(
        "add", "key added", _add(names), _baseline_add(names),
        "heapq and a dict that holds each key once",
    )  # fmt: skip
    yield Pair(
        "add a key that is queued", "key added", _add_again(names),
        _baseline_add_again(names), "a look into a dict",
    )  # fmt: skip
    yield Pair(
        "add for later", "key added", _add_later(names), _baseline_add(names),
        "heapq and a dict that holds each key once",
    )  # fmt: skip
    for workers in (1, 50):
        yield Pair(
            f"add, get and done, {workers} workers", "key through the queue",
            _passes(names, workers), _baseline_passes(names, workers),
            "asyncio.Queue: first in, first out, no key is held back",
        )  # fmt: skip


def _add(names: list[NamespacedName]) -> Prepare:
    async def work() -> int:
        queue: PriorityQueue[NamespacedName] = PriorityQueue()
        for name in names:
            queue.add(name)
        return len(names)

    return in_loop(work)


def _baseline_add(names: list[NamespacedName]) -> Prepare:
    async def work() -> int:
        heap: list[tuple[int, int, NamespacedName]] = []
        queued: dict[NamespacedName, int] = {}
        for counter, name in zip(itertools.count(), names, strict=False):
            if name not in queued:
                queued[name] = counter
                heapq.heappush(heap, (0, counter, name))
        return len(names)

    return in_loop(work)


def _add_again(names: list[NamespacedName]) -> Prepare:
    async def work() -> int:
        queue: PriorityQueue[NamespacedName] = PriorityQueue()
        for _ in names:
            queue.add(names[0])
        return len(names)

    return in_loop(work)


def _baseline_add_again(names: list[NamespacedName]) -> Prepare:
    async def work() -> int:
        queued = {names[0]: 0}
        for _ in names:
            if names[0] not in queued:
                queued[names[0]] = 0
        return len(names)

    return in_loop(work)


def _add_later(names: list[NamespacedName]) -> Prepare:
    async def work() -> int:
        queue: PriorityQueue[NamespacedName] = PriorityQueue()
        for index, name in enumerate(names):
            queue.add(name, after=1000.0 + index)
        return len(names)

    return in_loop(work)


def _passes(names: list[NamespacedName], workers: int) -> Prepare:
    async def run() -> int:
        queue: PriorityQueue[NamespacedName] = PriorityQueue()
        left = len(names)

        async def worker() -> None:
            nonlocal left
            while True:
                try:
                    key, _priority = await queue.get()
                except QueueShutDown:
                    return
                queue.done(key)
                left -= 1
                if not left:
                    await queue.shut_down(drain=False)

        async with asyncio.TaskGroup() as tasks:
            for _ in range(workers):
                tasks.create_task(worker())
            for name in names:
                queue.add(name)
        return len(names)

    return in_loop(run)


def _baseline_passes(names: list[NamespacedName], workers: int) -> Prepare:
    async def run() -> int:
        queue: asyncio.Queue[NamespacedName] = asyncio.Queue()

        async def worker() -> None:
            while True:
                await queue.get()
                queue.task_done()

        working = [asyncio.create_task(worker()) for _ in range(workers)]
        for name in names:
            queue.put_nowait(name)
        await queue.join()
        for task in working:
            task.cancel()
        return len(names)

    return in_loop(run)
