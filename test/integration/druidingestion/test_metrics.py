"""Figures for alerts: they follow the object, and go with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from druid_operator.pkg.meta import JSON

Make = Callable[..., JSON]
PREFIX = "druid_operator_ingestion_"


def series(world: Any, name: str = "wiki") -> dict[str, float]:
    """Every series of one ingestion, by its name and its other labels."""
    found = {}
    for metric in world.manager.metrics.registry.collect():
        for sample in metric.samples:
            labels = dict(sample.labels)
            if sample.name.endswith("_created") or not sample.name.startswith(PREFIX):
                continue
            if (labels.pop("namespace"), labels.pop("name")) == (world.namespace, name):
                rest = ",".join(labels.values())
                found[f"{sample.name.removeprefix(PREFIX)}{{{rest}}}"] = sample.value
    return found


async def test_they_follow_an_ingestion_and_go_with_it(world: Any, kafka: Make) -> None:
    world.druid.behaviour.lag["wiki"] = 7
    await world.create(kafka())
    await world.until_condition("True", "Running")
    await world.until(lambda: series(world).get("lag_records{}") == 7)
    found = series(world)
    assert found["condition{Ready,True}"] == found["condition{Synced,True}"] == 1
    assert found["condition{Ready,False}"] == found["condition{Ready,Unknown}"] == 0
    assert found["state{RUNNING}"] == found["active_tasks{}"] == 1
    assert [key for key in found if key.startswith("state")] == ["state{RUNNING}"]
    assert found["drift_corrections_total{}"] == 0
    live = await world.console.supervisor_spec("wiki")
    live["spec"]["ioConfig"]["taskDuration"] = "PT30M"
    await world.console.submit_supervisor({k: live[k] for k in ("type", "spec", "context")})
    await world.until(lambda: series(world)["drift_corrections_total{}"] == 1)
    await world.druid.stop()
    await world.until(lambda: series(world)["condition{Ready,Unknown}"] == 1)
    await world.druid.start()
    await world.delete()
    await world.until_gone()
    await world.until(lambda: series(world) == {})


async def test_calls_to_druid_are_counted_by_operation_and_answer(world: Any, kafka: Make) -> None:
    await world.create(kafka())
    await world.until_condition("True", "Running")
    registry = world.manager.metrics.registry
    labels = {"operation": "submit_supervisor", "code": "200"}
    assert registry.get_sample_value("druid_operator_druid_requests_total", labels) == 1
