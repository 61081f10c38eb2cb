"""The operator on a real API server drives a real Druid that booted from what the operator made."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import attrs
import pytest

from druid_operator.api.v1alpha1 import DRUID_INGESTION
from druid_operator.cmd.demo.realdruid.kafka import RealKafka
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

UntilCounted = Callable[[str, int], Awaitable[None]]


@attrs.frozen
class Ingestions:
    """The ingestions of the sample cluster, through the API server."""

    operator: Any

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

    async def until(self, check: Callable[[], Awaitable[Any]], what: str) -> Any:
        return await eventually(check, timeout=WAIT, interval=0.3, what=what)


@pytest.fixture
def ingestions(operator: Any) -> Ingestions:
    return Ingestions(operator)


async def test_druid_boots_from_the_very_files_that_render_prints(
    operator: Any, druid_children: list[JSON]
) -> None:
    def config_maps(objects: list[JSON]) -> dict[str, JSON]:
        return {o["metadata"]["name"]: o["data"] for o in objects if o["kind"] == "ConfigMap"}

    assert config_maps(rendered_sample()) == config_maps(druid_children)


async def test_a_batch_ingestion_ends_in_success_and_every_row_is_counted(
    ingestions: Ingestions, druid: DruidClient, documents: Any, until_counted: UntilCounted
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


async def test_a_stream_is_read_suspended_resumed_repaired_and_terminated(
    ingestions: Ingestions,
    druid: DruidClient,
    real_kafka: RealKafka,
    documents: Any,
    until_counted: UntilCounted,
) -> None:
    """No record is lost or counted twice on the way."""
    name = "stream"
    await real_kafka.create_topic(name, partitions=2)
    await real_kafka.produce(name, documents.rows(5))
    await ingestions.create(name, "kafka", documents.stream(name, real_kafka.bootstrap))
    assert (await ingestions.until_ready(name))["supervisorId"] == name
    await until_counted(name, 5)

    await ingestions.suspend(name, True)
    await ingestions.until_ready(name, "Suspended")
    assert (await druid.supervisor_status(name)).suspended
    await real_kafka.produce(name, documents.rows(3))
    await ingestions.suspend(name, False)
    await until_counted(name, 8)
    await ingestions.until_ready(name)

    edited = await druid.supervisor_spec(name)
    edited["spec"]["ioConfig"]["taskDuration"] = "PT30M"
    await druid.submit_supervisor(edited)

    async def repaired() -> bool:
        spec = await druid.supervisor_spec(name)
        return bool(spec["spec"]["ioConfig"]["taskDuration"] == "PT3600S")

    await ingestions.until(repaired, "the edit is taken back")
    await real_kafka.produce(name, documents.rows(2))
    await until_counted(name, 10)

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
