"""The cache's figures: read at each scrape, counted where something went wrong quietly."""

from __future__ import annotations

from druid_operator.pkg.cache import Cache
from druid_operator.pkg.clock import Clock
from druid_operator.pkg.log import logger
from druid_operator.pkg.meta import NamespacedName, Resource
from druid_operator.pkg.metrics import Metrics


class CacheMetrics:
    """A :class:`~druid_operator.pkg.cache.CacheObserver` that also fills gauges before a scrape."""

    def __init__(self, metrics: Metrics, clock: Clock) -> None:
        self._metrics = metrics
        self._clock = clock

    def watch(self, cache: Cache) -> None:
        self._metrics.before_scrape(lambda: self._refresh(cache))

    def _refresh(self, cache: Cache) -> None:
        now = self._clock.monotonic()
        overlays: dict[str, int] = {}
        for informer in cache.all_informers():
            gvk = str(informer.resource.gvk)
            scope = " ".join(
                part
                for part in (informer.scope.namespace, informer.scope.labels, informer.scope.fields)
                if part
            )
            self._metrics.informer_last_activity_seconds.labels(gvk, scope).set(
                now - informer.last_activity
            )
            self._metrics.informer_objects.labels(gvk, scope).set(len(informer))
            overlays[gvk] = overlays.get(gvk, 0) + informer.overlay_size
        for gvk, size in overlays.items():
            self._metrics.cache_overlay_objects.labels(gvk).set(size)

    def index_error(self, resource: Resource, index: str, key: NamespacedName) -> None:
        logger().error("Index function raised", gvk=str(resource.gvk), field=index, object=str(key))

    def overlay_expired(self, resource: Resource, key: NamespacedName) -> None:
        logger().warning(
            "Own write was not seen in the watch", gvk=str(resource.gvk), object=str(key)
        )
