"""What the operator relies on about batch tasks."""

from __future__ import annotations

import pytest

from druid_operator.pkg.druidapi import errors


async def test_a_task_ends_and_its_report_counts_the_rows(druid, batch, name, eventually) -> None:
    assert (await druid.submit_task(batch)).existed is False

    async def ended() -> bool:
        return (await druid.task_status(name)).ended

    await eventually(ended)
    assert (await druid.task_status(name)).state == "SUCCESS"
    report = await druid.task_report(name)
    assert report is not None
    assert report.rows.processed == 2
    assert report.context["k8sOwner"] == "me"


async def test_a_second_submission_of_an_id_is_recognised(druid, batch, name) -> None:
    await druid.submit_task(batch)
    again = await druid.submit_task(batch)
    assert (again.id, again.existed) == (name, True)
    listed = await druid.tasks(data_source=name)
    assert [t.id for t in listed] == [name]


async def test_a_wrong_task_is_refused_and_leaves_nothing(druid, batch, name) -> None:
    del batch["spec"]["ioConfig"]["inputSource"]
    with pytest.raises(errors.Rejected, match="inputSource"):
        await druid.submit_task(batch)
    with pytest.raises(errors.NotFound):
        await druid.task_status(name)


async def test_a_task_that_cannot_read_its_input_fails_with_words(
    druid, batch, name, eventually
) -> None:
    batch["spec"]["ioConfig"]["inputSource"]["data"] = "no json"
    batch["spec"]["tuningConfig"]["maxParseExceptions"] = 0
    await druid.submit_task(batch)

    async def ended() -> bool:
        return (await druid.task_status(name)).ended

    await eventually(ended)
    status = await druid.task_status(name)
    assert status.state == "FAILED"
    assert "parse exceptions" in status.error


async def test_shutting_a_task_down_twice_is_no_error(druid, name) -> None:
    await druid.submit_task({"type": "noop", "id": name, "runTime": 3000})
    await druid.shutdown_task(name)
    await druid.shutdown_task(name)
    status = await druid.task_status(name)
    assert status.ended
    with pytest.raises(errors.NotFound):
        await druid.shutdown_task(f"{name}_other")


async def test_a_running_task_has_no_report(druid, name) -> None:
    await druid.submit_task({"type": "noop", "id": name, "runTime": 3000})
    assert await druid.task_report(name) is None
    await druid.shutdown_task(name)
