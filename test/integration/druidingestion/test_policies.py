"""What users may decide: runs, drift, adoption, deletion; and what they must not combine."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from druid_operator.api.v1alpha1.keys import RELEASE_ANNOTATION
from druid_operator.internal.controller.druidingestion.events import EventReason
from druid_operator.internal.ingestion import runs
from druid_operator.pkg.errors import Invalid
from druid_operator.pkg.meta import JSON

Make = Callable[..., JSON]
TASK = "/druid/indexer/v1/task"


# --- runs -----------------------------------------------------------------------------------------


async def test_once_means_that_a_change_is_told_and_not_run(world: Any, batch: Make) -> None:
    await world.create(batch(), runPolicy={"policy": "Once"})
    await world.until_condition("True", "Succeeded")
    await world.change({"spec": {"ingestion": {"nativeSpec": batch(rows=3)}}})
    await world.until_condition("False", "ChangeNotRun")
    assert world.posts() == [TASK]


async def test_run_again_is_one_run_per_id(world: Any, batch: Make) -> None:
    await world.create(batch())
    await world.until_condition("True", "Succeeded")
    for n, request in enumerate(("a", "b"), start=2):
        await world.change({"spec": {"requests": {"runAgain": {"id": request}}}})
        await world.until(lambda n=n: len(world.posts()) == n)
        await world.until_condition("True", "Succeeded")
    assert (await world.quiet_passes(5))[1] == 0
    stored = await world.get()
    assert [run.get("request") for run in stored["status"]["runs"]] == ["b", "a", None]


async def test_a_failed_run_is_tried_again_as_often_as_allowed(
    world: Any, batch: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs, "FIRST_BACKOFF", 0.1)
    world.druid.behaviour.failing_batches["wiki"] = "boom"
    await world.create(batch(), runPolicy={"backoffLimit": 2})
    await world.until(lambda: len(world.posts()) == 3)
    await world.until_condition("False", "Failed")
    assert (await world.quiet_passes(5))[1] == 0
    assert len({task.id for task in world.druid.tasks}) == 3


async def test_a_run_past_its_deadline_is_shut_down_and_not_tried_again(
    world: Any, batch: Make
) -> None:
    world.druid.behaviour.batch_seconds = 60
    await world.create(batch(), runPolicy={"activeDeadlineSeconds": 1, "backoffLimit": 3})
    await world.until_condition("False", "Failed")
    assert "took longer than its deadline of 1 s" in (await world.condition())["message"]
    assert world.druid.tasks.active() == []
    assert (await world.quiet_passes(5))[1] == 0
    assert world.posts() == [TASK]


async def test_an_allowed_append_runs_when_the_document_changes(world: Any, batch: Make) -> None:
    await world.create(batch(appendToExisting=True), runPolicy={"allowAppend": True})
    await world.until_condition("True", "Succeeded")
    await world.change({"spec": {"ingestion": {"nativeSpec": batch(3, appendToExisting=True)}}})
    await world.until(lambda: len(world.posts()) == 2)


async def test_the_history_is_as_long_as_wanted_and_ids_never_come_back(
    world: Any, batch: Make
) -> None:
    """Back to an earlier document is another run, though its first one is forgotten."""
    await world.create(batch(1), runPolicy={"historyLimit": 1})
    for n, rows in enumerate((2, 1), start=2):
        await world.until_condition("True", "Succeeded")
        await world.change({"spec": {"ingestion": {"nativeSpec": batch(rows)}}})
        await world.until(lambda n=n: len(world.posts()) == n)
    stored = await world.until_condition("True", "Succeeded")
    assert len(stored["status"]["runs"]) == 1
    assert len({task.id for task in world.druid.tasks}) == 3


# --- drift and adoption ---------------------------------------------------------------------------


async def test_warn_tells_a_drift_and_leaves_it(world: Any, kafka: Make) -> None:
    await world.create(kafka(), driftPolicy="Warn")
    await world.until_condition("True", "Running")
    live = await world.console.supervisor_spec("wiki")
    live["spec"]["ioConfig"]["taskDuration"] = "PT30M"
    await world.console.submit_supervisor({k: live[k] for k in ("type", "spec", "context")})
    await world.until_condition("False", "Drifted", "Synced")
    assert "taskDuration" in (await world.condition("Synced"))["message"]
    await world.until_condition("True", "Running")
    assert len(world.posts()) == 2
    assert (await world.quiet_passes(5))[1] == 0


async def test_ignore_passes_a_drift_over(world: Any, kafka: Make) -> None:
    await world.create(kafka(), driftPolicy="Ignore")
    await world.until_condition("True", "Running")
    live = await world.console.supervisor_spec("wiki")
    live["spec"]["ioConfig"]["taskDuration"] = "PT30M"
    await world.console.submit_supervisor({k: live[k] for k in ("type", "spec", "context")})
    before = world.druid.count("GET", "/druid/indexer/v1/supervisor?system")
    await world.until(
        lambda: world.druid.count("GET", "/druid/indexer/v1/supervisor?system") > before + 2
    )
    assert (await world.condition("Synced"))["status"] == "True"
    assert len(world.posts()) == 2


async def test_always_adopts_what_differs_and_changes_it(
    kubernetes: Any, run_operator: Any, kafka: Make
) -> None:
    await kubernetes.console.submit_supervisor(kafka(maxRowsInMemory=5))
    async with run_operator() as world:
        await world.create(kafka(maxRowsInMemory=6), adoptionPolicy="Always")
        await world.until_condition("True", "Running")
        tuning = world.druid.supervisors["wiki"].spec["spec"]["tuningConfig"]
        assert tuning["maxRowsInMemory"] == 6


async def test_never_leaves_what_is_there_already_even_if_it_is_equal(
    kubernetes: Any, run_operator: Any, kafka: Make
) -> None:
    await kubernetes.console.submit_supervisor(kafka())
    async with run_operator() as world:
        await world.create(kafka(), adoptionPolicy="Never")
        await world.until_condition("False", "PreExisting")
        assert len(world.posts()) == 1
        await world.delete()
        await world.until_gone()
        assert "wiki" in world.druid.supervisors


# --- deletion -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("policy", "exists", "suspended"),
    [("Terminate", False, None), ("Suspend", True, True), ("Orphan", True, False)],
)
async def test_a_deleted_stream_is_left_as_the_policy_says(
    world: Any, kafka: Make, policy: str, exists: bool, suspended: bool | None
) -> None:
    await world.create(kafka(), deletionPolicy=policy)
    await world.until_condition("True", "Running")
    await world.delete()
    await world.until_gone()
    assert ("wiki" in world.druid.supervisors) is exists
    if exists:
        assert world.druid.supervisors["wiki"].suspended is suspended
    await world.until_told(EventReason.RELEASED)


async def test_an_orphaned_run_is_left_to_end(world: Any, batch: Make) -> None:
    world.druid.behaviour.batch_seconds = 60
    await world.create(batch(), deletionPolicy="Orphan")
    await world.until(lambda: len(world.druid.tasks.active()) == 1)
    await world.delete()
    await world.until_gone()
    assert len(world.druid.tasks.active()) == 1


async def test_the_annotation_releases_an_object_whose_druid_is_away(
    world: Any, kafka: Make
) -> None:
    await world.create(kafka())
    await world.until_condition("True", "Running")
    await world.druid.stop()
    await world.delete()
    await world.until_condition("False", "Deleting")
    await world.change({"metadata": {"annotations": {RELEASE_ANNOTATION: "true"}}})
    await world.until_gone()
    assert "without telling Druid" in await world.until_told(EventReason.RELEASED)


# --- what must not be said ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "spec", "path"),
    [
        ("kafka", {"runPolicy": {"policy": "Once"}}, "spec.runPolicy"),
        ("kafka", {"requests": {"runAgain": {"id": "a"}}}, "spec.requests.runAgain"),
        ("batch", {"deletionPolicy": "Suspend"}, "spec.deletionPolicy"),
        ("batch", {"requests": {"resetOffsets": {"id": "a"}}}, "spec.requests.resetOffsets"),
        ("batch", {"requests": {"recreate": {"id": "a"}}}, "spec.requests.recreate"),
        (
            "kafka",
            {"ingestion": {"compaction": {"dataSource": "other"}}},
            "spec.ingestion.compaction.dataSource",
        ),
        ("kafka", {"ingestion": {"rules": [{"period": "P1M"}]}}, "spec.ingestion.rules[0].type"),
    ],
)
async def test_contradictions_are_told_with_their_path_before_druid_hears_of_them(
    world: Any, kafka: Make, batch: Make, kind: str, spec: JSON, path: str
) -> None:
    await world.create({"kafka": kafka, "batch": batch}[kind](), **spec)
    await world.until_condition("False", "InvalidSpec")
    assert f"{path}:" in (await world.condition())["message"]
    assert world.mutations() == []


@pytest.mark.parametrize(
    "spec",
    [
        {"driftPolicy": "Fight"},
        {"adoptionPolicy": "Maybe"},
        {"deletionPolicy": "Drop"},
        {"runPolicy": {"policy": "Twice"}},
        {"runPolicy": {"backoffLimit": -1}},
        {"requests": {"runAgain": {}}},
        {"requests": {"resetOffsets": {"id": ""}}},
    ],
    ids=str,
)
async def test_unknown_words_are_refused_by_the_api_server(
    kubernetes: Any, kafka: Make, spec: JSON
) -> None:
    with pytest.raises(Invalid):
        await kubernetes.create(kafka(), **spec)
