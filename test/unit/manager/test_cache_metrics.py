"""The cache's figures come with an informer and go with it."""

from __future__ import annotations

from druid_operator.pkg.cache import Cache, CacheOptions, name_scope
from druid_operator.pkg.client import RestConfig, Transport
from druid_operator.pkg.clock import FakeClock
from druid_operator.pkg.manager.cache_metrics import CacheMetrics
from druid_operator.pkg.meta import NamespacedName
from druid_operator.pkg.metrics import Metrics
from druid_operator.pkg.scheme.builtin import CONFIG_MAP


async def test_series_of_a_removed_informer_are_gone() -> None:
    """Informers of single objects come and go: their series must not stay for ever."""
    metrics, clock = Metrics(), FakeClock()
    observer = CacheMetrics(metrics, clock)
    cache = Cache(
        Transport(RestConfig(host="http://127.0.0.1:1")),
        clock=clock, options=CacheOptions(), observer=observer,
    )  # fmt: skip
    observer.watch(cache)
    scope = name_scope(NamespacedName("ns", "one"))
    (informer,) = cache.informers(CONFIG_MAP, scope)
    informer.relisting("expired")
    informer.restarting("cut")
    clock.step(7)

    async def scraped() -> str:
        return (await metrics.render())[0].decode()

    text = await scraped()
    labels = 'gvk="ConfigMap",scope="ns metadata.name=one"'
    for line in (
        f"controller_runtime_informer_relists_total{{{labels[:15]}",
        f"controller_runtime_informer_last_activity_seconds{{{labels}}} 7.0",
        f"controller_runtime_informer_bytes{{{labels}}} 0.0",
        'controller_runtime_cache_overlay_objects{gvk="ConfigMap"} 0.0',
    ):
        assert line in text
    assert 'reason="cut"' in text
    assert 'reason="expired"' in text
    cache.remove_informer(CONFIG_MAP, scope)
    assert "metadata.name=one" not in await scraped()
    assert 'cache_overlay_objects{gvk="ConfigMap"}' not in await scraped()
