"""What the queue's series say after known sequences of calls."""

from __future__ import annotations

import pytest

from druid_operator.pkg.metrics import Metrics
from druid_operator.pkg.workqueue import PriorityQueue, PrometheusQueueMetrics


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture
def queue(metrics, timers) -> PriorityQueue[str]:
    hooks = PrometheusQueueMetrics(metrics, "druid")
    queue: PriorityQueue[str] = PriorityQueue(metrics=hooks, timers=timers)
    hooks.watch(lambda: queue.processing)
    return queue


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(
        f"workqueue_{name}", {"name": "druid", "controller": "druid", **labels}
    )


def depth(metrics: Metrics, priority: int = 0) -> float | None:
    return value(metrics, "depth", priority=str(priority))


def test_every_series_is_there_at_zero_before_the_first_key(metrics, queue) -> None:
    assert depth(metrics) == 0
    for name in (
        "adds_total",
        "retries_total",
        "unfinished_work_seconds",
        "longest_running_processor_seconds",
        "queue_duration_seconds_count",
        "work_duration_seconds_count",
    ):
        assert value(metrics, name) == 0, name


async def test_a_key_counts_as_added_when_it_is_due_and_once_until_it_is_given(
    metrics, queue, timers
) -> None:
    queue.add("a", after=1)
    assert (value(metrics, "adds_total"), depth(metrics)) == (0, 0)
    timers.advance(1)
    queue.add("a")
    queue.add("a", priority=7)
    assert (value(metrics, "adds_total"), depth(metrics), depth(metrics, 7)) == (1, 0, 1)
    timers.advance(2)
    await queue.get()
    queue.add("a")  # while it runs: due again, and part of the depth
    assert (value(metrics, "adds_total"), depth(metrics), depth(metrics, 7)) == (2, 1, 0)


async def test_durations_are_from_due_to_given_and_from_given_to_done(
    metrics, queue, timers
) -> None:
    queue.add("a", after=5)
    timers.advance(5)
    queue.add("a", priority=1)
    timers.advance(2)
    await queue.get()
    timers.advance(3)
    await metrics.render()
    assert value(metrics, "queue_duration_seconds_sum") == 2
    assert value(metrics, "unfinished_work_seconds") == 3
    assert value(metrics, "longest_running_processor_seconds") == 3
    queue.done("a")
    await metrics.render()
    assert value(metrics, "work_duration_seconds_sum") == 3
    assert value(metrics, "unfinished_work_seconds") == 0


async def test_retries_count_rate_limited_adds(metrics, queue) -> None:
    queue.add("a", rate_limited=True)
    queue.add("b")
    assert value(metrics, "retries_total") == 1


async def test_shutting_down_empties_the_depth(metrics, queue) -> None:
    queue.add("a")
    queue.add("b", priority=-100)
    await queue.shut_down()
    assert (depth(metrics), depth(metrics, -100)) == (0, 0)
