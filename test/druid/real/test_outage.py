"""Druid's Coordinator, which is its Overlord too, is away and comes back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from druid_operator.cmd.demo.realdruid.launcher import RealDruid
from druid_operator.pkg.druidapi import DruidClient

pytestmark = [
    pytest.mark.real_druid,
    pytest.mark.asyncio(loop_scope="session"),
]

COORDINATOR = "coordinators-0"


async def test_an_outage_is_unknown_and_what_was_declared_meanwhile_is_posted_once(
    ingestions: Any,
    operator: Any,
    real_druid: RealDruid,
    druid: DruidClient,
    streams: Any,
    documents: Any,
    until_counted: Callable[[str, int], Awaitable[None]],
    history: Callable[[str], Awaitable[list[dict[str, Any]]]],
) -> None:
    """Two supervisors run through it. One is changed in the middle, and a batch is declared."""
    await streams.read("steady", 5)
    await streams.read("changed", 5)
    versions = {name: len(await history(name)) for name in ("steady", "changed")}
    steady = await druid.supervisor_spec("steady")

    await real_druid.stop(COORDINATOR)
    for name in versions:
        obj = await ingestions.until_condition(name, "Unknown", "DruidUnreachable")
        assert ingestions.condition(obj, "Synced")["status"] == "Unknown"
    await ingestions.patch_document("changed", "ioConfig", {"taskDuration": "PT30M"})
    batch = documents.batch("meanwhile", documents.rows(3))
    await ingestions.create("meanwhile", "native-batch", batch)
    await ingestions.until_condition("changed", "Unknown", "DruidUnreachable")
    await ingestions.until_condition("meanwhile", "Unknown", "DruidUnreachable")
    await real_druid.start(COORDINATOR)

    await ingestions.until_ready("steady", "Running")
    await ingestions.until_ready("changed", "Running")
    status = await ingestions.until_ready("meanwhile", "Succeeded")
    assert (await druid.supervisor_spec("steady")) == steady
    changed = await druid.supervisor_spec("changed")
    assert changed["spec"]["ioConfig"]["taskDuration"] == "PT1800S"
    assert [t.id for t in await druid.tasks(data_source="meanwhile")] == [status["taskId"]]
    await until_counted("meanwhile", 3)
    for name in versions:
        await streams.produce(name, 3)
    for name, more in (("steady", 0), ("changed", 1)):
        await until_counted(name, 8)
        assert len(await history(name)) - versions[name] == more
