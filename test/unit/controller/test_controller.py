"""Outcomes of a pass decide what the queue does; nothing a reconciler does can end a worker."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from structlog.contextvars import get_contextvars

from druid_operator.pkg.controller import (
    CacheSyncTimeout,
    Controller,
    ControllerDefaults,
    ControllerOptions,
)
from druid_operator.pkg.errors import Conflict, TerminalError
from druid_operator.pkg.meta import GroupVersionKind, NamespacedName
from druid_operator.pkg.metrics import Metrics
from druid_operator.pkg.reconcile import Result
from druid_operator.pkg.scheme.builtin import CONFIG_MAP, SECRET
from druid_operator.pkg.source import Channel, Ticker
from druid_operator.pkg.workqueue import ItemExponential

A = NamespacedName("ns", "a")
B = NamespacedName("ns", "b")
Pass = Callable[[NamespacedName], Awaitable[Result | None]]


class Rig:
    def __init__(self, do: Pass, **options: object) -> None:
        self.metrics = Metrics()
        self.channel: Channel[NamespacedName] = Channel("test")
        self.passes: list[NamespacedName] = []
        self._do = do
        options.setdefault("rate_limiter", ItemExponential(base=0.001))
        self.controller: Controller[NamespacedName] = Controller(
            "test", self, [self.channel], metrics=self.metrics,
            options=ControllerOptions(**options),  # type: ignore[arg-type] # test options
        )  # fmt: skip

    async def reconcile(self, request: NamespacedName) -> Result | None:
        self.passes.append(request)
        return await self._do(request)

    def counter(self, name: str, **labels: str) -> float:
        value = self.metrics.registry.get_sample_value(name, {"controller": "test", **labels})
        assert value is not None, f"{name} was not initialised"
        return value

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(5):
            while not condition():
                await asyncio.sleep(0.001)


@asynccontextmanager
async def running(do: Pass, **options: object) -> AsyncIterator[Rig]:
    rig = Rig(do, **options)
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(rig.controller.start())
        yield rig
        task.cancel()


async def test_success_runs_once_and_is_counted() -> None:
    async def do(_: NamespacedName) -> None:
        return None

    async with running(do) as rig:
        rig.channel.put(A)
        await rig.until(
            lambda: rig.counter("controller_runtime_reconcile_total", result="success") == 1
        )
    assert rig.passes == [A]


async def test_failures_back_off_and_a_clean_pass_resets() -> None:
    failures = iter([True] * 6 + [False, True, False])

    async def do(_: NamespacedName) -> None:
        if next(failures):
            raise Conflict("again")

    async with running(do) as rig:
        rig.channel.put(A)
        await rig.until(lambda: len(rig.passes) == 7)
        assert rig.controller.queue.retries(A) == 0
        rig.channel.put(A)
        await rig.until(lambda: len(rig.passes) == 9)
    assert rig.counter("controller_runtime_reconcile_errors_total") == 7


@pytest.mark.parametrize(
    ("error", "panics"),
    [(RuntimeError("x"), 0), (TypeError("a mistake"), 1), (ExceptionGroup("g", [OSError()]), 0)],
)
async def test_any_exception_is_counted_and_tried_again(error: Exception, panics: int) -> None:
    outcomes = iter([error, None])

    async def do(_: NamespacedName) -> None:
        if (outcome := next(outcomes)) is not None:
            raise outcome

    async with running(do) as rig:
        rig.channel.put(A)
        await rig.until(lambda: len(rig.passes) == 2)
    assert rig.counter("controller_runtime_reconcile_panics_total") == panics


async def test_leaked_cancellation_is_a_fault_of_the_reconciler_and_the_worker_lives() -> None:
    outcomes = iter([True, False])

    async def do(_: NamespacedName) -> None:
        if next(outcomes):
            raise asyncio.CancelledError

    async with running(do) as rig:
        rig.channel.put(A)
        await rig.until(lambda: len(rig.passes) == 2)
    assert rig.counter("controller_runtime_reconcile_errors_total") == 1


async def test_terminal_error_is_not_tried_again_until_an_event() -> None:
    async def do(request: NamespacedName) -> None:
        if request == A:
            raise TerminalError("fix the spec")

    async with running(do) as rig:
        rig.channel.put(A)
        await rig.until(
            lambda: rig.counter("controller_runtime_terminal_reconcile_errors_total") == 1
        )
        rig.channel.put(B)
        await rig.until(lambda: B in rig.passes)
        assert rig.passes == [A, B]
        assert len(rig.controller.queue) == 0


async def test_group_with_one_retryable_error_is_not_terminal() -> None:
    outcomes = iter([ExceptionGroup("both", [TerminalError("x"), OSError("y")]), None])

    async def do(_: NamespacedName) -> None:
        if (outcome := next(outcomes)) is not None:
            raise outcome

    async with running(do) as rig:
        rig.channel.put(A)
        await rig.until(lambda: len(rig.passes) == 2)


async def test_pass_over_its_time_limit_is_ended_and_counted() -> None:
    outcomes = iter([True, False])

    async def do(_: NamespacedName) -> None:
        if next(outcomes):
            await asyncio.Event().wait()

    async with running(do, reconciliation_timeout=0.01) as rig:
        rig.channel.put(A)
        await rig.until(lambda: len(rig.passes) == 2)
    assert rig.counter("controller_runtime_reconcile_timeouts_total") == 1


async def test_one_key_is_never_reconciled_twice_at_the_same_time() -> None:
    running_now: set[NamespacedName] = set()
    finish = asyncio.Event()

    async def do(request: NamespacedName) -> None:
        assert request not in running_now
        running_now.add(request)
        await finish.wait()
        running_now.discard(request)

    async with running(do, max_concurrent_reconciles=4) as rig:
        rig.channel.put(A)
        await rig.until(lambda: A in running_now)
        for _ in range(1000):
            rig.channel.put(A)
        rig.channel.put(B)
        await rig.until(lambda: B in running_now)
        finish.set()
        await rig.until(lambda: len(rig.passes) == 3 and not running_now)
    assert rig.passes == [A, B, A]


async def test_drain_finishes_what_runs_and_starts_nothing() -> None:
    finish = asyncio.Event()
    done: list[NamespacedName] = []

    async def do(request: NamespacedName) -> None:
        await finish.wait()
        done.append(request)

    rig = Rig(do)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(rig.controller.start())
        rig.channel.put(A)
        rig.channel.put(B)
        await rig.until(lambda: rig.passes == [A])
        drain = tasks.create_task(rig.controller.drain())
        await asyncio.sleep(0)
        finish.set()
        await drain
    assert done == [A]


async def test_source_that_does_not_sync_is_named() -> None:
    class Stuck(Channel[NamespacedName]):
        async def wait_for_sync(self) -> None:
            await asyncio.Event().wait()

    async def do(_: NamespacedName) -> None:
        return None

    controller: Controller[NamespacedName] = Controller(
        "test", Rig(do), [Stuck("kind things")], metrics=Metrics(),
        options=ControllerOptions(cache_sync_timeout=0.01),
    )  # fmt: skip
    with pytest.raises(CacheSyncTimeout, match="kind things did not sync"):
        await controller.start()


async def test_requeue_after_runs_again_and_an_event_in_between_cancels_the_timer() -> None:
    async def do(_: NamespacedName) -> Result:
        return Result(requeue_after=3600)

    async with running(do) as rig:
        rig.channel.put(A)
        await rig.until(lambda: len(rig.passes) == 1)
        rig.channel.put(A)
        await rig.until(lambda: len(rig.passes) == 2)
        assert rig.counter("controller_runtime_reconcile_total", result="requeue_after") >= 1


async def test_metrics_of_a_busy_controller_are_served() -> None:
    finish = asyncio.Event()

    async def do(_: NamespacedName) -> None:
        await finish.wait()

    async with running(do) as rig:
        rig.channel.put(A)
        await rig.until(lambda: rig.passes == [A])
        body, _ = await rig.metrics.render()
        finish.set()
    assert b'controller_runtime_active_workers{controller="test"} 1.0' in body
    assert b"workqueue_longest_running_processor_seconds" in body


# --- reconcilers that block ---------------------------------------------------------------------


def blocking(do: Callable[[NamespacedName], Result | None], **options: object) -> Controller:
    channel: Channel[NamespacedName] = Channel("test")
    controller: Controller[NamespacedName] = Controller(
        "blocking", do, [channel], metrics=Metrics(), options=ControllerOptions(**options)  # type: ignore[arg-type] # test options
    )  # fmt: skip
    controller.channel = channel  # type: ignore[attr-defined] # for the test
    return controller


@asynccontextmanager
async def started(controller: Controller) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.ensure_future(controller.start())
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.wait([task])


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.001)


async def test_blocking_reconciler_runs_in_a_thread_with_the_context_of_the_pass() -> None:
    seen: list[tuple[str, dict]] = []
    release = threading.Event()

    def reconcile(request: NamespacedName) -> Result | None:
        seen.append((threading.current_thread().name, get_contextvars()))
        release.wait(5)
        return None

    controller = blocking(reconcile)
    async with started(controller):
        controller.channel.put(A)
        await until(lambda: seen)
        release.set()  # the loop is free while the thread waits
        await until(lambda: not controller.queue.processing)
    thread, context = seen[0]
    assert thread.startswith("blocking")
    assert (context["controller"], context["name"]) == ("blocking", "a")
    assert context["reconcileID"]


async def test_key_of_a_blocking_pass_past_its_deadline_is_not_run_twice_at_once() -> None:
    """The thread goes on, whatever the deadline says."""
    running, worst, release = [0], [0], threading.Event()

    def reconcile(request: NamespacedName) -> Result | None:
        running[0] += 1
        worst[0] = max(worst[0], running[0])
        release.wait(0.1)
        running[0] -= 1
        return None

    controller = blocking(
        reconcile, max_concurrent_reconciles=3, reconciliation_timeout=0.01,
        rate_limiter=ItemExponential(base=0.0001),
    )  # fmt: skip
    value = controller._metrics.registry.get_sample_value
    async with started(controller):
        controller.channel.put(A)
        await until(
            lambda: (
                value("controller_runtime_reconcile_timeouts_total", {"controller": "blocking"}) > 2
            )
        )
    assert worst == [1]


async def test_function_can_be_the_reconciler() -> None:
    seen: list[NamespacedName] = []

    async def reconcile(request: NamespacedName) -> None:
        seen.append(request)

    controller = blocking(reconcile)  # type: ignore[arg-type] # it does not block
    async with started(controller):
        controller.channel.put(A)
        await until(lambda: seen == [A])


# --- settings, sources --------------------------------------------------------------------------


def test_own_options_win_over_the_defaults_of_kind_and_manager() -> None:
    defaults = ControllerDefaults(
        group_kind_concurrency={"Druid.druid.apache.org": 7, "ConfigMap": 3},
        max_concurrent_reconciles=2, reconciliation_timeout=60.0,
    )  # fmt: skip
    druid = GroupVersionKind("druid.apache.org", "v1alpha1", "Druid")
    nothing: ControllerOptions[NamespacedName] = ControllerOptions()
    assert nothing.with_defaults(defaults, druid).max_concurrent_reconciles == 7
    assert nothing.with_defaults(defaults, CONFIG_MAP.gvk).max_concurrent_reconciles == 3
    assert nothing.with_defaults(defaults, SECRET.gvk).max_concurrent_reconciles == 2
    own: ControllerOptions[NamespacedName] = ControllerOptions(
        max_concurrent_reconciles=9, need_leader_election=False
    )
    settings = own.with_defaults(defaults, druid)
    assert (settings.max_concurrent_reconciles, settings.reconciliation_timeout) == (9, 60.0)
    assert not settings.need_leader_election


def test_controller_without_a_name_is_refused() -> None:
    with pytest.raises(ValueError, match="name"):
        Controller("", lambda _: None, [], metrics=Metrics())


async def test_events_in_a_burst_become_one_pass() -> None:
    async def do(_: NamespacedName) -> None:
        return None

    async with running(do, debounce=0.05) as rig:
        for _ in range(20):
            rig.channel.put(A)
            await asyncio.sleep(0.001)
        assert rig.passes == []
        await rig.until(lambda: len(rig.passes) == 1)
        await asyncio.sleep(0.06)
    assert rig.passes == [A]


async def test_ticker_puts_its_key_again_and_again_and_ends_with_the_controller() -> None:
    passes: list[NamespacedName] = []

    async def do(request: NamespacedName) -> None:
        passes.append(request)

    before = asyncio.all_tasks()
    controller = Controller(
        "ticking", do, [Ticker("clock", A, 0.005)], metrics=Metrics()
    )  # fmt: skip
    async with started(controller):
        await until(lambda: len(passes) >= 3)
        await controller.drain()
    assert asyncio.all_tasks() - before == set()


async def test_warmed_up_controller_has_its_keys_before_it_starts() -> None:
    passes: list[NamespacedName] = []

    async def do(request: NamespacedName) -> None:
        passes.append(request)

    channel: Channel[NamespacedName] = Channel("test")
    controller = Controller("warm", do, [channel], metrics=Metrics())
    await controller.warmup()
    channel.put(A)
    channel.put(A)
    assert (len(controller.queue), passes) == (1, [])
    async with started(controller):
        await until(lambda: passes)
    assert passes == [A]
