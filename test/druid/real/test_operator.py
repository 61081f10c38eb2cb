"""The operator on a real API server drives a real Druid that booted from what the operator made."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from druid_operator.cmd.demo.realdruid.sample import rendered_sample
from druid_operator.internal.controller.druidingestion.events import EventReason
from druid_operator.pkg.druidapi import DruidClient
from druid_operator.pkg.meta import JSON

pytestmark = [
    pytest.mark.real_druid,
    pytest.mark.asyncio(loop_scope="session"),
]

UntilCounted = Callable[[str, int], Awaitable[None]]


async def test_druid_boots_from_the_very_files_that_render_prints(
    operator: Any, druid_children: list[JSON]
) -> None:
    def config_maps(objects: list[JSON]) -> dict[str, JSON]:
        return {o["metadata"]["name"]: o["data"] for o in objects if o["kind"] == "ConfigMap"}

    assert config_maps(rendered_sample()) == config_maps(druid_children)


async def test_a_batch_ingestion_ends_in_success_and_every_row_is_counted(
    ingestions: Any, druid: DruidClient, documents: Any, until_counted: UntilCounted
) -> None:
    """By one task. Its rows stay when the object goes."""
    await ingestions.create("batch", "native-batch", documents.batch("batch", documents.rows(11)))
    status = await ingestions.until_ready("batch")
    assert (await druid.task_status(status["taskId"])).state == "SUCCESS"
    await until_counted("batch", 11)
    assert [status["taskId"]] == [t.id for t in await druid.tasks(data_source="batch")]
    await ingestions.delete("batch")
    await until_counted("batch", 11)
    await ingestions.until_told("batch", EventReason.CREATED, EventReason.RUN_ENDED)
