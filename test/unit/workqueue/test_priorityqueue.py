"""The queue's laws, one by one; random sequences of calls are in test/property."""

from __future__ import annotations

import asyncio

import pytest

from druid_operator.pkg.workqueue import (
    LOW_PRIORITY,
    ItemExponential,
    PriorityQueue,
    QueueShutDown,
)


def new_queue(timers) -> PriorityQueue[str]:
    return PriorityQueue(timers=timers)


async def taken(queue: PriorityQueue[str]) -> list[str]:
    return [(await queue.get())[0] for _ in range(len(queue))]


async def is_parked(task: asyncio.Task[object]) -> bool:
    """Give the task every chance to run, then say whether it still waits."""
    for _ in range(5):
        await asyncio.sleep(0)
    return not task.done()


async def test_c17_a_key_added_1000_times_while_it_runs_runs_exactly_once_more(timers) -> None:
    queue = new_queue(timers)
    queue.add("a")
    await queue.get()
    for _ in range(1000):
        queue.add("a")
    assert len(queue) == 1
    queue.done("a")
    assert await queue.get() == ("a", 0)
    queue.done("a")
    assert len(queue) == 0


async def test_a_key_is_not_given_twice_before_it_is_done(timers) -> None:
    queue = new_queue(timers)
    queue.add("a")
    await queue.get()
    queue.add("a")
    async with asyncio.TaskGroup() as group:
        second = group.create_task(queue.get())
        assert await is_parked(second)
        queue.done("a")
    assert second.result() == ("a", 0)


async def test_c21_delays_double_with_each_failure_and_only_a_clean_pass_resets_them(
    timers,
) -> None:
    queue = new_queue(timers)
    queue.add("a")
    delays = []
    for attempt in range(1, 8):
        await queue.get()
        queue.done("a")
        if attempt == 7:
            queue.forget("a")  # six failures, then a pass that went well
        queue.add("a", rate_limited=True)
        assert len(queue) == 0
        before = timers.now
        while not len(queue):
            timers.advance(0.001)
        delays.append(round(timers.now - before, 3))
    assert delays == [0.005, 0.01, 0.02, 0.04, 0.08, 0.16, 0.005]


async def test_c22_an_event_runs_a_waiting_key_now_and_its_timer_never_fires(timers) -> None:
    queue = new_queue(timers)
    queue.add("a", after=3600)
    timers.advance(1)
    assert len(queue) == 0
    queue.add("a")
    assert await queue.get() == ("a", 0)
    queue.done("a")
    timers.advance(7200)
    assert len(queue) == 0
    assert queue.waiting == 0


async def test_the_earlier_of_two_times_holds(timers) -> None:
    queue = new_queue(timers)
    queue.add("a", after=10)
    queue.add("a", after=5)
    queue.add("a", after=20)
    timers.advance(4.9)
    assert len(queue) == 0
    timers.advance(0.1)
    assert len(queue) == 1
    await queue.get()
    queue.done("a")
    timers.advance(100)
    assert len(queue) == 0


async def test_higher_priority_first_then_first_come(timers) -> None:
    queue = new_queue(timers)
    for key, priority in (("a", LOW_PRIORITY), ("b", 0), ("c", LOW_PRIORITY), ("d", 5), ("e", 0)):
        queue.add(key, priority=priority)
    assert await taken(queue) == ["d", "b", "e", "a", "c"]


async def test_priority_only_rises_and_a_rise_goes_behind_its_new_equals(timers) -> None:
    queue = new_queue(timers)
    queue.add("low", priority=LOW_PRIORITY)
    queue.add("first")
    queue.add("first", priority=LOW_PRIORITY)
    queue.add("low")
    assert [await queue.get() for _ in range(2)] == [("first", 0), ("low", 0)]


async def test_a_key_whose_time_has_come_goes_behind_those_that_are_due(timers) -> None:
    queue = new_queue(timers)
    queue.add("later", after=1)
    queue.add("now")
    timers.advance(1)
    assert await taken(queue) == ["now", "later"]


async def test_a_waiting_key_that_comes_due_while_it_runs_waits_for_done(timers) -> None:
    queue = new_queue(timers)
    queue.add("a")
    await queue.get()
    queue.add("a", after=1)
    timers.advance(2)
    assert queue._ready.pop() is None
    queue.done("a")
    assert await queue.get() == ("a", 0)


async def test_a_rate_limited_add_takes_the_shorter_of_both_delays(timers) -> None:
    queue: PriorityQueue[str] = PriorityQueue(
        timers=timers, rate_limiter=ItemExponential(10.0, 10.0)
    )
    queue.add("a", after=1, rate_limited=True)
    queue.add("b", after=60, rate_limited=True)
    timers.advance(1)
    assert await taken(queue) == ["a"]
    timers.advance(9)
    assert await taken(queue) == ["b"]
    assert queue.retries("a") == 1


async def test_one_timer_serves_all_waiting_keys(timers) -> None:
    queue = new_queue(timers)
    for n in range(100):
        queue.add(f"k{n}", after=100 - n)
    assert timers.armed == 1
    timers.advance(100)
    assert len(queue) == 100
    assert timers.armed == 0


async def test_c20_an_edit_passes_a_backlog_of_10000_from_the_initial_list(timers) -> None:
    queue = new_queue(timers)
    for n in range(10_000):
        queue.add(f"k{n}", priority=LOW_PRIORITY)
    await queue.get()
    queue.add("k9000")
    assert await queue.get() == ("k9000", 0)


async def test_a_wake_up_is_handed_on_when_the_woken_getter_is_cancelled(timers) -> None:
    """Add wakes the first getter; cancelled in the same turn it must not take the key's wake-up
    with it into its grave."""
    queue = new_queue(timers)
    async with asyncio.TaskGroup() as group:
        first = group.create_task(queue.get())
        second = group.create_task(queue.get())
        assert await is_parked(second)
        queue.add("a")
        first.cancel()
        assert await asyncio.wait_for(asyncio.shield(second), 1) == ("a", 0)
    assert first.cancelled()


async def test_cancelled_getters_leave_nothing_behind(timers) -> None:
    queue = new_queue(timers)
    for _ in range(100):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0):
                await queue.get()
    assert len(queue._getters) == 0


async def test_shut_down_drops_what_is_queued_and_wakes_every_getter(timers) -> None:
    queue = new_queue(timers)
    waiters = [asyncio.ensure_future(queue.get()) for _ in range(3)]
    assert await is_parked(waiters[0])
    queue.add("later", after=1)
    await queue.shut_down()
    for waiter in waiters:
        with pytest.raises(QueueShutDown):
            await waiter
    queue.add("a")
    timers.advance(10)
    assert (len(queue), queue.waiting, timers.armed) == (0, 0, 0)
    assert queue.shutting_down
    with pytest.raises(QueueShutDown):
        await queue.get()


async def test_draining_waits_for_every_key_that_runs_and_gives_none(timers) -> None:
    queue = new_queue(timers)
    for key in ("a", "b", "c"):
        queue.add(key)
    await queue.get()
    await queue.get()
    async with asyncio.TaskGroup() as group:
        drain = group.create_task(queue.shut_down(drain=True))
        assert await is_parked(drain)
        queue.done("a")
        assert await is_parked(drain)
        with pytest.raises(QueueShutDown):
            await queue.get()
        queue.done("b")


async def test_a_second_shut_down_without_drain_releases_the_first(timers) -> None:
    queue = new_queue(timers)
    queue.add("a")
    await queue.get()
    async with asyncio.TaskGroup() as group:
        drain = group.create_task(queue.shut_down(drain=True))
        assert await is_parked(drain)
        await queue.shut_down(drain=False)


async def test_a_hot_key_with_shifting_delays_does_not_grow_the_heap(timers) -> None:
    queue = new_queue(timers)
    for n in range(10_000):
        queue.add("hot", after=100_000 - n)
    assert queue._waiting.size < 200
    assert queue.waiting == 1


async def test_processing_tells_for_how_long(timers) -> None:
    queue = new_queue(timers)
    queue.add("a")
    await queue.get()
    timers.advance(3)
    assert queue.processing == {"a": 3.0}
    queue.done("a")
    assert queue.processing == {}


async def test_the_running_loop_is_the_default_clock() -> None:
    queue: PriorityQueue[str] = PriorityQueue()
    queue.add("a", after=0.001)
    assert await asyncio.wait_for(queue.get(), 5) == ("a", 0)


async def test_low_priority_starves_unless_it_may_age(timers) -> None:
    async def given(queue: PriorityQueue[str]) -> list[str]:
        queue.add("patient", priority=-100)
        order = []
        for round_ in range(4):
            queue.add(f"urgent {round_}")
            queue.add(f"urgent too {round_}")
            timers.advance(4.0)
            taken, _ = await queue.get()
            queue.done(taken)
            order.append(taken)
        return order

    strict = PriorityQueue[str](timers=timers)
    assert "patient" not in await given(strict)
    ageing = PriorityQueue[str](timers=timers, age_after=10.0)
    assert "patient" not in (await given(ageing))[:2]
    rest = [await ageing.get() for _ in range(len(ageing))]
    # Among equals it is the last that came, and those that come later are behind it.
    assert rest.index(("patient", 0)) < rest.index(("urgent too 3", 0))
