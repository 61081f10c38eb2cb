"""Retention rules and compaction of a datasource, from their first POST to their end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from druid_operator.internal.controller.druidingestion.events import EventReason
from druid_operator.pkg.druidapi.fake import FakeDruid
from druid_operator.pkg.druidapi.fake.faults import Fault
from druid_operator.pkg.meta import JSON

Make = Callable[..., JSON]
RULES = "POST /druid/coordinator/v1/rules/wiki"
UNIFIED = "/druid/indexer/v1/compaction/config/datasources/wiki"
LEGACY = "/druid/coordinator/v1/config/compaction"

LOAD: JSON = {"type": "loadByPeriod", "period": "P1M", "tieredReplicants": {"hot": 1}}
DROP: JSON = {"type": "dropForever"}
COMPACTION: JSON = {
    "skipOffsetFromLatest": "PT0S", "tuningConfig": {"partitionsSpec": {"type": "dynamic"}},
}  # fmt: skip


def settings_mutations(world: Any) -> list[str]:
    return [m for m in world.mutations() if "/rules/" in m or "ompaction" in m]


async def test_both_are_set_once_and_told(world: Any, kafka: Make) -> None:
    await world.create(kafka(), ingestion={"rules": [LOAD, DROP], "compaction": COMPACTION})
    stored = await world.until_condition("True", "Running")
    assert settings_mutations(world) == [RULES, f"POST {UNIFIED}"]
    assert [r["type"] for r in world.druid.cluster.config.rules["wiki"]] == [
        "loadByPeriod", "dropForever",
    ]  # fmt: skip
    assert world.druid.cluster.config.compaction["wiki"]["skipOffsetFromLatest"] == "PT0S"
    assert stored["status"]["rules"] == [LOAD, DROP]
    (change,) = [r for r in world.druid.mutations() if "/rules/" in r.path]
    assert (change.author, change.comment) == (
        "druid-operator", f"DruidIngestion/{world.namespace}/wiki gen=1",
    )  # fmt: skip
    await world.until_told(EventReason.SETTING_CHANGED)
    assert await world.quiet_passes(10) == (0, 0)


async def test_an_operator_that_starts_anew_sends_nothing(run_operator: Any, kafka: Make) -> None:
    settings = {"rules": [LOAD], "compaction": COMPACTION}
    async with run_operator() as world:
        await world.create(kafka(), ingestion=settings)
        await world.until_condition("True", "Running")
        await world.until_told(EventReason.SETTING_CHANGED)
    async with run_operator() as world:
        await world.until(lambda: world.passes() > 3)
        assert (world.writes(), len(settings_mutations(world))) == (0, 2)


async def test_an_edit_in_the_console_is_repaired(world: Any, kafka: Make) -> None:
    await world.create(kafka(), ingestion={"rules": [LOAD], "compaction": COMPACTION})
    await world.until_condition("True", "Running")
    await world.console.set_rules("wiki", [DROP])
    await world.console.delete_compaction("unified", "wiki")
    config = world.druid.cluster.config
    await world.until(lambda: config.rules["wiki"][0]["type"] == "loadByPeriod")
    await world.until(lambda: "wiki" in config.compaction)


async def test_removed_from_the_object_they_are_taken_back(world: Any, kafka: Make) -> None:
    await world.create(kafka(), ingestion={"rules": [LOAD], "compaction": COMPACTION})
    await world.until_condition("True", "Running")
    await world.change({"spec": {"ingestion": {"rules": None, "compaction": None}}})
    config = world.druid.cluster.config
    await world.until(lambda: config.rules["wiki"] == [] and "wiki" not in config.compaction)
    await world.until_told(EventReason.SETTING_RELEASED)
    await world.until_condition("True", "Running")

    async def forgotten() -> bool:
        return "dataSourceSettings" not in (await world.get())["status"]

    await world.until(forgotten)
    assert config.rules["_default"]
    assert await world.quiet_passes(5) == (0, 0)


async def test_what_was_never_declared_is_never_touched(
    kubernetes: Any, run_operator: Any, kafka: Make
) -> None:
    await kubernetes.console.set_rules("wiki", [DROP])
    await kubernetes.console.set_compaction("unified", {"dataSource": "wiki"})
    async with run_operator() as world:
        await world.create(kafka())
        await world.until_condition("True", "Running")
        assert len(settings_mutations(world)) == 2
        assert world.druid.cluster.config.rules["wiki"] == [DROP]


async def test_what_is_there_already_is_not_sent(
    kubernetes: Any, run_operator: Any, kafka: Make
) -> None:
    await kubernetes.console.set_rules("wiki", [LOAD, DROP])
    await kubernetes.console.set_compaction("unified", {"dataSource": "wiki", **COMPACTION})
    async with run_operator() as world:
        await world.create(kafka(), ingestion={"rules": [LOAD, DROP], "compaction": COMPACTION})
        await world.until_condition("True", "Running")
        assert len(settings_mutations(world)) == 2


async def test_a_refused_rule_is_told_in_druids_words_and_not_repeated(
    world: Any, kafka: Make
) -> None:
    bad = {"type": "loadForever", "tieredReplicants": {"hot": -1}}
    await world.create(kafka(), ingestion={"rules": [bad]})
    await world.until_condition("False", "RulesRejected")
    assert "must be positive" in (await world.condition())["message"]
    await world.until_state("RUNNING")
    assert await world.quiet_passes(5) == (0, 0)
    await world.change({"spec": {"ingestion": {"rules": [LOAD]}}})
    await world.until_condition("True", "Running")


async def test_one_datasource_has_one_object_for_its_settings(world: Any, batch: Make) -> None:
    """Two batches may write one datasource; its rules are one list."""
    await world.create(batch(), ingestion={"rules": [LOAD]})
    await world.until_condition("True", "Succeeded")
    await world.create(batch(rows=3), "second", ingestion={"rules": [DROP]})
    await world.until_condition("False", "Conflict", name="second")
    assert settings_mutations(world) == [RULES]


async def test_a_deleted_object_leaves_them_and_says_so(world: Any, kafka: Make) -> None:
    await world.create(kafka(), ingestion={"rules": [LOAD], "compaction": COMPACTION})
    await world.until_condition("True", "Running")
    await world.delete()
    await world.until_gone()
    note = await world.until_told(EventReason.RELEASED)
    assert "rules and compaction of wiki stay" in note
    assert world.druid.cluster.config.rules["wiki"]


async def test_a_lost_answer_is_followed_by_a_look(world: Any, kafka: Make) -> None:
    world.druid.fault(Fault("cut", after=True, method="POST", path="/druid/coordinator/v1/rules"))
    await world.create(kafka(), ingestion={"rules": [LOAD]})
    await world.until(lambda: "wiki" in world.druid.cluster.config.rules)
    await world.change({"metadata": {"annotations": {"look": "again"}}})
    await world.until_condition("True", "Running")
    assert settings_mutations(world) == [RULES]


class TestOnOlderDruids:
    """Before 33 compaction is configured on the Coordinator only."""

    @pytest.fixture
    def druid_version(self) -> str:
        return "31.0.1"

    async def test_the_coordinators_api_is_used(self, world: Any, kafka: Make) -> None:
        await world.create(kafka(), ingestion={"compaction": COMPACTION})
        await world.until_condition("True", "Running")
        assert settings_mutations(world) == [f"POST {LEGACY}"]
        assert await world.quiet_passes(5) == (0, 0)
        await world.change({"spec": {"ingestion": {"compaction": None}}})
        await world.until(lambda: "wiki" not in world.druid.cluster.config.compaction)
        assert settings_mutations(world)[-1] == f"DELETE {LEGACY}/wiki"


class TestWithCompactionSupervisors:
    """From 37 a configuration is a supervisor by default."""

    @pytest.fixture
    def druid_version(self) -> str:
        return "37.0.0"

    async def test_it_is_kept_and_taken_back(self, world: Any, kafka: Make) -> None:
        await world.create(kafka(), ingestion={"compaction": COMPACTION})
        await world.until_condition("True", "Running")
        await world.until(lambda: "autocompact__wiki" in world.druid.supervisors)
        assert await world.quiet_passes(5) == (0, 0)
        await world.change({"spec": {"ingestion": {"compaction": None}}})
        await world.until(lambda: "autocompact__wiki" not in world.druid.supervisors)


def test_the_fake_is_the_version_it_says() -> None:
    assert FakeDruid(version="31.0.1").cluster.version.unified_compaction is False
