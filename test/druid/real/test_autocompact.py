"""An autocompact supervisor: no stream, no tasks of its own, and a scheduler that may be off."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from druid_operator.cmd.demo.realdruid.launcher import RealDruid
from druid_operator.pkg.druidapi import DruidClient, errors

pytestmark = [
    pytest.mark.real_druid,
    pytest.mark.asyncio(loop_scope="session"),
]

NAME = "compacted"
Schedule = Callable[[bool], Awaitable[None]]


@pytest_asyncio.fixture(loop_scope="session")
async def schedule(real_druid: RealDruid) -> AsyncIterator[Schedule]:
    """Turn the cluster's scheduler of compaction supervisors on and off; it is off by default."""
    url = f"{real_druid.router_url}/druid/indexer/v1/compaction/config/cluster"

    async def turn(on: bool) -> None:
        body = {"useSupervisors": on}
        async with aiohttp.ClientSession() as session, session.post(url, json=body) as answer:
            answer.raise_for_status()

    yield turn
    await turn(False)


async def test_compaction_runs_where_the_cluster_schedules_it_and_ends_with_the_object(
    ingestions: Any,
    operator: Any,
    druid: DruidClient,
    documents: Any,
    until_counted: Callable[[str, int], Awaitable[None]],
    schedule: Schedule,
) -> None:
    await druid.submit_task({**documents.batch(NAME, documents.rows(4)), "id": NAME})
    await until_counted(NAME, 4)
    before = await operator.sent("submit_supervisor")
    document = {"type": "autocompact", "spec": {"dataSource": NAME, "skipOffsetFromLatest": "PT0S"}}
    await ingestions.create(NAME, "autocompact", document)
    obj = await ingestions.until_condition(NAME, "False", "Unhealthy")
    assert "useSupervisors" in ingestions.condition(obj)["message"]

    await schedule(True)
    status = await ingestions.until_ready(NAME, "Running")
    id_ = status["supervisorId"]
    assert (id_, status["dataSource"]) == (f"autocompact__{NAME}", NAME)
    await ingestions.patch(NAME, {"suspend": True})
    await ingestions.until_ready(NAME, "Suspended")
    assert (await druid.supervisor_spec(id_))["suspended"] is True
    # Druid's scheduler does not know a supervisor that was started while it was off.
    await ingestions.patch(NAME, {"suspend": False})
    await ingestions.until_ready(NAME, "Running")

    async def compacted() -> bool:
        tasks = await druid.tasks(data_source=NAME, task_type="compact")
        return [task.state for task in tasks] == ["SUCCESS"]

    await ingestions.until(compacted, "a compaction task has ended well")
    await until_counted(NAME, 4)

    await ingestions.reconcile(NAME)
    assert await operator.sent("submit_supervisor") - before == 1
    await ingestions.delete(NAME)
    with pytest.raises(errors.NotFound):
        await druid.supervisor_spec(id_)
