"""The demo's world: a control plane, a Druid to talk to, and the real operator as a process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

import attrs
import orjson

from druid_operator.api.v1alpha1 import DRUID, DRUID_INGESTION
from druid_operator.cmd.demo.druids import DemoDruid, demo_druid
from druid_operator.cmd.demo.operator_process import OperatorProcess
from druid_operator.cmd.demo.samples import NAMESPACE_NAME, config_files
from druid_operator.cmd.demo.timeline import Timeline
from druid_operator.pkg.client import RestClient, Transport
from druid_operator.pkg.envtest.dataplane import DataPlaneOptions
from druid_operator.pkg.envtest.environment import Environment
from druid_operator.pkg.envtest.eventually import eventually
from druid_operator.pkg.meta import JSON, NamespacedName, Resource, find_condition
from druid_operator.pkg.scheme import Scheme
from druid_operator.pkg.scheme.builtin import EVENT

ControlPlane = Literal["embedded", "binaries", "existing"]
#: A pod of the simulated data plane is ready after this many seconds.
POD_READY_SECONDS = 0.4
#: Druid is compared once in two of these; 30 s by default, which nobody wants to watch.
DRUID_POLL = "2s"
#: The field manager of the person who runs the demo.
PERSON = "demo"


@attrs.frozen
class Stage:
    """What the story acts on."""

    env: Environment
    client: RestClient
    transport: Transport
    druid: DemoDruid
    operator: OperatorProcess
    timeline: Timeline

    async def apply(self, obj: JSON) -> JSON:
        return await self.client.apply(obj, field_owner=PERSON, force=True)

    async def get(self, resource: Resource, name: str) -> JSON:
        return await self.client.get(resource, NamespacedName(NAMESPACE_NAME, name))

    async def wait_for(
        self, resource: Resource, name: str, reached: Any, *, what: str, timeout: float = 60.0
    ) -> JSON:
        async def check() -> JSON | None:
            obj = await self.get(resource, name)
            return obj if reached(obj) else None

        found = await eventually(check, timeout=timeout, what=what)
        assert found is not None
        return found

    async def table(self, resource: Resource) -> None:
        payload = await self.transport.request(
            "GET",
            resource.path(NAMESPACE_NAME),
            accept="application/json;as=Table;v=v1;g=meta.k8s.io,application/json",
        )
        self.timeline.table(orjson.loads(payload))


def ready(obj: JSON) -> bool:
    """Ready is True for the generation that was asked for."""
    status = obj.get("status") or {}
    condition = find_condition(status.get("conditions"), "Ready")
    return (
        status.get("observedGeneration") == obj["metadata"].get("generation")
        and condition is not None
        and condition["status"] == "True"
    )


@asynccontextmanager
async def stage(
    control_plane: ControlPlane, druid_kind: str, timeline: Timeline
) -> AsyncIterator[Stage]:
    """Everything started and ready; everything stopped at the end."""
    with TemporaryDirectory(prefix="druid-operator-demo-") as folder:
        timeline.chapter(f"A control plane ({control_plane}) and a {druid_kind} Druid")
        async with (
            Environment(
                [config_files() / "crd" / "bases"],
                backend=control_plane,
                data_plane=DataPlaneOptions(ready_after=POD_READY_SECONDS),
            ) as env,
            demo_druid(druid_kind, Path(folder), timeline) as druid,
        ):
            timeline.line("API server", f"answers at {env.rest_config().host}")
            timeline.line("Druid", f"is at {druid.url}", "in place of the cluster's router")
            operator = OperatorProcess(
                env.kubeconfig,
                Path(folder) / "operator.log",
                flags=[
                    f"--druid-endpoint={NAMESPACE_NAME}/{druid.cluster}={druid.url}",
                    f"--druid-poll={DRUID_POLL}",
                ],
            )
            async with operator, _client(env) as transport:
                timeline.line("operator", "is ready", f"pid {operator.pid}")
                client = RestClient(transport, Scheme(resources=(DRUID, DRUID_INGESTION)))
                metadata = {"name": NAMESPACE_NAME}
                await client.create({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
                async with _narrated(client, timeline):
                    yield Stage(env, client, transport, druid, operator, timeline)


@asynccontextmanager
async def _client(env: Environment) -> AsyncIterator[Transport]:
    transport = Transport(env.rest_config(), user_agent="demo")
    try:
        yield transport
    finally:
        await transport.close()


@asynccontextmanager
async def _narrated(client: RestClient, timeline: Timeline) -> AsyncIterator[None]:
    """Print the operator's Events while the story goes on."""

    async def narrate() -> None:
        told: set[str] = set()
        while True:
            for event in await client.list(EVENT, namespace=NAMESPACE_NAME):
                name = event["metadata"]["name"]
                if name not in told and "druid" in event.get("reportingController", ""):
                    told.add(name)
                    timeline.event(event)
            await asyncio.sleep(0.1)

    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(narrate())
        try:
            yield
        finally:
            task.cancel()
