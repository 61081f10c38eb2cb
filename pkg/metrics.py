"""The metrics of one manager: controller-runtime's names and labels, so that its dashboards and
alerts read ours, and a few that it lacks.

Every series of a controller, queue or webhook exists at zero from its start: "absent" then always
means that something is wrong, and never that nothing has happened yet.

What a gauge shows at the moment of a scrape (ages, sizes) is written by functions that were given
to :meth:`Metrics.before_scrape`. They run in the event loop; the encoding, which takes about 8 µs a
series, runs in a thread.

Source of names, labels and buckets: controller-runtime ``pkg/internal/controller/metrics``,
``pkg/metrics`` and ``pkg/internal/metrics``; client-go and component-base for latencies.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    ProcessCollector,
)
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric

RECONCILE_BUCKETS = (
    0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6, 0.7, 0.8, 0.9,
    1.0, 1.25, 1.5, 1.75, 2.0, 2.5, 3.0, 3.5, 4.0, 4.5, 5, 6, 7, 8, 9, 10, 15, 20, 25, 30, 40, 50,
    60,
)  # fmt: skip
#: Ten nanoseconds to a thousand seconds, a factor of ten apart.
WORKQUEUE_BUCKETS = tuple(float(f"1e{exponent}") for exponent in range(-8, 4))
REQUEST_BUCKETS = (0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0)
LAG_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

#: Values of the label ``result``. Source: controller-runtime ``reconcileHandler``.
RECONCILE_RESULTS = ("success", "error", "requeue", "requeue_after")


class Metrics:
    """All series of one manager, in a registry of its own: two managers in one process do not mix.

    Args:
        registry: where they are registered; a new one by default. The process's own figures
            (``process_*``, ``python_gc_*``) are added to a new one only.

    Each metric is an attribute under its Prometheus name without ``controller_runtime_``; an
    operator registers its own with ``registry``.
    """

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        if registry is None:
            registry = CollectorRegistry()
            ProcessCollector(registry=registry)
            GCCollector(registry=registry)
        self.registry = registry
        self._refreshers: list[Callable[[], None]] = []
        self._add_reconcile()
        self._add_workqueue()
        self._add_client_and_election()
        self._add_webhooks()
        self._add_cache()

    def init_controller(self, name: str, max_concurrent: int) -> None:
        """Make every series of the controller ``name`` exist."""
        for result in RECONCILE_RESULTS:
            self.reconcile_total.labels(name, result)
        for counter in (
            self.reconcile_errors_total,
            self.terminal_reconcile_errors_total,
            self.reconcile_panics_total,
            self.reconcile_timeouts_total,
        ):
            counter.labels(name)
        self.reconcile_time_seconds.labels(name)
        self.max_concurrent_reconciles.labels(name).set(max_concurrent)
        self.active_workers.labels(name).set(0)

    def init_webhook(self, path: str) -> None:
        """Make every series of the webhook at ``path`` exist."""
        for code in ("200", "500"):
            self.webhook_requests_total.labels(path, code)
        self.webhook_requests_in_flight.labels(path).set(0)
        self.webhook_latency_seconds.labels(path)

    def before_scrape(self, refresh: Callable[[], None]) -> Callable[[], None]:
        """Call ``refresh`` at the start of every scrape; returns a function that ends it.

        ``refresh`` runs in the event loop, must be quick and must not raise.
        """
        self._refreshers.append(refresh)
        return lambda: self._refreshers.remove(refresh)

    async def render(self, accept: str = "") -> tuple[bytes, str]:
        """The body of a scrape and its content type.

        Args:
            accept: the request's ``Accept`` header: OpenMetrics where it is asked for, else the
                Prometheus text format.
        """
        for refresh in tuple(self._refreshers):
            refresh()
        encode, content_type = choose_encoder(accept)
        body: bytes = await asyncio.to_thread(encode, _WithoutCreated(self.registry))
        return body, content_type

    def _add_reconcile(self) -> None:
        self.reconcile_total = self._counter(
            "controller_runtime_reconcile_total",
            "Total number of reconciliations per controller",
            "controller", "result",
        )  # fmt: skip
        self.reconcile_errors_total = self._counter(
            "controller_runtime_reconcile_errors_total",
            "Total number of reconciliation errors per controller",
            "controller",
        )
        self.terminal_reconcile_errors_total = self._counter(
            "controller_runtime_terminal_reconcile_errors_total",
            "Total number of terminal reconciliation errors per controller",
            "controller",
        )
        self.reconcile_panics_total = self._counter(
            "controller_runtime_reconcile_panics_total",
            "Total number of programming errors raised by reconcilers, per controller",
            "controller",
        )
        self.reconcile_timeouts_total = self._counter(
            "controller_runtime_reconcile_timeouts_total",
            "Total number of reconciliations ended by the reconciliation timeout, per controller",
            "controller",
        )
        self.reconcile_time_seconds = self._histogram(
            "controller_runtime_reconcile_time_seconds",
            "Length of time per reconciliation per controller",
            "controller",
            buckets=RECONCILE_BUCKETS,
        )
        self.max_concurrent_reconciles = self._gauge(
            "controller_runtime_max_concurrent_reconciles",
            "Maximum number of concurrent reconciles per controller",
            "controller",
        )
        self.active_workers = self._gauge(
            "controller_runtime_active_workers",
            "Number of currently used workers per controller",
            "controller",
        )

    def _add_workqueue(self) -> None:
        names = ("name", "controller")
        self.workqueue_depth = self._gauge(
            "workqueue_depth", "Current depth of workqueue by priority", *names, "priority"
        )
        self.workqueue_adds_total = self._counter(
            "workqueue_adds_total", "Total number of adds handled by workqueue", *names
        )
        self.workqueue_queue_duration_seconds = self._histogram(
            "workqueue_queue_duration_seconds",
            "How long in seconds an item stays in workqueue before being requested",
            *names,
            buckets=WORKQUEUE_BUCKETS,
        )
        self.workqueue_work_duration_seconds = self._histogram(
            "workqueue_work_duration_seconds",
            "How long in seconds processing an item from workqueue takes",
            *names,
            buckets=WORKQUEUE_BUCKETS,
        )
        self.workqueue_unfinished_work_seconds = self._gauge(
            "workqueue_unfinished_work_seconds",
            "Seconds of work in progress that work_duration has not seen yet",
            *names,
        )
        self.workqueue_longest_running_processor_seconds = self._gauge(
            "workqueue_longest_running_processor_seconds",
            "How many seconds the longest running processor has been running",
            *names,
        )
        self.workqueue_retries_total = self._counter(
            "workqueue_retries_total", "Total number of retries handled by workqueue", *names
        )

    def _add_client_and_election(self) -> None:
        self.rest_client_requests_total = self._counter(
            "rest_client_requests_total",
            "Number of HTTP requests, partitioned by status code, method, and host",
            "code", "host", "method",
        )  # fmt: skip
        self.rest_client_request_duration_seconds = self._histogram(
            "rest_client_request_duration_seconds",
            "Request latency in seconds, by verb and host",
            "verb", "host",
            buckets=REQUEST_BUCKETS,
        )  # fmt: skip
        self.leader_election_master_status = self._gauge(
            "leader_election_master_status",
            "Whether this process leads under the lease: 1 leads, 0 waits",
            "name",
        )
        self.certwatcher_read_certificate_total = self._counter(
            "certwatcher_read_certificate_total", "Total number of certificate reads"
        )
        self.certwatcher_read_certificate_errors_total = self._counter(
            "certwatcher_read_certificate_errors_total", "Total number of certificate read errors"
        )
        self.event_loop_lag_seconds = self._histogram(
            "controller_runtime_event_loop_lag_seconds",
            "How late the event loop calls a timer",
            buckets=LAG_BUCKETS,
        )
        self.events_dropped_total = self._counter(
            "controller_runtime_events_dropped_total",
            "Events that were not written, by reason",
            "reason",
        )

    def _add_webhooks(self) -> None:
        self.webhook_requests_total = self._counter(
            "controller_runtime_webhook_requests_total",
            "Total number of admission requests by HTTP status code",
            "webhook", "code",
        )  # fmt: skip
        self.webhook_requests_in_flight = self._gauge(
            "controller_runtime_webhook_requests_in_flight",
            "Current number of admission requests being served",
            "webhook",
        )
        self.webhook_latency_seconds = self._histogram(
            "controller_runtime_webhook_latency_seconds",
            "Histogram of the latency of processing admission requests",
            "webhook",
            buckets=Histogram.DEFAULT_BUCKETS[:-1],
        )
        self.webhook_panics_total = self._counter(
            "controller_runtime_webhook_panics_total", "Total number of webhook panics"
        )
        self.conversion_webhook_panics_total = self._counter(
            "controller_runtime_conversion_webhook_panics_total",
            "Total number of conversion webhook panics",
        )

    def _add_cache(self) -> None:
        informer = ("gvk", "scope")
        self.informer_last_activity_seconds = self._gauge(
            "controller_runtime_informer_last_activity_seconds",
            "Seconds since the informer's last sign of life: an event, a bookmark or a list",
            *informer,
        )
        self.informer_relists_total = self._counter(
            "controller_runtime_informer_relists_total",
            "Lists after the first one, by what made them necessary",
            *informer, "reason",
        )  # fmt: skip
        self.informer_watch_restarts_total = self._counter(
            "controller_runtime_informer_watch_restarts_total",
            "Watches opened anew, by how the last one ended",
            *informer, "reason",
        )  # fmt: skip
        self.informer_objects = self._gauge(
            "controller_runtime_informer_objects", "Objects in the informer's store", *informer
        )
        self.informer_bytes = self._gauge(
            "controller_runtime_informer_bytes", "Bytes of JSON in the informer's store", *informer
        )
        self.cache_overlay_objects = self._gauge(
            "controller_runtime_cache_overlay_objects",
            "Own writes that the watch has not confirmed yet",
            "gvk",
        )
        self.cache_consistency_wait_seconds = self._histogram(
            "controller_runtime_cache_consistency_wait_seconds",
            "How long reads waited for the cache to show an own write",
            "gvk",
            buckets=REQUEST_BUCKETS,
        )

    def _counter(self, name: str, help_: str, *labels: str) -> Counter:
        return Counter(name, help_, labels, registry=self.registry)

    def _gauge(self, name: str, help_: str, *labels: str) -> Gauge:
        return Gauge(name, help_, labels, registry=self.registry)

    def _histogram(
        self, name: str, help_: str, *labels: str, buckets: tuple[float, ...]
    ) -> Histogram:
        return Histogram(name, help_, labels, registry=self.registry, buckets=buckets)


class _WithoutCreated(CollectorRegistry):
    """A registry seen without its ``_created`` samples.

    The library adds one to each counter and histogram, controller-runtime has none, and they double
    the size of a scrape. The library's own switch is global to the process, which is not ours to
    turn.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        super().__init__()
        self._registry = registry

    def collect(self) -> Iterator[Metric]:
        for metric in self._registry.collect():
            metric.samples = [s for s in metric.samples if not s.name.endswith("_created")]
            yield metric
