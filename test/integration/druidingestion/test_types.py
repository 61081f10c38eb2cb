"""The other types: each reaches the API that runs it, and Druid's words become a status."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from druid_operator.pkg.meta import JSON

Make = Callable[..., JSON]

AUTOCOMPACT: JSON = {"type": "autocompact", "spec": {"dataSource": "wiki"}}
HADOOP: JSON = {"type": "index_hadoop", "spec": {"dataSchema": {"dataSource": "wiki"}}}


def streaming(kafka: Make, kind: str) -> JSON:
    document = kafka()
    document["type"] = kind
    io = document["spec"]["ioConfig"]
    io.pop("topic")
    io.pop("consumerProperties")
    io.update(type=kind, stream="wiki", endpoint="here")
    if kind == "rabbit":
        io.update(uri="rabbitmq-stream://localhost:5552")
    document["spec"]["tuningConfig"]["type"] = kind
    return document


@pytest.mark.parametrize("kind", ["kinesis", "rabbit"])
async def test_other_streams_use_the_same_api(world: Any, kafka: Make, kind: str) -> None:
    world.druid.behaviour.kafka = "reachable"
    await world.create(streaming(kafka, kind))
    await world.until_condition("True", "Running")
    assert world.posts() == ["/druid/indexer/v1/supervisor"]
    assert world.druid.supervisors["wiki"].type == kind
    assert await world.quiet_passes(5) == (0, 0)
    await world.delete()
    await world.until_gone()
    assert len(world.druid.supervisors) == 0


async def test_a_type_whose_extension_is_not_loaded_is_told_before_anything_is_sent(
    world: Any, kafka: Make
) -> None:
    world.druid.behaviour.extensions = frozenset({"kafka"})
    await world.create(streaming(kafka, "kinesis"))
    await world.until_condition("False", "InvalidSpec")
    assert "druid-kinesis-indexing-service" in (await world.condition())["message"]
    assert world.posts() == []


class TestAutocompact:
    @pytest.fixture
    def druid_version(self) -> str:
        return "37.0.0"

    async def test_its_life(self, world: Any) -> None:
        await world.create(AUTOCOMPACT)
        stored = await world.until_condition("True", "Running")
        assert stored["status"]["supervisorId"] == "autocompact__wiki"
        assert await world.quiet_passes(5) == (0, 0)
        await world.change({"spec": {"suspend": True}})
        await world.until_condition("True", "Suspended")
        await world.change({"spec": {"suspend": False}})
        await world.until_condition("True", "Running")
        await world.console.terminate_supervisor("autocompact__wiki")
        await world.until(lambda: "autocompact__wiki" in world.druid.supervisors)
        await world.delete()
        await world.until_gone()
        assert len(world.druid.supervisors) == 0

    async def test_a_scheduler_that_is_off_is_told(self, world: Any) -> None:
        world.druid.cluster.config.compaction_cluster["useSupervisors"] = False
        await world.create(AUTOCOMPACT)
        await world.until_condition("False", "Unhealthy")
        assert "useSupervisors" in (await world.condition())["message"]


class TestHadoop:
    @pytest.mark.parametrize("druid_version", ["37.0.0"])
    async def test_a_druid_that_dropped_it_is_named(self, world: Any) -> None:
        await world.create(HADOOP, ingestion={"type": "index-hadoop"})
        await world.until_condition("False", "InvalidSpec")
        assert "Druid 37 has no Hadoop" in (await world.condition())["message"]
        assert world.posts() == []


async def test_fields_that_druid_does_not_know_are_told(world: Any, kafka: Make) -> None:
    document = kafka()
    document["spec"]["ioConfig"]["taskCuont"] = 3
    await world.create(document)
    stored = await world.until_condition("True", "Running")
    assert stored["status"]["ignoredFields"] == ["spec.ioConfig.taskCuont"]
    assert "taskCuont" in (await world.condition("SpecHasIgnoredFields"))["message"]
    assert await world.quiet_passes(5) == (0, 0)
    document["spec"]["ioConfig"]["taskCuont"] = None
    await world.change({"spec": {"ingestion": {"nativeSpec": document}}})

    async def told_no_more() -> bool:
        return await world.condition("SpecHasIgnoredFields") == {}

    await world.until(told_no_more)


async def test_tasks_that_always_fail_make_it_not_ready_though_druid_says_healthy(
    world: Any, kafka: Make
) -> None:
    world.druid.behaviour.failing_tasks.add("wiki")
    await world.create(kafka())
    await world.until_condition("False", "TasksFailing")
    states = {s.id: s for s in await world.console.supervisor_states()}
    assert (states["wiki"].state, states["wiki"].healthy) == ("RUNNING", True)
    world.druid.behaviour.failing_tasks.clear()
    await world.until_condition("True", "Running")
