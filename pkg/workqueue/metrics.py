"""What a queue tells about itself, and the Prometheus series that come of it.

The names are client-go's, ``workqueue_*``, so existing dashboards read them. A key counts as
*added* and as part of the *depth* when it is due; while it waits for its time it is neither.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from druid_operator.pkg.metrics import Metrics


class QueueMetrics(Protocol):
    """Called by the queue, synchronously."""

    def added(self) -> None:
        """A key became due that was not."""
        ...

    def entered(self, priority: int, /) -> None:
        """The depth at ``priority`` went up by one."""
        ...

    def left(self, priority: int, /) -> None:
        """The depth at ``priority`` went down by one."""
        ...

    def started(self, waited: float, /) -> None:
        """A key was given to a worker, ``waited`` seconds after it became due."""
        ...

    def finished(self, worked: float, /) -> None:
        """A worker was done with a key after ``worked`` seconds."""
        ...

    def retried(self) -> None:
        """There was a rate-limited add."""
        ...


class NoMetrics:
    """Tells nobody."""

    def added(self) -> None: ...

    def entered(self, priority: int, /) -> None: ...

    def left(self, priority: int, /) -> None: ...

    def started(self, waited: float, /) -> None: ...

    def finished(self, worked: float, /) -> None: ...

    def retried(self) -> None: ...


class PrometheusQueueMetrics:
    """The ``workqueue_*`` series of one controller's queue, all at zero from the start.

    Args:
        metrics: the manager's.
        name: the queue's name and, as in controller-runtime, its controller's.
    """

    def __init__(self, metrics: Metrics, name: str) -> None:
        self._metrics = metrics
        self._labels = (name, name)
        self._adds = metrics.workqueue_adds_total.labels(*self._labels)
        self._retries = metrics.workqueue_retries_total.labels(*self._labels)
        self._queue_duration = metrics.workqueue_queue_duration_seconds.labels(*self._labels)
        self._work_duration = metrics.workqueue_work_duration_seconds.labels(*self._labels)
        self._unfinished = metrics.workqueue_unfinished_work_seconds.labels(*self._labels)
        self._longest = metrics.workqueue_longest_running_processor_seconds.labels(*self._labels)
        self._depth: dict[int, Any] = {}
        self._depth_at(0)

    def added(self) -> None:
        self._adds.inc()

    def entered(self, priority: int, /) -> None:
        self._depth_at(priority).inc()

    def left(self, priority: int, /) -> None:
        self._depth_at(priority).dec()

    def started(self, waited: float, /) -> None:
        self._queue_duration.observe(waited)

    def finished(self, worked: float, /) -> None:
        self._work_duration.observe(worked)

    def retried(self) -> None:
        self._retries.inc()

    def watch(self, processing: Callable[[], Mapping[Any, float]]) -> None:
        """Keep the two gauges of running work fresh: ``processing`` is asked at each scrape."""

        def refresh() -> None:
            running = processing().values()
            self._unfinished.set(sum(running))
            self._longest.set(max(running, default=0.0))

        self._metrics.before_scrape(refresh)

    def _depth_at(self, priority: int) -> Any:
        gauge = self._depth.get(priority)
        if gauge is None:
            gauge = self._metrics.workqueue_depth.labels(*self._labels, str(priority))
            self._depth[priority] = gauge
        return gauge
