"""The queue against a model of its laws, and under many workers that are cancelled at random."""

from __future__ import annotations

import asyncio
import itertools
import random

import attrs
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from druid_operator.pkg.clock import FakeTimers
from druid_operator.pkg.workqueue import PriorityQueue
from druid_operator.pkg.workqueue.lazyheap import MIN_REBUILD

KEYS = st.sampled_from("abcde")
PRIORITIES = st.sampled_from([-100, 0, 1])
DELAYS = st.sampled_from([0.0, 0.0, 1.0, 2.5, 4.0])


@attrs.define
class Queued:
    priority: int
    arrival: float  # order among equals
    ready_at: float | None


class QueueMachine(RuleBasedStateMachine):
    """Every call is made to the queue and to a dictionary with the laws written out plainly."""

    def __init__(self) -> None:
        super().__init__()
        self.timers = FakeTimers()
        self.queue: PriorityQueue[str] = PriorityQueue(timers=self.timers)
        self.model: dict[str, Queued] = {}
        self.running: set[str] = set()
        self.order = itertools.count()

    def due(self) -> list[str]:
        keys = [k for k, q in self.model.items() if q.ready_at is None and k not in self.running]
        return sorted(keys, key=lambda k: (-self.model[k].priority, self.model[k].arrival))

    @rule(key=KEYS, priority=PRIORITIES, after=DELAYS)
    def add(self, key: str, priority: int, after: float) -> None:
        self.queue.add(key, priority=priority, after=after)
        ready_at = self.timers.now + after if after else None
        old = self.model.get(key)
        if old is None:
            self.model[key] = Queued(priority, next(self.order), ready_at)
            return
        if old.ready_at is None or ready_at is None:
            old.ready_at = None
        else:
            old.ready_at = min(old.ready_at, ready_at)
        if priority > old.priority:
            old.priority, old.arrival = priority, next(self.order)

    @precondition(lambda self: self.due())
    @rule()
    def get(self) -> None:
        expected = self.due()[0]
        got = run(self.queue.get())
        assert got == (expected, self.model[expected].priority)
        del self.model[expected]
        self.running.add(expected)

    @precondition(lambda self: self.running)
    @rule(data=st.data())
    def done(self, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(sorted(self.running)))
        self.queue.done(key)
        self.running.remove(key)

    @rule(seconds=st.sampled_from([0.5, 1.0, 3.0]))
    def advance(self, seconds: float) -> None:
        self.timers.advance(seconds)
        ripe = [
            (q.ready_at, q.arrival, q)
            for q in self.model.values()
            if q.ready_at is not None and q.ready_at <= self.timers.now
        ]
        for _, _, queued in sorted(ripe, key=lambda r: r[:2]):
            queued.ready_at, queued.arrival = None, next(self.order)

    @invariant()
    def counts_agree(self) -> None:
        due = sum(q.ready_at is None for q in self.model.values())
        assert len(self.queue) == due
        assert self.queue.waiting == len(self.model) - due
        assert set(self.queue.processing) == self.running

    @invariant()
    def dead_entries_never_outgrow_the_live_ones(self) -> None:
        for heap in (self.queue._ready, self.queue._waiting):
            assert heap.size <= max(MIN_REBUILD + len(self.model), 2 * len(heap) + 1)


def run(coroutine: object) -> object:
    """Step a coroutine that has no reason to wait; fail if it does."""
    try:
        coroutine.send(None)  # type: ignore[attr-defined] # a coroutine has send
    except StopIteration as stop:
        return stop.value
    raise AssertionError("the queue waited although a key was due")


TestQueueMachine = QueueMachine.TestCase
TestQueueMachine.settings = settings(max_examples=150, stateful_step_count=60, deadline=None)


@pytest.mark.parametrize("seed", range(5))
async def test_c18_no_key_runs_twice_at_once_and_none_is_lost(seed: int) -> None:
    """50 workers, 200,000 random adds in all, workers cancelled at random while they wait and while
    they work: after the last add of every key a run of it began."""
    draw = random.Random(seed)
    queue: PriorityQueue[int] = PriorityQueue()
    running: set[int] = set()
    asked: dict[int, int] = {}
    served: dict[int, int] = {}
    moment = itertools.count()

    async def work() -> None:
        while True:
            key, _ = await queue.get()
            try:
                assert key not in running
                running.add(key)
                served[key] = next(moment)
                for _ in range(draw.randrange(3)):
                    await asyncio.sleep(0)
            finally:
                running.discard(key)
                queue.done(key)

    workers = [asyncio.create_task(work()) for _ in range(50)]
    for step in range(40_000):
        key = draw.randrange(40)
        asked[key] = next(moment)
        delay = draw.choice([0.0, 0.0, 0.0, 0.001])
        queue.add(key, priority=draw.choice([-100, 0, 5]), after=delay)
        if step % 20 == 0:
            await asyncio.sleep(0)
        if step % 200 == 0:
            victim = draw.randrange(len(workers))
            workers[victim].cancel()
            await asyncio.wait([workers[victim]])
            workers[victim] = asyncio.create_task(work())
    async with asyncio.timeout(30):
        while len(queue) or queue.waiting or queue.processing:
            await asyncio.sleep(0)
    assert all(served[key] > asked[key] for key in asked)
    for worker in workers:
        worker.cancel()
    results = await asyncio.gather(*workers, return_exceptions=True)
    assert all(isinstance(result, asyncio.CancelledError) for result in results)
