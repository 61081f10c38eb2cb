"""What was promised when this kind was proposed, promise by promise."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from druid_operator.api.v1alpha1.keys import INGESTION_FINALIZER, SPEC_HASH_ANNOTATION
from druid_operator.internal.controller.druidingestion.events import EventReason
from druid_operator.internal.ingestion.canonical import sha256
from druid_operator.internal.ingestion.document import parse_document
from druid_operator.pkg.druidapi.fake.faults import Fault
from druid_operator.pkg.meta import JSON
from druid_operator.pkg.scheme.builtin import CONFIG_MAP

Make = Callable[..., JSON]
WIKI = "/druid/indexer/v1/supervisor/wiki"


async def test_a_missed_event_is_repaired_by_the_next_pass(world: Any, kafka: Make) -> None:
    """Level-driven: nothing tells the operator of this, and it does not need to be told."""
    await world.create(kafka())
    await world.until_condition("True", "Running")
    world.druid.supervisors.remove("wiki")
    await world.until(lambda: "wiki" in world.druid.supervisors)


async def test_an_outage_is_repaired_when_it_ends(world: Any, kafka: Make) -> None:
    await world.create(kafka())
    await world.until_condition("True", "Running")
    await world.druid.stop()
    await world.change({"spec": {"suspend": True}})
    await world.until_condition("Unknown", "DruidUnreachable")
    await world.druid.start()
    await world.until_condition("True", "Suspended")


async def test_a_pass_over_an_unchanged_world_asks_nobody(run_operator: Any, kafka: Make) -> None:
    """Full passes go on, from the cache and the view; Druid is compared at its own period."""
    async with run_operator(druid_poll=3600.0, reconcile_wait=0.1) as world:
        await world.create(kafka())
        await world.until_condition("True", "Running")
        await world.quiet_passes(1)
        druid = len(world.druid.requests)
        kubernetes = _requests(world)
        await world.quiet_passes(20)
        assert (len(world.druid.requests), _requests(world)) == (druid, kubernetes)


def _requests(world: Any) -> int:
    metrics = world.manager.metrics.rest_client_requests_total.collect()
    return sum(int(s.value) for m in metrics for s in m.samples if s.name.endswith("_total"))


async def test_the_desired_document_is_a_config_map_with_its_hash(world: Any, kafka: Make) -> None:
    """So desired and live can be compared at any time, by anybody."""
    await world.create(kafka(), suspend=True)
    stored = await world.until_condition("True", "Suspended")
    kept = await world.get("druidingestion-wiki", CONFIG_MAP)
    document = parse_document(kept["data"]["spec.json"])
    assert document == kafka()
    found = kept["metadata"]["annotations"][SPEC_HASH_ANNOTATION]
    assert found == sha256(document) == stored["status"]["specHash"]


async def test_the_status_is_patched_from_druids_answers_with_the_supervisor_id(
    world: Any, kafka: Make
) -> None:
    await world.create(kafka("Some Pages"))
    stored = await world.until_condition("True", "Running")
    assert stored["status"]["supervisorId"] == "Some Pages"
    assert stored["status"]["reason"] == '{"id":"Some Pages"}'


async def test_suspend_posts_to_the_path_of_the_proposal(world: Any, kafka: Make) -> None:
    await world.create(kafka())
    await world.until_condition("True", "Running")
    await world.change({"spec": {"suspend": True}})
    await world.until_condition("True", "Suspended")
    assert world.mutations()[-1] == f"POST {WIKI}/suspend"


async def test_back_to_false_resumes_and_resubmits_only_what_differs(
    world: Any, kafka: Make
) -> None:
    await world.create(kafka(), suspend=True)
    await world.until_condition("True", "Suspended")
    await world.change({"spec": {"suspend": False}})
    await world.until_condition("True", "Running")
    assert world.mutations()[-1] == f"POST {WIKI}/resume"
    await world.change({"spec": {"suspend": True}})
    await world.until_condition("True", "Suspended")
    before = len(world.mutations())
    change = {"suspend": False, "ingestion": {"nativeSpec": kafka(maxRowsInMemory=5)}}
    await world.change({"spec": change})
    await world.until_condition("True", "Running")
    assert world.mutations()[before:] == ["POST /druid/indexer/v1/supervisor"]
    assert world.druid.supervisors["wiki"].spec["suspended"] is False


async def test_there_is_an_event_for_every_operation(world: Any, kafka: Make) -> None:
    await world.create(kafka())
    await world.until_told(EventReason.CREATED)
    await world.change({"spec": {"ingestion": {"nativeSpec": kafka(maxRowsInMemory=5)}}})
    await world.until_told(EventReason.UPDATED)
    await world.change({"spec": {"suspend": True}})
    await world.until_told(EventReason.SUSPENDED)
    await world.change({"spec": {"suspend": False}})
    await world.until_told(EventReason.RESUMED)
    await world.delete()
    await world.until_told(EventReason.SHUT_DOWN)
    await world.until_told(EventReason.RELEASED)


async def test_deletion_calls_druid_first_marks_the_object_and_then_lets_it_go(
    world: Any, kafka: Make
) -> None:
    await world.create(kafka())
    await world.until_condition("True", "Running")
    fault = world.druid.fault(Fault("hold", path=f"{WIKI}/terminate"))
    await world.delete()
    await world.until(lambda: fault.seen == 1)
    stored = await world.get()
    assert stored["metadata"]["deletionTimestamp"]
    assert INGESTION_FINALIZER in stored["metadata"]["finalizers"]
    world.druid.clear_faults()
    await world.change({"metadata": {"annotations": {"druid.apache.org/release": "true"}}})
