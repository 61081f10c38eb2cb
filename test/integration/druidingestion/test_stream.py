"""The life of a Kafka ingestion, from the first POST to the last: the world it leaves, its cost."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from druid_operator.api.v1alpha1.keys import INGESTION_FINALIZER, SPEC_HASH_ANNOTATION
from druid_operator.internal.controller.druidingestion.events import EventReason
from druid_operator.internal.ingestion.marker import read_marker
from druid_operator.pkg.meta import JSON, kstatus
from druid_operator.pkg.scheme.builtin import CONFIG_MAP

Make = Callable[..., JSON]
SUPERVISOR = "/druid/indexer/v1/supervisor"


async def test_it_is_submitted_once_and_its_status_is_what_druid_says(
    world: Any, kafka: Make
) -> None:
    world.druid.behaviour.lag["wiki"] = 42
    made = await world.create(kafka())
    stored = await world.until_condition("True", "Running")
    assert world.mutations() == [f"POST {SUPERVISOR}"]
    status = stored["status"]
    assert status["supervisorId"] == status["taskId"] == status["dataSource"] == "wiki"
    assert (status["state"], status["suspended"]) == ("RUNNING", False)
    assert status["activeTasks"] == 1
    assert status["lag"]["aggregate"] == 42
    assert (await world.condition("Synced"))["status"] == "True"
    assert kstatus(stored) == "Current"
    assert INGESTION_FINALIZER in stored["metadata"]["finalizers"]
    marker = read_marker(world.druid.supervisors["wiki"].spec)
    assert (marker.name, marker.uid) == ("wiki", made["metadata"]["uid"])
    (request,) = world.druid.mutations()
    assert request.author == "druid-operator"
    assert request.comment == f"DruidIngestion/{world.namespace}/wiki gen=1"
    await world.until_told(EventReason.CREATED)


async def test_the_document_is_kept_in_a_config_map_with_its_hash(world: Any, kafka: Make) -> None:
    """And it is what the supervisor carries; an edit or a deletion of it is repaired."""
    await world.create(kafka())
    stored = await world.until_condition("True", "Running")
    kept = await world.get("druidingestion-wiki", CONFIG_MAP)
    wanted = stored["status"]["specHash"]
    assert kept["metadata"]["annotations"][SPEC_HASH_ANNOTATION] == wanted
    assert read_marker(world.druid.supervisors["wiki"].spec).spec_hash == wanted
    await world.change({"data": {"spec.json": "broken"}}, "druidingestion-wiki", CONFIG_MAP)

    async def repaired() -> bool:
        return bool((await world.get("druidingestion-wiki", CONFIG_MAP))["data"] == kept["data"])

    await world.until(repaired)
    await world.delete("druidingestion-wiki", CONFIG_MAP)
    await world.until(repaired)
    assert len(world.posts()) == 1


async def test_passes_over_an_unchanged_world_write_nothing_anywhere(
    world: Any, kafka: Make
) -> None:
    await world.create(kafka())
    await world.until_condition("True", "Running")
    await world.until_told(EventReason.CREATED)
    await world.until_quiet()
    assert await world.quiet_passes(10) == (0, 0)


async def test_an_operator_that_starts_anew_writes_nothing_anywhere(
    run_operator: Any, kafka: Make
) -> None:
    async with run_operator() as world:
        await world.create(kafka())
        await world.until_condition("True", "Running")
        await world.until_told(EventReason.CREATED)
        # Its tasks come a moment after it runs, and are told.
        await world.until_quiet()
        before = await world.get()
    async with run_operator() as world:
        await world.until(lambda: world.passes() > 3)
        assert world.writes() == 0
        assert len(world.mutations()) == 1
        assert await world.get() == before


async def test_suspend_and_resume_are_one_call_each_and_the_status_follows(
    world: Any, kafka: Make
) -> None:
    await world.create(kafka())
    await world.until_condition("True", "Running")
    await world.change({"spec": {"suspend": True}})
    stored = await world.until_condition("True", "Suspended")
    assert stored["status"]["suspended"] is True
    assert world.druid.supervisors["wiki"].suspended
    await world.until_told(EventReason.SUSPENDED)
    await world.change({"spec": {"suspend": False}})
    stored = await world.until_condition("True", "Running")
    assert stored["status"]["suspended"] is False
    await world.until_told(EventReason.RESUMED)
    assert world.mutations() == [
        f"POST {SUPERVISOR}", f"POST {SUPERVISOR}/wiki/suspend", f"POST {SUPERVISOR}/wiki/resume",
    ]  # fmt: skip


async def test_created_suspended_starts_no_task(world: Any, kafka: Make) -> None:
    await world.create(kafka(), suspend=True)
    stored = await world.until_condition("True", "Suspended")
    assert stored["status"]["activeTasks"] == 0
    assert world.mutations() == [f"POST {SUPERVISOR}"]
    assert len(world.druid.tasks) == 0


async def test_a_changed_document_is_one_post_which_keeps_it_suspended(
    world: Any, kafka: Make
) -> None:
    await world.create(kafka(), suspend=True)
    await world.until_condition("True", "Suspended")
    document = kafka(maxRowsInMemory=123)
    await world.change({"spec": {"ingestion": {"nativeSpec": document}}})
    stored = await world.until_condition("True", "Suspended")
    assert len(world.posts()) == 2
    spec = world.druid.supervisors["wiki"].spec
    assert spec["spec"]["tuningConfig"]["maxRowsInMemory"] == 123
    assert spec["suspended"] is True
    assert read_marker(spec).spec_hash == stored["status"]["specHash"]
    await world.until_told(EventReason.UPDATED)
    (_, update) = world.druid.mutations()
    assert "skipRestartIfUnmodified=true" in update.path


async def test_resumed_together_with_a_change_is_one_post(world: Any, kafka: Make) -> None:
    await world.create(kafka(), suspend=True)
    await world.until_condition("True", "Suspended")
    change = {"suspend": False, "ingestion": {"nativeSpec": kafka(maxRowsInMemory=7)}}
    await world.change({"spec": change})
    await world.until_condition("True", "Running")
    assert world.mutations() == [f"POST {SUPERVISOR}"] * 2


async def test_an_edit_in_the_console_is_repaired_and_told(world: Any, kafka: Make) -> None:
    await world.create(kafka())
    await world.until_condition("True", "Running")
    live = await world.console.supervisor_spec("wiki")
    live["spec"]["ioConfig"]["taskDuration"] = "PT30M"
    await world.console.submit_supervisor({k: live[k] for k in ("type", "spec", "context")})

    def repaired() -> bool:
        io = world.druid.supervisors["wiki"].spec["spec"]["ioConfig"]
        return bool(io["taskDuration"] == "PT3600S")

    await world.until(repaired)
    note = await world.until_told(EventReason.DRIFT_CORRECTED)
    assert "taskDuration" in note
    await world.until_condition("True", "Running")
    assert len(world.posts()) == 3


async def test_what_the_console_terminated_comes_back(world: Any, kafka: Make) -> None:
    await world.create(kafka())
    await world.until_condition("True", "Running")
    await world.console.terminate_supervisor("wiki")
    await world.until(lambda: "wiki" in world.druid.supervisors)
    await world.until_condition("True", "Running")
    assert len(world.posts()) == 2


async def test_a_console_suspend_is_drift_and_resumed(world: Any, kafka: Make) -> None:
    await world.create(kafka())
    await world.until_condition("True", "Running")
    await world.console.suspend_supervisor("wiki")
    await world.until_told(EventReason.RESUMED)
    await world.until(lambda: not world.druid.supervisors["wiki"].suspended)
    assert len(world.posts()) == 1


async def test_an_equivalent_supervisor_is_adopted_without_a_post(
    kubernetes: Any, run_operator: Any, kafka: Make
) -> None:
    await kubernetes.console.submit_supervisor(kafka())
    generation = kubernetes.druid.supervisors["wiki"].generation
    async with run_operator() as world:
        await world.create(kafka())
        stored = await world.until_condition("True", "Running")
        assert stored["status"]["supervisorId"] == "wiki"
        await world.until_told(EventReason.ADOPTED)
        assert len(world.posts()) == 1  # the console's own
        assert world.druid.supervisors["wiki"].generation == generation
        # The marker travels with the next real change.
        await world.change({"spec": {"ingestion": {"nativeSpec": kafka(maxRowsInMemory=9)}}})
        await world.until(lambda: read_marker(world.druid.supervisors["wiki"].spec) is not None)


async def test_a_supervisor_of_others_that_differs_is_left_alone(
    kubernetes: Any, run_operator: Any, kafka: Make
) -> None:
    await kubernetes.console.submit_supervisor(kafka(maxRowsInMemory=5))
    async with run_operator() as world:
        await world.create(kafka(maxRowsInMemory=6))
        stored = await world.until_condition("False", "PreExistingDiffers")
        assert kstatus(stored) == "Failed"
        assert len(world.posts()) == 1
        await world.delete()
        await world.until_gone()
        assert "wiki" in world.druid.supervisors
