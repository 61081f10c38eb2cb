"""A pass that does nothing: what the loop around a reconciler costs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

from paired import Pair, Prepare, in_loop

from druid_operator.pkg.controller import Controller, ControllerOptions
from druid_operator.pkg.meta import NamespacedName
from druid_operator.pkg.metrics import Metrics
from druid_operator.pkg.source import Channel


def pairs(keys: int) -> Iterator[Pair]:
    names = [NamespacedName("default", f"thing-{i:05}") for i in range(keys)]
    for workers in (1, 10):
        yield Pair(
            f"pass without work, {workers} workers", "pass", _passes(names, workers),
            _baseline(names, workers), "asyncio.Queue and a bare await of the reconciler",
        )  # fmt: skip


class _Counting:
    def __init__(self, expected: int, done: Callable[[], Any]) -> None:
        self._left = expected
        self._done = done

    async def reconcile(self, _request: NamespacedName, /) -> None:
        self._left -= 1
        if not self._left:
            self._done()


def _passes(names: list[NamespacedName], workers: int) -> Prepare:
    async def run() -> int:
        finished = asyncio.Event()
        source: Channel[NamespacedName] = Channel("bench")
        controller: Controller[NamespacedName] = Controller(
            "bench",
            _Counting(len(names), finished.set),
            [source],
            metrics=Metrics(),
            options=ControllerOptions(max_concurrent_reconciles=workers),
        )
        for name in names:
            source.put(name)
        running = asyncio.create_task(controller.start())
        await finished.wait()
        await controller.drain()
        await running
        return len(names)

    return in_loop(run)


def _baseline(names: list[NamespacedName], workers: int) -> Prepare:
    async def run() -> int:
        finished = asyncio.Event()
        queue: asyncio.Queue[NamespacedName] = asyncio.Queue()
        reconciler = _Counting(len(names), finished.set)

        async def worker() -> None:
            while True:
                await reconciler.reconcile(await queue.get())

        for name in names:
            queue.put_nowait(name)
        working = [asyncio.create_task(worker()) for _ in range(workers)]
        await finished.wait()
        for task in working:
            task.cancel()
        return len(names)

    return in_loop(run)
