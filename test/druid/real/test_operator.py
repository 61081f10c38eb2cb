"""The operator on a real API server drives a real Druid that booted from what the operator made."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import attrs
import pytest
import pytest_asyncio

from druid_operator.api.v1alpha1 import DRUID_INGESTION
from druid_operator.cmd.demo.realdruid.kafka import RealKafka
from druid_operator.cmd.demo.realdruid.launcher import RealDruid
from druid_operator.cmd.demo.realdruid.sample import rendered_sample
from druid_operator.internal.controller.druidingestion.events import EventReason
from druid_operator.pkg.client import merge_patch
from druid_operator.pkg.druidapi import DruidClient, errors
from druid_operator.pkg.envtest.eventually import eventually
from druid_operator.pkg.errors import NotFound
from druid_operator.pkg.meta import JSON, NamespacedName
from druid_operator.pkg.meta.conditions import find_condition
from druid_operator.pkg.scheme.builtin import EVENT

pytestmark = [
    pytest.mark.real_druid,
    pytest.mark.asyncio(loop_scope="session"),
]

# A drift is found by the full listing, once a minute; on a busy machine all else takes seconds.
WAIT = 180.0


@attrs.frozen
class Ingestions:
    """The ingestions of the sample cluster, and the Druid that they are in."""

    operator: Any
    druid: DruidClient

    async def create(self, name: str, type_: str, document: JSON) -> None:
        await self.operator.env.client.create(
            {
                "apiVersion": DRUID_INGESTION.api_version,
                "kind": DRUID_INGESTION.kind,
                "metadata": {"name": name, "namespace": self.operator.namespace},
                "spec": {
                    "druidCluster": self.operator.cluster,
                    "ingestion": {"type": type_, "nativeSpec": document},
                },
            }
        )

    def key(self, name: str) -> NamespacedName:
        return NamespacedName(self.operator.namespace, name)

    async def get(self, name: str) -> JSON:
        found: JSON = await self.operator.env.client.get(DRUID_INGESTION, self.key(name))
        return found

    async def suspend(self, name: str, suspend: bool) -> None:
        patch = merge_patch({"spec": {"suspend": suspend}})
        await self.operator.env.client.patch(DRUID_INGESTION, self.key(name), patch)

    async def delete(self, name: str) -> None:
        """Return when the object is gone: its finalizer has done its work."""
        await self.operator.env.client.delete(DRUID_INGESTION, self.key(name))

        async def gone() -> bool:
            try:
                await self.get(name)
            except NotFound:
                return True
            return False

        await self.until(gone, f"{name} is gone")

    async def until_told(self, name: str, *reasons: EventReason) -> None:
        """Wait until there has been an event for each of these reasons."""

        async def told() -> bool:
            events = await self.operator.env.client.list(EVENT, namespace=self.operator.namespace)
            mine = {e["reason"] for e in events if e["regarding"]["name"] == name}
            assert set(reasons) <= mine, f"only {sorted(mine)}"
            return True

        await self.until(told, f"events of {name}")

    async def until_ready(self, name: str, reason: str = "") -> JSON:
        """The status once it is Ready in its newest generation, for that reason if one is given."""

        async def ready() -> JSON:
            obj = await self.get(name)
            status: JSON = obj.get("status") or {}
            condition = find_condition(status.get("conditions"), "Ready") or {}
            current = condition.get("observedGeneration") == obj["metadata"]["generation"]
            fits = condition.get("status") == "True" and condition.get("reason") in (
                (reason,) if reason else (condition.get("reason"),)
            )
            return status if current and fits else {}

        return await self.until(ready, f"{name} is ready")

    async def until_counted(self, table: str, rows: int) -> None:
        async def counted() -> bool:
            return await self._count(table) == rows

        await self.until(counted, f"{rows} rows in {table}")

    async def until(self, check: Callable[[], Awaitable[Any]], what: str) -> Any:
        return await eventually(check, timeout=WAIT, interval=0.3, what=what)

    async def _count(self, table: str) -> int:
        try:
            (row,) = await self.druid.sql(f'SELECT COUNT(*) AS "rows" FROM "{table}"')
        except errors.Rejected:
            return 0  # no such table yet
        return int(row["rows"])


@pytest_asyncio.fixture(loop_scope="session")
async def ingestions(operator: Any, real_druid: RealDruid) -> AsyncIterator[Ingestions]:
    async with DruidClient(real_druid.router_url) as druid:
        yield Ingestions(operator, druid)


async def test_druid_boots_from_the_very_files_that_render_prints(
    operator: Any, druid_children: list[JSON]
) -> None:
    def config_maps(objects: list[JSON]) -> dict[str, JSON]:
        return {o["metadata"]["name"]: o["data"] for o in objects if o["kind"] == "ConfigMap"}

    assert config_maps(rendered_sample()) == config_maps(druid_children)


async def test_a_batch_ingestion_ends_in_success_and_every_row_is_counted(
    ingestions: Ingestions,
) -> None:
    """By one task. Its rows stay when the object goes."""
    sent = rows(11)
    await ingestions.create("batch", "native-batch", batch(sent))
    status = await ingestions.until_ready("batch")
    task = await ingestions.druid.task_status(status["taskId"])
    assert task.state == "SUCCESS"
    await ingestions.until_counted("batch", len(sent))
    assert [task.id] == [t.id for t in await ingestions.druid.tasks(data_source="batch")]
    await ingestions.delete("batch")
    await ingestions.until_counted("batch", len(sent))
    await ingestions.until_told("batch", EventReason.CREATED, EventReason.RUN_ENDED)


async def test_a_stream_is_read_suspended_resumed_repaired_and_terminated(
    ingestions: Ingestions, real_kafka: RealKafka
) -> None:
    """No record is lost or counted twice on the way."""
    druid, name = ingestions.druid, "stream"
    await real_kafka.create_topic(name, partitions=2)
    await real_kafka.produce(name, rows(5))
    await ingestions.create(name, "kafka", stream(name, real_kafka.bootstrap))
    assert (await ingestions.until_ready(name))["supervisorId"] == name
    await ingestions.until_counted(name, 5)

    await ingestions.suspend(name, True)
    await ingestions.until_ready(name, "Suspended")
    assert (await druid.supervisor_status(name)).suspended
    await real_kafka.produce(name, rows(3))
    await ingestions.suspend(name, False)
    await ingestions.until_counted(name, 8)
    await ingestions.until_ready(name)

    edited = await druid.supervisor_spec(name)
    edited["spec"]["ioConfig"]["taskDuration"] = "PT30M"
    await druid.submit_supervisor(edited)

    async def repaired() -> bool:
        spec = await druid.supervisor_spec(name)
        return bool(spec["spec"]["ioConfig"]["taskDuration"] == "PT3600S")

    await ingestions.until(repaired, "the edit is taken back")
    await real_kafka.produce(name, rows(2))
    await ingestions.until_counted(name, 10)

    await ingestions.delete(name)
    with pytest.raises(errors.NotFound):
        await druid.supervisor_status(name)
    await ingestions.until_told(
        name,
        EventReason.CREATED,
        EventReason.SUSPENDED,
        EventReason.RESUMED,
        EventReason.DRIFT_CORRECTED,
        EventReason.SHUT_DOWN,
    )


def rows(count: int) -> list[JSON]:
    return [{"time": f"2026-01-01T00:00:{n:02d}Z", "page": f"page-{n}"} for n in range(count)]


def data_schema(name: str) -> JSON:
    return {
        "dataSource": name,
        "timestampSpec": {"column": "time", "format": "iso"},
        "dimensionsSpec": {"dimensions": ["page"]},
        "granularitySpec": {"segmentGranularity": "day", "rollup": False},
    }


def batch(sent: list[JSON]) -> JSON:
    return {
        "type": "index_parallel",
        "spec": {
            "dataSchema": data_schema("batch"),
            "ioConfig": {
                "type": "index_parallel",
                "inputSource": {"type": "inline", "data": "\n".join(map(json.dumps, sent))},
                "inputFormat": {"type": "json"},
                "appendToExisting": False,
            },
            "tuningConfig": {"type": "index_parallel", "partitionsSpec": {"type": "dynamic"}},
        },
    }


def stream(topic: str, bootstrap: str) -> JSON:
    return {
        "type": "kafka",
        "spec": {
            "dataSchema": data_schema(topic),
            "ioConfig": {
                "type": "kafka",
                "topic": topic,
                "inputFormat": {"type": "json"},
                "consumerProperties": {"bootstrap.servers": bootstrap},
                "useEarliestOffset": True,
                "taskDuration": "PT1H",
                "startDelay": "PT1S",
                "period": "PT5S",
            },
            "tuningConfig": {"type": "kafka"},
        },
    }
