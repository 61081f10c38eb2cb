"""The life of a batch ingestion: each document runs once, whatever happens around it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from druid_operator.internal.controller.druidingestion.events import EventReason
from druid_operator.pkg.druidapi.fake.faults import Fault
from druid_operator.pkg.meta import JSON, kstatus

Make = Callable[..., JSON]
TASK = "/druid/indexer/v1/task"


async def test_it_runs_once_and_its_success_stays(world: Any, batch: Make) -> None:
    made = await world.create(batch())
    stored = await world.until_condition("True", "Succeeded")
    assert world.mutations() == [f"POST {TASK}"]
    status = stored["status"]
    (run,) = status["runs"]
    assert status["taskId"] == run["taskId"]
    assert (status["state"], run["state"]) == ("SUCCESS", "Succeeded")
    assert run["durationMillis"] == 200
    assert made["metadata"]["uid"][:8] in run["taskId"]
    assert world.druid.cluster.rows("wiki") == 2
    await world.until_told(EventReason.CREATED)
    await world.until_told(EventReason.RUN_ENDED)
    # Cleaning up Druid's metadata store must not run it again.
    world.druid.tasks.forget(run["taskId"])
    assert await world.quiet_passes(5) == (0, 0)


async def test_an_operator_that_starts_anew_writes_nothing_anywhere(
    run_operator: Any, batch: Make
) -> None:
    async with run_operator() as world:
        await world.create(batch())
        before = await world.until_condition("True", "Succeeded")
        await world.until_told(EventReason.RUN_ENDED)
    async with run_operator() as world:
        await world.until(lambda: world.passes() > 3)
        assert (world.writes(), world.posts()) == (0, [TASK])
        assert await world.get() == before


async def test_a_run_that_is_under_way_is_followed_by_the_next_operator(
    run_operator: Any, batch: Make
) -> None:
    async with run_operator() as world:
        world.druid.behaviour.batch_seconds = 1.5
        await world.create(batch())
        await world.until_condition("False", "Starting")
        await world.until(lambda: len(world.posts()) == 1)
    async with run_operator() as world:
        await world.until_condition("True", "Succeeded")
        assert world.posts() == [TASK]


async def test_a_failed_run_is_told_in_druids_words_and_not_repeated(
    world: Any, batch: Make
) -> None:
    world.druid.behaviour.failing_batches["wiki"] = "no disk, password=hush, left"
    await world.create(batch())
    stored = await world.until_condition("False", "Failed")
    assert kstatus(stored) == "Failed"
    message = (await world.condition())["message"]
    assert "no disk" in message
    assert "hush" not in str(stored["status"])
    assert "hush" not in await world.until_told(EventReason.RUN_FAILED)
    assert await world.quiet_passes(5) == (0, 0)


async def test_a_changed_document_is_a_new_run(world: Any, batch: Make) -> None:
    await world.create(batch())
    await world.until_condition("True", "Succeeded")
    await world.change({"spec": {"ingestion": {"nativeSpec": batch(rows=3)}}})
    stored = await world.until_condition("True", "Succeeded")
    assert len(stored["status"]["runs"]) == 2
    assert len({run["taskId"] for run in stored["status"]["runs"]}) == 2
    assert world.posts() == [TASK] * 2


async def test_a_changed_document_waits_for_the_run_before_it(world: Any, batch: Make) -> None:
    world.druid.behaviour.batch_seconds = 1.0
    await world.create(batch())
    await world.until(lambda: len(world.posts()) == 1)
    await world.change({"spec": {"ingestion": {"nativeSpec": batch(rows=3)}}})
    assert len(world.druid.tasks.active()) == 1
    await world.until(lambda: len(world.posts()) == 2)
    assert len(world.druid.tasks.active()) == 1
    await world.until_condition("True", "Succeeded")


async def test_a_changed_document_that_appends_is_held(world: Any, batch: Make) -> None:
    await world.create(batch(appendToExisting=True))
    await world.until_condition("True", "Succeeded")
    await world.change({"spec": {"ingestion": {"nativeSpec": batch(3, appendToExisting=True)}}})
    await world.until_condition("False", "WouldAppendAgain")
    assert world.posts() == [TASK]


async def test_suspended_it_is_not_submitted_until_it_is_resumed(world: Any, batch: Make) -> None:
    await world.create(batch(), suspend=True)
    await world.until_condition("True", "Suspended")
    assert world.posts() == []
    await world.change({"spec": {"suspend": False}})
    await world.until_condition("True", "Succeeded")
    assert world.posts() == [TASK]


async def test_a_lost_answer_does_not_start_a_second_task(world: Any, batch: Make) -> None:
    world.druid.fault(Fault("cut", after=True, method="POST", path=TASK))
    await world.create(batch())
    await world.until(lambda: len(world.druid.tasks) == 1)
    await world.change({"metadata": {"annotations": {"look": "again"}}})
    await world.until_condition("True", "Succeeded")
    assert (world.posts(), len(world.druid.tasks)) == ([TASK], 1)


async def test_a_full_queue_is_waited_for(world: Any, batch: Make) -> None:
    world.druid.behaviour.task_slots = 0
    await world.create(batch())
    await world.until_condition("False", "WaitingForCapacity")
    world.druid.behaviour.task_slots = None
    await world.change({"metadata": {"annotations": {"look": "again"}}})
    await world.until_condition("True", "Succeeded")
    assert len(world.druid.tasks) == 1


async def test_deleted_while_it_runs_the_task_is_shut_down_first(world: Any, batch: Make) -> None:
    world.druid.behaviour.batch_seconds = 60
    await world.create(batch())
    await world.until(lambda: len(world.druid.tasks.active()) == 1)
    (task,) = world.druid.tasks.active()
    await world.delete()
    await world.until_gone()
    assert world.druid.tasks.active() == []
    assert world.mutations()[-1] == f"POST {TASK}/{task.id}/shutdown"
    await world.until_told(EventReason.SHUT_DOWN)


async def test_deleted_when_it_is_over_druid_is_not_told_anything(world: Any, batch: Make) -> None:
    await world.create(batch())
    await world.until_condition("True", "Succeeded")
    await world.delete()
    await world.until_gone()
    assert world.mutations() == [f"POST {TASK}"]
    await world.until_told(EventReason.RELEASED)
