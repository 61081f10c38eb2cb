"""C17 to C23: every change is reconciled, once at a time, soon, and whatever a reconciler does."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable

import pytest
import structlog

from druid_operator.pkg.builder import new_controller_managed_by
from druid_operator.pkg.cache import label_scope
from druid_operator.pkg.controller import Controller, ControllerOptions
from druid_operator.pkg.envtest.environment import Environment
from druid_operator.pkg.envtest.eventually import eventually
from druid_operator.pkg.event import Object
from druid_operator.pkg.handler import EnqueueForObject, EnqueueMapped
from druid_operator.pkg.manager import Manager
from druid_operator.pkg.meta import NamespacedName
from druid_operator.pkg.predicate import Funcs
from druid_operator.pkg.reconcile import Result
from druid_operator.pkg.scheme.builtin import CONFIG_MAP
from druid_operator.pkg.source import Channel
from druid_operator.pkg.workqueue import ItemExponential

pytestmark = pytest.mark.usefixtures("no_leaked_task")

Pass = Callable[[NamespacedName], Awaitable[Result | None]]


def controller(
    manager: Manager, reconciler, labels, name: str, *predicates, **options
) -> Controller:
    """For our ConfigMaps alone: a namespace of a real cluster has others."""
    return (
        new_controller_managed_by(manager)
        .watches(CONFIG_MAP, EnqueueForObject(), *predicates, scope=label_scope(labels))
        .named(name)
        .with_options(ControllerOptions(**options))
        .complete(reconciler)
    )


def sample(manager: Manager, metric: str, **labels: str) -> float:
    return manager.metrics.registry.get_sample_value(metric, labels) or 0.0


async def test_c17_a_thousand_additions_while_it_runs(objects, managers, recording, labels) -> None:
    """A key that is added a thousand times while it is worked on runs exactly once more."""
    manager = managers.make()
    held, channel = asyncio.Event(), Channel("storm")

    async def hold(_: NamespacedName) -> None:
        await held.wait()

    reconciler = recording(hold)
    new_controller_managed_by(manager).named("c17").watches_raw_source(channel).complete(reconciler)
    await managers.run(manager)
    key = objects.key("a")
    channel.put(key)
    await eventually(lambda: reconciler.started)
    for _ in range(1000):
        channel.put(key)
    held.set()
    await eventually(lambda: len(reconciler.finished) == 2)
    channel.put(objects.key("b"))
    await eventually(lambda: objects.key("b") in reconciler.finished)
    assert reconciler.finished == [key, key, objects.key("b")]


async def test_c18_fifty_workers(managers, objects, recording) -> None:
    """Fifty workers and 100,000 random additions: no key is ever worked on twice at once, and after
    the last addition of every key a pass of it began. (The property test of the queue adds
    cancelled workers, delays and priorities, and a model of the order.)"""
    draw = random.Random(18)
    manager = managers.make()
    channel = Channel("storm")
    begun: dict[NamespacedName, int] = {}
    asked: dict[NamespacedName, int] = {}
    step = 0

    async def work(key: NamespacedName) -> None:
        begun[key] = step
        for _ in range(draw.randrange(3)):
            await asyncio.sleep(0)

    reconciler = recording(work)
    made = (
        new_controller_managed_by(manager)
        .named("c18")
        .watches_raw_source(channel)
        .with_options(ControllerOptions(max_concurrent_reconciles=50))
        .complete(reconciler)
    )
    await managers.run(manager)
    await eventually(made.started.is_set)
    keys = [objects.key(f"object-{index}") for index in range(200)]
    for step in range(100_000):
        key = draw.choice(keys)
        asked[key] = step
        channel.put(key)
        if step % 100 == 0:
            await asyncio.sleep(0)
    await eventually(lambda: not len(made.queue) and not reconciler.running, timeout=30)
    assert reconciler.collided == []
    assert all(begun[key] >= asked[key] for key in asked)


async def test_c19_function_that_burns_the_loop_is_named(
    objects, managers, recording, labels
) -> None:
    """A map function that computes for a second instead of returning holds everything up: the log
    says so and names it, and the lag is in the metrics."""
    await objects.create("a")
    manager = managers.make()

    def burns(_: Object) -> list[NamespacedName]:
        end = time.monotonic() + 1.0
        while time.monotonic() < end:
            pass
        return [NamespacedName("", "slow")]

    reconciler = recording()
    new_controller_managed_by(manager).named("c19").watches(
        CONFIG_MAP, EnqueueMapped(burns), scope=label_scope(labels)
    ).complete(reconciler)
    with structlog.testing.capture_logs() as logs:
        await managers.run(manager)
        await eventually(lambda: reconciler.finished)
        await eventually(lambda: [line for line in logs if "burns" in line.get("function", "")])
    (line,) = [line for line in logs if "burns" in line.get("function", "")]
    assert line["event"] == "Event loop was blocked"
    assert line["duration_seconds"] > 0.5
    assert sample(manager, "controller_runtime_event_loop_lag_seconds_sum") > 0.5


async def test_c20_edit_passes_the_backlog_of_a_restart(
    env: Environment, objects, managers, recording, labels
) -> None:
    """After a restart over thousands of objects a user's edit is reconciled next, however many
    objects of the initial list still wait."""
    count = 10_000 if env.backend == "embedded" else 2_000
    await objects.create_many(count)
    manager = managers.make()
    arrived: list[int] = []

    async def work(_: NamespacedName) -> None:
        await asyncio.sleep(0.001)

    reconciler = recording(work)
    seen = Funcs(on_update=lambda event: arrived.append(len(reconciler.started)) is None)
    made = controller(manager, reconciler, labels, "c20", seen, max_concurrent_reconciles=4)
    await managers.run(manager)
    await eventually(lambda: len(reconciler.finished) > 50, timeout=30)
    # One of the last in the queue.
    edited = objects.key(f"object-{count - 1:05}")
    assert edited not in reconciler.started
    await objects.change(edited.name)
    await eventually(lambda: edited in reconciler.started)
    assert len(made.queue) > count / 10, "there must be a backlog to pass"
    passed_first = reconciler.started.index(edited) - arrived[0]
    assert passed_first <= 4, "it goes before everything but what was already taken"


class Delays(ItemExponential[NamespacedName]):
    """The default limiter, with a record of what it said."""

    def __init__(self) -> None:
        super().__init__()
        self.given: list[float] = []

    def when(self, key: NamespacedName) -> float:
        delay = super().when(key)
        self.given.append(delay)
        return delay


async def test_c21_delays_double_until_a_clean_pass(objects, managers, recording, labels) -> None:
    """Six failures are followed by delays that double; only a clean pass resets them."""
    manager = managers.make()
    outcomes = iter([False] * 6 + [True, False, True])
    delays = Delays()

    async def work(_: NamespacedName) -> Result | None:
        if not next(outcomes, True):
            raise RuntimeError("not yet")
        return None

    reconciler = recording(work)
    controller(manager, reconciler, labels, "c21", rate_limiter=delays)
    await managers.run(manager)
    await objects.create("a")
    await eventually(lambda: len(reconciler.started) == 7)
    await objects.change("a")
    await eventually(lambda: len(reconciler.finished) == 2)
    assert delays.given == [0.005 * 2**n for n in range(6)] + [0.005]
    assert sample(manager, "controller_runtime_reconcile_errors_total", controller="c21") == 7


async def test_c22_event_comes_before_the_timer(objects, managers, recording, labels) -> None:
    """A pass that asked to run again in an hour runs at the event, and the old timer is gone."""
    manager = managers.make()
    results = iter([Result(requeue_after=3600)])

    async def work(_: NamespacedName) -> Result | None:
        return next(results, None)

    reconciler = recording(work)
    made = controller(manager, reconciler, labels, "c22")
    await managers.run(manager)
    await objects.create("a")
    await eventually(lambda: made.queue.waiting == 1)
    await objects.change("a")
    await eventually(lambda: len(reconciler.finished) == 2)
    await eventually(lambda: not reconciler.running and not made.queue.processing)
    assert made.queue.waiting == 0
    assert len(made.queue) == 0


async def raises(_: NamespacedName) -> None:
    raise RuntimeError("broken")


async def leaks_a_cancellation(_: NamespacedName) -> None:
    raise asyncio.CancelledError


async def raises_in_a_group(_: NamespacedName) -> None:
    async def part() -> None:
        raise ValueError("a part is broken")

    async with asyncio.TaskGroup() as group:
        group.create_task(part())
        group.create_task(asyncio.sleep(30))


@pytest.mark.parametrize("broken", [raises, leaks_a_cancellation, raises_in_a_group])
async def test_c23_whatever_a_reconciler_raises(
    objects, managers, recording, labels, broken: Pass
) -> None:
    """It is counted and tried again, and the worker lives on: another key is served by it."""
    manager = managers.make()
    first = [True, True]

    async def work(key: NamespacedName) -> None:
        if key.name == "bad" and first:
            first.pop()
            await broken(key)

    reconciler = recording(work)
    controller(manager, reconciler, labels, "c23", max_concurrent_reconciles=1)
    await managers.run(manager)
    await objects.create("bad")
    await eventually(lambda: objects.key("bad") in reconciler.finished)
    await objects.create("good")
    await eventually(lambda: objects.key("good") in reconciler.finished)
    assert sample(manager, "controller_runtime_reconcile_errors_total", controller="c23") == 2
    error, success = (
        sample(manager, "controller_runtime_reconcile_total", controller="c23", result=result)
        for result in ("error", "success")
    )
    assert (error, success) == (2, 2)
    assert sample(manager, "controller_runtime_active_workers", controller="c23") == 0
