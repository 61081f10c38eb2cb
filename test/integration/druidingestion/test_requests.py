"""Things that are done once: offsets, and the consent to make a supervisor anew."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from druid_operator.internal.controller.druidingestion.events import EventReason
from druid_operator.pkg.druidapi.fake.faults import Fault
from druid_operator.pkg.meta import JSON

Make = Callable[..., JSON]
WIKI = "/druid/indexer/v1/supervisor/wiki"


async def record(world: Any, name: str) -> JSON:
    """The newest record of a request of that name."""

    async def there() -> JSON:
        rows = ((await world.get()).get("status") or {}).get("requests") or []
        return next((r for r in rows if r["name"] == name and r["state"] != "Sent"), {})

    found: JSON = await world.until(there, f"a record of {name}")
    return found


async def test_offsets_are_reset_once_per_id(run_operator: Any, kafka: Make) -> None:
    async with run_operator() as world:
        await world.create(kafka())
        await world.until_condition("True", "Running")
        await world.change({"spec": {"requests": {"resetOffsets": {"id": "one"}}}})
        found = await record(world, "resetOffsets")
        assert (found["id"], found["state"]) == ("one", "Done")
        await world.until_told(EventReason.REQUEST_DONE)
        await world.until_condition("True", "Running")
        assert await world.quiet_passes(5) == (0, 0)
    async with run_operator() as world:
        await world.until(lambda: world.passes() > 3)
        assert world.mutations().count(f"POST {WIKI}/reset") == 1
        await world.change({"spec": {"requests": {"resetOffsets": {"id": "two"}}}})
        await world.until(lambda: world.mutations().count(f"POST {WIKI}/reset") == 2)


async def test_offsets_are_never_reset_unless_asked_for(world: Any, kafka: Make) -> None:
    await world.create(kafka())
    await world.until_condition("True", "Running")
    await world.change({"spec": {"suspend": True}})
    await world.until_condition("True", "Suspended")
    await world.change({"spec": {"suspend": False}})
    await world.until_condition("True", "Running")
    assert not [m for m in world.mutations() if "reset" in m]


async def test_offsets_are_set_as_druid_takes_them(world: Any, kafka: Make) -> None:
    await world.create(kafka(topic="clicks"))
    await world.until_condition("True", "Running")
    offsets = {"id": "a", "partitionOffsetMap": {"0": 100, "1": 2**53 + 1}}
    await world.change({"spec": {"requests": {"setOffsets": offsets}}})
    assert (await record(world, "setOffsets"))["state"] == "Done"
    assert world.mutations()[-1] == f"POST {WIKI}/resetOffsets"


async def test_a_refused_request_is_told_and_not_repeated(world: Any, kafka: Make) -> None:
    world.druid.fault(Fault("answer", path=f"{WIKI}/reset", status=400, body='{"error":"no"}'))
    await world.create(kafka())
    await world.until_condition("True", "Running")
    await world.change({"spec": {"requests": {"resetOffsets": {"id": "one"}}}})
    found = await record(world, "resetOffsets")
    assert (found["state"], found["message"]) == ("Failed", "no")
    await world.until_told(EventReason.REQUEST_FAILED)
    assert (await world.quiet_passes(5))[1] == 0


async def test_a_request_whose_answer_was_lost_is_told_and_not_repeated(
    world: Any, kafka: Make
) -> None:
    """It loses or repeats rows: done twice is worse than not known."""
    world.druid.fault(Fault("cut", after=True, path=f"{WIKI}/reset"))
    await world.create(kafka())
    await world.until_condition("True", "Running")
    await world.change({"spec": {"requests": {"resetOffsets": {"id": "one"}}}})
    assert (await record(world, "resetOffsets"))["state"] == "Unknown"
    assert (await world.quiet_passes(5))[1] == 0


@pytest.mark.parametrize("druid_version", ["33.0.0", "37.0.0"])
async def test_a_change_of_stream_is_refused_on_every_version(world: Any, kafka: Make) -> None:
    """Up to 33 Druid takes it, and skips the first rows of the new topic."""
    await world.create(kafka())
    await world.until_condition("True", "Running")
    await world.change({"spec": {"ingestion": {"nativeSpec": kafka(topic="other")}}})
    await world.until_condition("False", "StreamChangeRequiresRecreate")
    assert len(world.posts()) == 1
    io = world.druid.supervisors["wiki"].spec["spec"]["ioConfig"]
    assert io["topic"] == "wiki"


@pytest.mark.parametrize("druid_version", ["33.0.0", "37.0.0"])
async def test_with_consent_the_supervisor_is_made_anew_in_druids_order(
    world: Any, kafka: Make
) -> None:
    await world.create(kafka())
    await world.until_condition("True", "Running")
    change = {
        "requests": {"recreate": {"id": "a"}},
        "ingestion": {"nativeSpec": kafka(topic="other")},
    }
    await world.change({"spec": change})
    await world.until_condition("True", "Running")
    assert world.mutations()[1:] == [
        f"POST {WIKI}/suspend", f"POST {WIKI}/reset", f"POST {WIKI}/terminate",
        "POST /druid/indexer/v1/supervisor",
    ]  # fmt: skip
    assert world.druid.supervisors["wiki"].spec["spec"]["ioConfig"]["topic"] == "other"
    assert (await record(world, "recreate"))["state"] == "Done"
    assert await world.quiet_passes(5) == (0, 0)


async def test_a_consent_does_not_cover_a_later_change(world: Any, kafka: Make) -> None:
    await world.create(kafka(), requests={"recreate": {"id": "a"}})
    await world.until_condition("True", "Running")
    assert (await record(world, "recreate"))["state"] == "Given"
    await world.change({"spec": {"ingestion": {"nativeSpec": kafka(topic="other")}}})
    await world.until_condition("False", "StreamChangeRequiresRecreate")


async def test_another_datasource_leaves_no_supervisor_behind(world: Any, kafka: Make) -> None:
    """It is another id: without consent nothing happens, with it the old one ends first."""
    await world.create(kafka())
    await world.until_condition("True", "Running")
    await world.change({"spec": {"ingestion": {"nativeSpec": kafka("pages", "wiki")}}})
    await world.until_condition("False", "IdentityChangeRequiresRecreate")
    assert len(world.mutations()) == 1
    await world.change({"spec": {"requests": {"recreate": {"id": "a"}}}})
    stored = await world.until_condition("True", "Running")
    assert {s.id for s in world.druid.supervisors} == {"pages"}
    assert stored["status"]["supervisorId"] == "pages"
    assert not [m for m in world.mutations() if "reset" in m]
