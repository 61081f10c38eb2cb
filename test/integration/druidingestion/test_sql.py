"""SQL ingestion: a query that runs once as a task, under an id that is ours."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from druid_operator.internal.controller.druidingestion.events import EventReason
from druid_operator.pkg.druidapi.fake.faults import Fault
from druid_operator.pkg.meta import JSON

SQL = "/druid/v2/sql/task"
REPLACE = 'REPLACE INTO "wiki" OVERWRITE ALL SELECT * FROM (VALUES (1)) PARTITIONED BY ALL'


@pytest.fixture
def sql() -> Callable[..., JSON]:
    def make(query: str = REPLACE, **context: Any) -> JSON:
        return {"query": query, "context": context} if context else {"query": query}

    return make


async def test_a_query_runs_once_and_its_success_stays(world: Any, sql: Any) -> None:
    made = await world.create(sql(maxNumTasks=3), ingestion={"type": "sql"})
    stored = await world.until_condition("True", "Succeeded")
    assert world.posts() == [SQL]
    status = stored["status"]
    (run,) = status["runs"]
    assert status["taskId"] == f"query-{run['taskId']}"
    assert (status["dataSource"], status["state"]) == ("wiki", "SUCCESS")
    (task,) = list(world.druid.tasks)
    assert task.id == status["taskId"]
    context = task.payload["sqlQueryContext"]
    assert context["maxNumTasks"] == 3
    assert made["metadata"]["uid"] in context["k8sOwner"]
    await world.until_told(EventReason.RUN_ENDED)
    world.druid.tasks.forget(task.id)
    assert await world.quiet_passes(5) == (0, 0)


async def test_a_lost_answer_does_not_start_a_second_query(world: Any, sql: Any) -> None:
    world.druid.fault(Fault("cut", after=True, method="POST", path=SQL))
    await world.create(sql(), ingestion={"type": "sql"})
    await world.until(lambda: len(world.druid.tasks) == 1)
    await world.change({"metadata": {"annotations": {"look": "again"}}})
    await world.until_condition("True", "Succeeded")
    assert (world.posts(), len(world.druid.tasks)) == ([SQL], 1)


async def test_a_changed_insert_is_held_and_a_changed_replace_runs(world: Any, sql: Any) -> None:
    await world.create(sql(), ingestion={"type": "sql"})
    await world.until_condition("True", "Succeeded")
    query = REPLACE.replace("(1)", "(2)")
    await world.change({"spec": {"ingestion": {"nativeSpec": {"query": query}}}})
    await world.until(lambda: len(world.posts()) == 2)
    await world.until_condition("True", "Succeeded")
    insert = query.replace("REPLACE", "INSERT").replace("OVERWRITE ALL", "")
    await world.change({"spec": {"ingestion": {"nativeSpec": {"query": insert}}}})
    await world.until_condition("False", "WouldAppendAgain")
    assert len(world.posts()) == 2


async def test_a_druid_without_sql_tasks_is_told_before_anything_is_sent(
    world: Any, sql: Any
) -> None:
    world.druid.behaviour.sql_tasks = False
    await world.create(sql(), ingestion={"type": "sql"})
    await world.until_condition("False", "InvalidSpec")
    assert "no SQL tasks" in (await world.condition())["message"]
    assert world.posts() == []


async def test_deleted_while_it_runs_the_query_is_shut_down(world: Any, sql: Any) -> None:
    world.druid.behaviour.batch_seconds = 60
    await world.create(sql(), ingestion={"type": "sql"})
    await world.until(lambda: len(world.druid.tasks.active()) == 1)
    (task,) = world.druid.tasks.active()
    await world.delete()
    await world.until_gone()
    assert world.mutations()[-1] == f"POST /druid/indexer/v1/task/{task.id}/shutdown"


async def test_rules_go_with_the_datasource_that_the_query_writes(world: Any, sql: Any) -> None:
    rules = [{"type": "dropForever"}]
    await world.create(sql(), ingestion={"type": "sql", "rules": rules})
    await world.until_condition("True", "Succeeded")
    assert world.druid.cluster.config.rules["wiki"] == rules
