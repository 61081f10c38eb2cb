"""The cache's figures: read at each scrape, counted where something went wrong quietly."""

from __future__ import annotations

from druid_operator.pkg.cache import Cache, CacheObserver
from druid_operator.pkg.client import Scope
from druid_operator.pkg.clock import Clock
from druid_operator.pkg.log import logger
from druid_operator.pkg.meta import NamespacedName, Resource
from druid_operator.pkg.metrics import Metrics


class CacheMetrics(CacheObserver):
    """Also fills the gauges before a scrape. A removed informer takes its series with it."""

    def __init__(self, metrics: Metrics, clock: Clock) -> None:
        self._metrics = metrics
        self._clock = clock
        self._overlays: set[str] = set()
        self._restarts: set[tuple[str, str, str]] = set()
        self._relists: set[tuple[str, str, str]] = set()

    def watch(self, cache: Cache) -> None:
        self._metrics.before_scrape(lambda: self._refresh(cache))

    def _refresh(self, cache: Cache) -> None:
        now = self._clock.monotonic()
        overlays: dict[str, int] = {}
        for informer in cache.all_informers():
            labels = _labels(informer.resource, informer.scope)
            self._metrics.informer_last_activity_seconds.labels(*labels).set(
                now - informer.last_activity
            )
            self._metrics.informer_objects.labels(*labels).set(len(informer))
            self._metrics.informer_bytes.labels(*labels).set(informer.stored_bytes)
            overlays[labels[0]] = overlays.get(labels[0], 0) + informer.overlay_size
        for gvk in self._overlays - overlays.keys():
            self._metrics.cache_overlay_objects.remove(gvk)
        for gvk, size in overlays.items():
            self._metrics.cache_overlay_objects.labels(gvk).set(size)
        self._overlays = set(overlays)

    def removed(self, resource: Resource, scope: Scope) -> None:
        labels = _labels(resource, scope)
        for gauge in (
            self._metrics.informer_last_activity_seconds,
            self._metrics.informer_objects,
            self._metrics.informer_bytes,
        ):
            gauge.remove_by_labels({"gvk": labels[0], "scope": labels[1]})
        for counter, seen in (
            (self._metrics.informer_watch_restarts_total, self._restarts),
            (self._metrics.informer_relists_total, self._relists),
        ):
            for series in [s for s in seen if s[:2] == labels]:
                counter.remove(*series)
                seen.discard(series)

    def relisting(self, resource: Resource, scope: Scope, reason: str) -> None:
        series = (*_labels(resource, scope), reason)
        self._relists.add(series)
        self._metrics.informer_relists_total.labels(*series).inc()

    def restarting(self, resource: Resource, scope: Scope, reason: str) -> None:
        series = (*_labels(resource, scope), reason)
        self._restarts.add(series)
        self._metrics.informer_watch_restarts_total.labels(*series).inc()

    def waited(self, resource: Resource, seconds: float) -> None:
        self._metrics.cache_consistency_wait_seconds.labels(str(resource.gvk)).observe(seconds)

    def watch_error(self, resource: Resource, scope: Scope, error: Exception) -> None:
        logger().warning(
            "Watch failed and will be tried again",
            gvk=str(resource.gvk), scope=_labels(resource, scope)[1], error=str(error),
        )  # fmt: skip

    def index_error(self, resource: Resource, index: str, key: NamespacedName) -> None:
        logger().error("Index function raised", gvk=str(resource.gvk), field=index, object=str(key))

    def transform_error(self, resource: Resource, key: NamespacedName, error: Exception) -> None:
        logger().error("Transform raised", gvk=str(resource.gvk), object=str(key), exc_info=error)

    def handler_error(self, resource: Resource, error: Exception) -> None:
        logger().error("Event handler raised", gvk=str(resource.gvk), exc_info=error)

    def overlay_expired(self, resource: Resource, key: NamespacedName) -> None:
        logger().warning(
            "Own write was not seen in the watch", gvk=str(resource.gvk), object=str(key)
        )


def _labels(resource: Resource, scope: Scope) -> tuple[str, str]:
    parts = (scope.namespace, scope.labels, scope.fields)
    return str(resource.gvk), " ".join(part for part in parts if part)
