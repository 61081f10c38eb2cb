"""Objects that the Go operator left behind: nothing is sent, and the status becomes true.

Recorded after it had talked to a real Druid 33.0.0. ``batch``: Druid ran the task, the status says
``CreateFail``. ``kafka-full``: its compaction is posted again by every pass of the Go operator.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from druid_operator.api.v1alpha1 import DRUID_INGESTION
from druid_operator.api.v1alpha1.keys import INGESTION_FINALIZER
from druid_operator.internal.ingestion.go_status import same_as_go
from druid_operator.pkg.client import merge_patch
from druid_operator.pkg.meta import JSON, NamespacedName
from druid_operator.pkg.meta.conditions import find_condition

RECORDED = Path(__file__).parents[2] / "unit" / "ingestion" / "go_operator"


async def left_by_go(world: Any, name: str, **status: Any) -> JSON:
    """Make the recorded object again, and in Druid what it stands for."""
    stored = json.loads((RECORDED / f"{name}.json").read_text())
    spec, old = stored["spec"], {**stored["status"], **status}
    spec["druidCluster"] = "example"
    ingestion = spec["ingestion"]
    document = ingestion.get("nativeSpec") or json.loads(ingestion["spec"])
    if ingestion["type"] == "kafka":
        data_source = document["spec"]["dataSchema"]["dataSource"]
        await world.console.submit_supervisor(document)
        await world.console.set_rules(data_source, ingestion["rules"])
        compaction = {**ingestion["compaction"], "dataSource": data_source}
        await world.console.set_compaction("legacy", compaction)
    elif old.get("taskId"):
        await world.console.submit_task({**document, "id": old["taskId"]})
    metadata = {
        "name": name, "namespace": world.namespace, "finalizers": [INGESTION_FINALIZER],
    }  # fmt: skip
    made = await world.env.client.create({**stored, "metadata": metadata}, field_owner="manager")
    left: JSON = await world.env.client.patch(
        DRUID_INGESTION,
        NamespacedName.of(made),
        merge_patch({"status": old}),
        subresource="status",
        field_owner="manager",
    )
    return left


def told(stored: JSON, type_: str = "Ready") -> tuple[str, str]:
    found = find_condition(stored["status"]["conditions"], type_) or {}
    return found.get("status", ""), found.get("reason", "")


async def test_a_supervisor_with_its_rules_and_compaction_is_taken_over_silently(
    kubernetes: Any, run_operator: Any
) -> None:
    await left_by_go(kubernetes, "kafka-full")
    before = len(kubernetes.mutations())
    generation = kubernetes.druid.supervisors["clicks"].generation
    async with run_operator() as world:
        stored = await world.until_condition("True", "Running", name="kafka-full")
        assert (await world.quiet_passes(10)) == (0, 0)
        assert len(world.mutations()) == before
        assert world.druid.supervisors["clicks"].generation == generation
        assert stored["status"]["supervisorId"] == "clicks"
    # A Go operator that came back would find its record as it left it, and post nothing.
    document = stored["spec"]["ingestion"]["nativeSpec"]
    assert same_as_go(document, stored["status"]["currentIngestionSpec.json"])
    assert stored["status"]["rules"] == stored["spec"]["ingestion"]["rules"]
    assert stored["status"]["taskId"] == "clicks"


async def test_the_batch_that_it_called_failed_has_succeeded(
    kubernetes: Any, run_operator: Any
) -> None:
    await left_by_go(kubernetes, "batch")
    before = len(kubernetes.mutations())
    async with run_operator() as world:
        stored = await world.until_condition("True", "Succeeded", name="batch")
        assert (await world.quiet_passes(5))[1] == 0
        assert len(world.mutations()) == before
        assert stored["status"]["state"] == "SUCCESS"
        (run,) = stored["status"]["runs"]
        assert run["taskId"] == stored["status"]["taskId"]


async def test_a_batch_that_failed_since_is_told_as_failed(
    kubernetes: Any, run_operator: Any
) -> None:
    """The Go operator never asked again: to it the task stays "successful"."""
    kubernetes.druid.behaviour.failing_batches["events"] = "boom"
    await left_by_go(kubernetes, "batch", type="DruidIngestionControllerCreateSuccess")
    async with run_operator() as world:
        stored = await world.until_condition("False", "Failed", name="batch")
        assert told(stored, "Stalled") == ("True", "Failed")


async def test_a_status_without_its_text_is_no_reason_to_post(
    kubernetes: Any, run_operator: Any
) -> None:
    """Older releases kept the id alone; the Go operator then fails for ever on the empty text."""
    await left_by_go(kubernetes, "kafka-full", **{"currentIngestionSpec.json": ""})
    before = len(kubernetes.posts())
    async with run_operator() as world:
        await world.until_condition("True", "Running", name="kafka-full")
        assert len(world.posts()) == before


async def test_a_supervisor_that_was_edited_meanwhile_is_told_and_left(
    kubernetes: Any, run_operator: Any
) -> None:
    """The first sight of a cluster that was taken over posts nothing."""
    stored = await left_by_go(kubernetes, "kafka-full")
    document = stored["spec"]["ingestion"]["nativeSpec"]
    document["spec"]["ioConfig"]["taskDuration"] = "PT2H"
    await kubernetes.console.submit_supervisor(document)
    before = len(kubernetes.posts())
    async with run_operator() as world:
        await world.until_condition("False", "TakenOver", "Synced", "kafka-full")
        await world.until_condition("True", "Running", name="kafka-full")
        assert len(world.posts()) == before


async def test_suspend_that_it_ignored_acts_and_is_told(kubernetes: Any, run_operator: Any) -> None:
    stored = await left_by_go(kubernetes, "kafka-full")
    assert stored["spec"]["suspend"] is False
    await kubernetes.change({"spec": {"suspend": True}}, "kafka-full")
    async with run_operator() as world:
        await world.until_condition("True", "Suspended", name="kafka-full")
        assert world.mutations()[-1].endswith("/clicks/suspend")
        await world.until_told("DruidIngestionControllerSuspendSuccess", "kafka-full")


@pytest.mark.parametrize("name", ["kafka-full", "batch"])
async def test_a_deletion_that_was_stuck_is_released(
    kubernetes: Any, run_operator: Any, name: str
) -> None:
    """Its finalizer is kept until Druid was told."""
    await left_by_go(kubernetes, name)
    await kubernetes.delete(name)
    assert (await kubernetes.get(name))["metadata"]["deletionTimestamp"]
    async with run_operator() as world:
        await world.until_gone(name)
        assert "clicks" not in world.druid.supervisors
