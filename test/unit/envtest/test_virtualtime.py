"""Virtual time jumps, keeps the order of timers, and calls a deadlock what it is."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine
from datetime import UTC, datetime
from typing import Any

import pytest

from druid_operator.pkg.envtest import virtualtime
from druid_operator.pkg.envtest.virtualtime import LoopClock, VirtualTimeLoop


def run(main: Coroutine[Any, Any, Any]) -> Any:
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(main)


def test_hours_pass_at_once_and_timers_come_in_order() -> None:
    seen: list[tuple[str, float]] = []

    async def sleeper(name: str, seconds: float) -> None:
        await asyncio.sleep(seconds)
        seen.append((name, asyncio.get_running_loop().time()))

    async def main() -> None:
        async with asyncio.TaskGroup() as group:
            for name, seconds in (("slow", 7200.0), ("fast", 1.0), ("never", 0.0)):
                group.create_task(sleeper(name, seconds))

    began = time.monotonic()
    run(main())
    assert time.monotonic() - began < 5
    assert [name for name, _ in seen] == ["never", "fast", "slow"]
    assert [at for _, at in seen] == pytest.approx([1000.0, 1001.0, 8200.0])


def test_a_deadline_cuts_off_what_hangs() -> None:
    async def main() -> None:
        async with asyncio.timeout(3600):
            await asyncio.Event().wait()

    with pytest.raises(TimeoutError):
        run(main())


def test_the_clock_follows_the_loop_and_may_be_wrong_by_a_skew() -> None:
    async def main() -> tuple[datetime, datetime]:
        await asyncio.sleep(90)
        return LoopClock().now(), LoopClock(skew=-30).now()

    right, wrong = run(main())
    assert right == datetime(2026, 1, 1, 0, 1, 30, tzinfo=UTC)
    assert wrong == datetime(2026, 1, 1, 0, 1, 0, tzinfo=UTC)


def test_waiting_for_nothing_is_called_a_deadlock(monkeypatch) -> None:
    monkeypatch.setattr(virtualtime, "STUCK_AFTER", 0.01)
    loop = VirtualTimeLoop()
    task = loop.create_task(asyncio.Event().wait())
    with pytest.raises(RuntimeError, match="deadlock"):
        loop.run_until_complete(task)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        loop.run_until_complete(task)
    loop.close()
