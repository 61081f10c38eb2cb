"""What the operator relies on about supervisors, wherever it runs."""

from __future__ import annotations

import pytest

from druid_operator.internal.ingestion.baseline import baseline_hash
from druid_operator.internal.ingestion.subset import supervisor_differences
from druid_operator.pkg.druidapi import errors


async def test_a_document_comes_back_equivalent_and_stays_the_same(druid, supervisor, name) -> None:
    submitted = await druid.submit_supervisor(supervisor)
    assert submitted.id == name
    live = await druid.supervisor_spec(name)
    assert not [d for d in supervisor_differences(supervisor, live) if d.counts]
    assert baseline_hash(await druid.supervisor_spec(name)) == baseline_hash(live)


async def test_the_listings_agree_and_only_one_knows_suspension(druid, supervisor, name) -> None:
    await druid.submit_supervisor(supervisor)
    assert name in [s.id for s in await druid.supervisor_states()]
    (row,) = [s for s in await druid.supervisor_listing() if s.id == name]
    assert row.suspended
    assert row.type == "kafka"
    assert row.spec() == await druid.supervisor_spec(name)
    assert (await druid.supervisor_status(name)).suspended


async def test_suspend_and_resume_twice_are_no_errors(druid, supervisor, name) -> None:
    await druid.submit_supervisor(supervisor)
    assert await druid.suspend_supervisor(name) is False
    assert await druid.resume_supervisor(name) is True
    assert await druid.resume_supervisor(name) is False
    assert await druid.suspend_supervisor(name) is True
    assert (await druid.supervisor_spec(name))["suspended"] is True


async def test_a_document_without_suspended_resumes(druid, supervisor, name) -> None:
    await druid.submit_supervisor(supervisor)
    await druid.submit_supervisor({k: v for k, v in supervisor.items() if k != "suspended"})
    assert (await druid.supervisor_spec(name))["suspended"] is False


async def test_what_was_terminated_is_not_found_any_more(druid, supervisor, name) -> None:
    await druid.submit_supervisor(supervisor)
    await druid.terminate_supervisor(name)
    for call in (druid.supervisor_spec, druid.supervisor_status, druid.terminate_supervisor):
        with pytest.raises(errors.NotFound):
            await call(name)


async def test_a_wrong_document_is_refused_in_druids_words(druid, supervisor, name) -> None:
    supervisor["spec"]["ioConfig"]["taskCount"] = "many"
    with pytest.raises(errors.Rejected, match="many") as caught:
        await druid.submit_supervisor(supervisor)
    assert caught.value.status == 400
    with pytest.raises(errors.NotFound):
        await druid.supervisor_spec(name)


async def test_an_unknown_type_names_what_is_known(druid) -> None:
    with pytest.raises(errors.Rejected, match=r"known type ids = .*autocompact"):
        await druid.submit_supervisor({"type": "no-such-type", "spec": {}})


async def test_an_unreachable_stream_makes_it_unhealthy_and_says_why(
    druid, supervisor, name, eventually
) -> None:
    supervisor["spec"]["ioConfig"]["startDelay"] = "PT1S"
    supervisor["spec"]["ioConfig"]["period"] = "PT1S"
    await druid.submit_supervisor({**supervisor, "suspended": False})

    async def unhealthy() -> bool:
        status = await druid.supervisor_status(name)
        return status.state == "UNHEALTHY_SUPERVISOR" and bool(status.recent_errors)

    await eventually(unhealthy)


async def test_a_reset_that_makes_no_sense_is_refused(druid, name) -> None:
    compaction = {"type": "autocompact", "spec": {"dataSource": name}, "suspended": True}
    submitted = await druid.submit_supervisor(compaction)
    try:
        with pytest.raises(errors.Rejected, match="not supported"):
            await druid.reset_supervisor(submitted.id)
    finally:
        await druid.terminate_supervisor(submitted.id)
