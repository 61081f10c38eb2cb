"""Figures of the calls to Druid. Labels are bounded: operations and status codes, no names."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Histogram

from druid_operator.pkg.meta import NamespacedName

#: Seconds: from a cached listing to a supervisor whose tasks stop gracefully (80 s by default).
BUCKETS = (0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 180)


class DruidMetrics:
    """``druid_operator_druid_requests_total`` and ``..._request_duration_seconds``."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._requests = Counter(
            "druid_operator_druid_requests_total",
            "Requests to Druid by operation and HTTP status; 0 is no answer",
            ("operation", "code"),
            registry=registry,
        )
        self._seconds = Histogram(
            "druid_operator_druid_request_duration_seconds",
            "How long requests to Druid took",
            ("operation",),
            registry=registry,
            buckets=BUCKETS,
        )

    def observe(self, cluster: NamespacedName, operation: str, status: int, seconds: float) -> None:
        self._requests.labels(operation, str(status)).inc()
        self._seconds.labels(operation).observe(seconds)
