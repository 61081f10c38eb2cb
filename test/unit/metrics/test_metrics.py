"""The names that dashboards read, zero from the start, and what a scrape answers."""

from __future__ import annotations

import asyncio
import threading

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from druid_operator.pkg.metrics import Metrics

#: Families of controller-runtime, client-go and component-base, with their types and labels.
UPSTREAM = {
    "controller_runtime_reconcile": ("counter", {"controller", "result"}),
    "controller_runtime_reconcile_errors": ("counter", {"controller"}),
    "controller_runtime_terminal_reconcile_errors": ("counter", {"controller"}),
    "controller_runtime_reconcile_panics": ("counter", {"controller"}),
    "controller_runtime_reconcile_timeouts": ("counter", {"controller"}),
    "controller_runtime_reconcile_time_seconds": ("histogram", {"controller"}),
    "controller_runtime_max_concurrent_reconciles": ("gauge", {"controller"}),
    "controller_runtime_active_workers": ("gauge", {"controller"}),
    "controller_runtime_webhook_requests": ("counter", {"webhook", "code"}),
    "controller_runtime_webhook_requests_in_flight": ("gauge", {"webhook"}),
    "controller_runtime_webhook_latency_seconds": ("histogram", {"webhook"}),
    "controller_runtime_webhook_panics": ("counter", set()),
    "controller_runtime_conversion_webhook_panics": ("counter", set()),
    "workqueue_depth": ("gauge", {"name", "controller", "priority"}),
    "workqueue_adds": ("counter", {"name", "controller"}),
    "workqueue_queue_duration_seconds": ("histogram", {"name", "controller"}),
    "workqueue_work_duration_seconds": ("histogram", {"name", "controller"}),
    "workqueue_unfinished_work_seconds": ("gauge", {"name", "controller"}),
    "workqueue_longest_running_processor_seconds": ("gauge", {"name", "controller"}),
    "workqueue_retries": ("counter", {"name", "controller"}),
    "rest_client_requests": ("counter", {"code", "host", "method"}),
    "rest_client_request_duration_seconds": ("histogram", {"verb", "host"}),
    "leader_election_master_status": ("gauge", {"name"}),
    "certwatcher_read_certificate": ("counter", set()),
    "certwatcher_read_certificate_errors": ("counter", set()),
}


def test_upstream_names_types_and_labels_are_kept() -> None:
    metrics = Metrics(CollectorRegistry())
    by_name = {
        made._name: (made._type, set(made._labelnames))
        for made in vars(metrics).values()
        if hasattr(made, "_labelnames")
    }
    assert {name: by_name.get(name) for name in UPSTREAM} == UPSTREAM
    ours = set(by_name) - set(UPSTREAM)
    assert all(name.startswith("controller_runtime_") for name in ours)


async def scrape(metrics: Metrics) -> dict[str, dict[tuple[str, ...], float]]:
    """By family: the value of each series, which is its name and its labels."""
    body, _ = await metrics.render()
    return {
        family.name: {
            (sample.name, *(f"{k}={v}" for k, v in sorted(sample.labels.items()))): sample.value
            for sample in family.samples
        }
        for family in text_string_to_metric_families(body.decode())
    }


async def test_every_series_of_a_controller_exists_at_zero_from_its_start() -> None:
    metrics = Metrics(CollectorRegistry())
    metrics.init_controller("druid", max_concurrent=4)
    families = await scrape(metrics)
    assert families["controller_runtime_reconcile"] == {
        ("controller_runtime_reconcile_total", "controller=druid", f"result={result}"): 0
        for result in ("success", "error", "requeue", "requeue_after")
    }
    for name in ("reconcile_errors", "terminal_reconcile_errors", "reconcile_panics"):
        series = ("controller_runtime_" + name + "_total", "controller=druid")
        assert families["controller_runtime_" + name] == {series: 0}
    assert families["controller_runtime_max_concurrent_reconciles"] == {
        ("controller_runtime_max_concurrent_reconciles", "controller=druid"): 4
    }
    times = families["controller_runtime_reconcile_time_seconds"]
    buckets = [labels for labels in times if labels[0].endswith("_bucket")]
    assert len(buckets) == 41  # 5 ms to 60 s, and +Inf
    assert sum(times.values()) == 0


def test_a_webhook_starts_with_its_series_at_zero() -> None:
    metrics = Metrics(CollectorRegistry())
    metrics.init_webhook("/validate")
    for code in ("200", "500"):
        labels = {"webhook": "/validate", "code": code}
        name = "controller_runtime_webhook_requests_total"
        assert metrics.registry.get_sample_value(name, labels) == 0


async def test_two_managers_in_one_process_do_not_mix() -> None:
    one, two = Metrics(), Metrics()
    one.init_controller("druid", 1)
    body, _ = await two.render()
    assert b'controller="druid"' not in body


async def test_a_scrape_has_no_created_series_and_has_the_process() -> None:
    metrics = Metrics()
    metrics.init_controller("druid", 1)
    body, content_type = await metrics.render()
    assert content_type.startswith("text/plain")
    assert b"_created" not in body
    assert b"process_resident_memory_bytes" in body


async def test_openmetrics_on_request() -> None:
    metrics = Metrics(CollectorRegistry())
    body, content_type = await metrics.render("application/openmetrics-text; version=1.0.0")
    assert content_type.startswith("application/openmetrics-text")
    assert body.endswith(b"# EOF\n")


async def test_refreshers_run_in_the_loop_before_each_scrape_until_they_are_ended() -> None:
    metrics = Metrics(CollectorRegistry())
    threads: list[int] = []

    def refresh() -> None:
        threads.append(threading.get_ident())
        asyncio.get_running_loop()
        metrics.informer_objects.labels("v1/Pod", "").set(len(threads))

    end = metrics.before_scrape(refresh)
    await metrics.render()
    body, _ = await metrics.render()
    assert b'controller_runtime_informer_objects{gvk="v1/Pod",scope=""} 2.0' in body
    end()
    await metrics.render()
    assert threads == [threading.get_ident()] * 2


def test_one_registry_refuses_a_second_set() -> None:
    registry = CollectorRegistry()
    Metrics(registry)
    with pytest.raises(ValueError, match="Duplicated"):
        Metrics(registry)
