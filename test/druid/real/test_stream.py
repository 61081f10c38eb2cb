"""The life of a kafka supervisor: declared through the API server, seen in Druid and its rows."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from druid_operator.internal.controller.druidingestion.events import EventReason
from druid_operator.pkg.druidapi import DruidClient, errors

pytestmark = [
    pytest.mark.real_druid,
    pytest.mark.asyncio(loop_scope="session"),
]

JSON = dict[str, Any]
UntilCounted = Callable[[str, int], Awaitable[None]]
History = Callable[[str], Awaitable[list[JSON]]]


async def test_a_stream_is_read_suspended_resumed_and_terminated(
    ingestions: Any, druid: DruidClient, streams: Any, until_counted: UntilCounted
) -> None:
    """No record is lost or counted twice on the way."""
    name = "stream"
    await streams.read(name, 5)
    assert (await ingestions.until_ready(name))["supervisorId"] == name

    await ingestions.patch(name, {"suspend": True})
    await ingestions.until_ready(name, "Suspended")
    assert (await druid.supervisor_status(name)).suspended
    await streams.produce(name, 3)
    await ingestions.patch(name, {"suspend": False})
    await until_counted(name, 8)
    await ingestions.until_ready(name, "Running")

    await streams.settled(name)
    await ingestions.delete(name)
    with pytest.raises(errors.NotFound):
        await druid.supervisor_status(name)
    told = (EventReason.CREATED, EventReason.SUSPENDED, EventReason.RESUMED, EventReason.SHUT_DOWN)
    await ingestions.until_told(name, *told)


async def test_rows_that_nobody_has_read_yet_are_the_lag(
    ingestions: Any, druid: DruidClient, streams: Any, until_counted: UntilCounted
) -> None:
    """As Druid measures it, which it does a while after each start of a supervisor."""
    name = "lagging"
    await streams.read(name, 5)
    await ingestions.patch(name, {"suspend": True})
    await streams.produce(name, 3)

    async def shown() -> bool:
        lag = (await ingestions.get(name))["status"].get("lag") or {}
        assert lag.get("aggregate") == 3, lag
        return bool(lag["measuredAt"])

    await ingestions.until(shown, "a lag of 3")
    assert (await druid.supervisor_status(name)).aggregate_lag == 3
    await ingestions.patch(name, {"suspend": False})
    await until_counted(name, 8)


async def test_a_changed_document_is_one_post_and_no_row_is_lost_or_repeated(
    ingestions: Any,
    operator: Any,
    druid: DruidClient,
    streams: Any,
    until_counted: UntilCounted,
    history: History,
) -> None:
    name = "updated"
    await streams.read(name, 5)
    before, versions = await operator.sent("submit_supervisor"), len(await history(name))
    await ingestions.patch_document(name, "ioConfig", {"taskDuration": "PT30M"})
    await ingestions.until_condition(name, "True", type_="Synced")
    assert (await druid.supervisor_spec(name))["spec"]["ioConfig"]["taskDuration"] == "PT1800S"
    await streams.produce(name, 3)
    await until_counted(name, 8)
    await ingestions.reconcile(name)
    await ingestions.until_ready(name, "Running")
    assert await operator.sent("submit_supervisor") - before == 1
    assert len(await history(name)) - versions == 1


@pytest.mark.parametrize(
    ("asked", "more", "operation", "rows"),
    [
        pytest.param("resetOffsets", {}, "reset_supervisor", 5 + 5, id="all-forgotten"),
        pytest.param(
            "setOffsets", {"partitionOffsetMap": {"0": 3}}, "reset_offsets", 5 + 2, id="set-to-3"
        ),
    ],
)
async def test_offsets_are_set_once_for_a_request(
    ingestions: Any,
    operator: Any,
    druid: DruidClient,
    streams: Any,
    until_counted: UntilCounted,
    asked: str,
    more: JSON,
    operation: str,
    rows: int,
) -> None:
    """Rows that were read before are read again, which is what was asked for."""
    name = asked.lower()
    await streams.read(name, 5)
    await ingestions.patch(name, {"suspend": True})
    await ingestions.until_ready(name, "Suspended")

    async def published() -> bool:
        # The supervisor itself knows no tasks for a second after its suspension.
        tasks = await druid.tasks(data_source=name)
        return bool(tasks) and all(task.state == "SUCCESS" for task in tasks)

    await ingestions.until(published, "the rows are published")
    before = await operator.sent(operation)
    await ingestions.patch(name, {"requests": {asked: {"id": "first", **more}}})

    async def recorded() -> bool:
        (record,) = (await ingestions.get(name))["status"].get("requests") or [{}]
        assert record.get("state") == "Done", record
        return bool(record["name"] == asked)

    await ingestions.until(recorded, "the request is carried out")
    await ingestions.patch(name, {"suspend": False})
    await until_counted(name, rows)
    await ingestions.reconcile(name)
    assert await operator.sent(operation) - before == 1
    await ingestions.until_told(name, EventReason.REQUEST_DONE)


async def test_tasks_that_always_fail_are_not_ready_although_druid_says_healthy(
    ingestions: Any, druid: DruidClient, streams: Any, until_counted: UntilCounted
) -> None:
    """A task shorter than a minute dies at once on this Druid. A mended document is Ready."""
    name = "failing"
    await streams.start(name, 5, io={"taskDuration": "PT20S"})
    obj = await ingestions.until_condition(name, "False", "TasksFailing")
    assert "index_kafka_failing" in ingestions.condition(obj)["message"]
    seen = await druid.supervisor_status(name)
    assert (seen.state, seen.healthy, seen.recent_errors) == ("RUNNING", True, ())
    await ingestions.patch_document(name, "ioConfig", {"taskDuration": "PT1H"})
    await ingestions.until_ready(name, "Running")
    await until_counted(name, 5)


async def test_a_refused_document_is_told_in_druids_words_and_not_sent_again(
    ingestions: Any,
    operator: Any,
    druid: DruidClient,
    streams: Any,
    until_counted: UntilCounted,
    history: History,
) -> None:
    """The supervisor that ran goes on as it was, and a mended document is taken."""
    name = "refused"
    await streams.read(name, 5)
    before = await operator.sent("submit_supervisor")
    spec, versions = await druid.supervisor_spec(name), len(await history(name))
    await ingestions.patch_document(name, "ioConfig", {"inputFormat": {"type": "jason"}})
    obj = await ingestions.until_condition(name, "False", "SpecRejected")
    assert "Could not resolve type id 'jason'" in ingestions.condition(obj)["message"]
    assert ingestions.condition(obj, "Synced")["status"] == "False"
    for _ in range(3):
        await ingestions.reconcile(name)
    await ingestions.until_condition(name, "False", "SpecRejected")
    assert await operator.sent("submit_supervisor") - before == 1
    assert await druid.supervisor_spec(name) == spec
    await streams.produce(name, 3)
    await until_counted(name, 8)
    await ingestions.patch_document(name, "ioConfig", {"inputFormat": {"type": "json"}})
    await ingestions.until_ready(name, "Running")
    assert len(await history(name)) == versions
    await ingestions.until_told(name, EventReason.UPDATE_FAILED)
