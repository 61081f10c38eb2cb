"""Somebody changes a supervisor behind the operator's back: found by polling, put right."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from druid_operator.internal.controller.druidingestion.events import EventReason
from druid_operator.pkg.druidapi import DruidClient, errors

pytestmark = [
    pytest.mark.real_druid,
    pytest.mark.asyncio(loop_scope="session"),
]

UntilCounted = Callable[[str, int], Awaitable[None]]

# Seconds. A full listing comes every 4 s here, up to a tenth later, and a supervisor that stops its
# tasks holds Druid up. With the default of 30 s between polls this would be a minute and more.
NOTICED = 30.0


async def noticed(ingestions: Any, check: Callable[[], Awaitable[bool]], what: str) -> float:
    """Seconds until ``check`` is true."""
    began = asyncio.get_running_loop().time()
    await ingestions.until(check, what)
    return asyncio.get_running_loop().time() - began


async def test_an_edit_is_taken_back(
    ingestions: Any,
    druid: DruidClient,
    streams: Any,
    until_counted: UntilCounted,
) -> None:
    name = "edited"
    await streams.read(name, 5)
    edited = await druid.supervisor_spec(name)
    edited["spec"]["ioConfig"]["taskDuration"] = "PT30M"
    await druid.submit_supervisor(edited)

    async def repaired() -> bool:
        spec = await druid.supervisor_spec(name)
        return bool(spec["spec"]["ioConfig"]["taskDuration"] == "PT3600S")

    took = await noticed(ingestions, repaired, "the edit is taken back")
    assert took < NOTICED
    await streams.produce(name, 3)
    await until_counted(name, 8)
    await ingestions.until_told(name, EventReason.DRIFT_CORRECTED)


async def test_a_suspension_is_taken_back(
    ingestions: Any,
    druid: DruidClient,
    streams: Any,
    until_counted: UntilCounted,
) -> None:
    name = "paused"
    await streams.read(name, 5)
    assert await druid.suspend_supervisor(name)

    async def resumed() -> bool:
        return (await druid.supervisor_status(name)).suspended is False

    took = await noticed(ingestions, resumed, "the supervisor is resumed")
    assert took < NOTICED
    await streams.produce(name, 3)
    await until_counted(name, 8)
    await ingestions.until_ready(name, "Running")
    await ingestions.until_told(name, EventReason.RESUMED)


async def test_a_termination_is_taken_back(
    ingestions: Any,
    druid: DruidClient,
    streams: Any,
    until_counted: UntilCounted,
) -> None:
    """The offsets outlive the supervisor, so the new one goes on where the old one stopped."""
    name = "killed"
    await streams.read(name, 5)
    await druid.terminate_supervisor(name)

    async def there() -> bool:
        try:
            await druid.supervisor_status(name)
        except errors.NotFound:
            return False
        return True

    took = await noticed(ingestions, there, "the supervisor is made anew")
    assert took < NOTICED
    await streams.produce(name, 3)
    await until_counted(name, 8)
    await ingestions.until_ready(name, "Running")
