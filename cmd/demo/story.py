"""What the demo shows, in the order in which a new user would try it."""

from __future__ import annotations

import asyncio

from druid_operator.api.v1alpha1 import DRUID, DRUID_INGESTION
from druid_operator.api.v1alpha1.keys import LABEL_CLUSTER
from druid_operator.cmd.demo.samples import NAMESPACE_NAME, load_sample
from druid_operator.cmd.demo.stage import Stage, ready
from druid_operator.pkg.client import merge_patch
from druid_operator.pkg.druidapi.client import DruidClient
from druid_operator.pkg.envtest.eventually import eventually
from druid_operator.pkg.errors import NotFound
from druid_operator.pkg.meta import JSON, NamespacedName, Resource
from druid_operator.pkg.scheme.builtin import (
    CONFIG_MAP,
    DEPLOYMENT,
    POD_DISRUPTION_BUDGET,
    SERVICE,
    STATEFUL_SET,
)

STREAM = "page-views"
BATCH = "countries"


async def tell(stage: Stage) -> int:
    """Returns how many objects the operator kept when there were most."""
    await _cluster_becomes_ready(stage)
    kept = await _children(stage)
    await _child_is_repaired(stage)
    await _cluster_is_upgraded(stage)
    if stage.druid.kind == "real":
        await _druid_boots(stage)
    await _batch_runs(stage)
    await _stream_lives(stage)
    await _everything_goes(stage)
    return kept


async def _children(stage: Stage) -> int:
    kinds = (CONFIG_MAP, SERVICE, STATEFUL_SET, DEPLOYMENT, POD_DISRUPTION_BUDGET)
    labels = {LABEL_CLUSTER: stage.druid.cluster}
    found = [
        await stage.client.list(kind, namespace=NAMESPACE_NAME, labels=labels) for kind in kinds
    ]
    return sum(len(objects) for objects in found)


async def _cluster_becomes_ready(stage: Stage) -> None:
    stage.timeline.chapter("A cluster is asked for: kubectl apply -f config/samples/druid.yaml")
    await stage.apply(stage.druid.cluster_object())
    await stage.wait_for(DRUID, stage.druid.cluster, ready, what="the cluster is ready")
    for resource in (DRUID, STATEFUL_SET, DEPLOYMENT, SERVICE):
        await stage.table(resource)


async def _child_is_repaired(stage: Stage) -> None:
    stage.timeline.chapter("Somebody deletes a Service, and edits a StatefulSet by hand")
    service = (await stage.client.list(SERVICE, namespace=NAMESPACE_NAME))[0]["metadata"]["name"]
    await stage.client.delete(SERVICE, NamespacedName(NAMESPACE_NAME, service))

    async def back() -> bool:
        return bool(await stage.get(SERVICE, service))

    await eventually(back, what="the Service is back")
    stage.timeline.line(f"Service/{service}", "is back", "by the watch alone, no polling")
    workload = (await stage.client.list(STATEFUL_SET, namespace=NAMESPACE_NAME))[0]
    name, replicas = workload["metadata"]["name"], workload["spec"]["replicas"]
    await stage.client.patch(
        STATEFUL_SET, NamespacedName(NAMESPACE_NAME, name),
        merge_patch({"spec": {"replicas": replicas + 2}}),
    )  # fmt: skip
    await stage.wait_for(
        STATEFUL_SET, name, lambda o: o["spec"]["replicas"] == replicas, what="replicas are back"
    )
    stage.timeline.line(f"StatefulSet/{name}", f"has {replicas} replicas again", "drift repaired")
    await stage.wait_for(DRUID, stage.druid.cluster, ready, what="the cluster is ready again")


async def _cluster_is_upgraded(stage: Stage) -> None:
    stage.timeline.chapter("An upgrade: spec.image changes, one wave of services after the other")
    image = "apache/druid:34.0.0"
    await stage.client.patch(
        DRUID,
        NamespacedName(NAMESPACE_NAME, stage.druid.cluster),
        merge_patch({"spec": {"image": image}}),
    )
    watching = asyncio.timeout(120)
    rolled: set[str] = set()
    async with watching:
        while True:
            for resource in (STATEFUL_SET, DEPLOYMENT):
                for workload in await stage.client.list(resource, namespace=NAMESPACE_NAME):
                    _report_rolled(stage, resource, workload, image, rolled)
            if ready(await stage.get(DRUID, stage.druid.cluster)):
                break
            await asyncio.sleep(0.1)
    await stage.table(DRUID)


def _report_rolled(
    stage: Stage, resource: Resource, workload: JSON, image: str, rolled: set[str]
) -> None:
    name = workload["metadata"]["name"]
    container = workload["spec"]["template"]["spec"]["containers"][0]
    if container["image"] == image and name not in rolled:
        rolled.add(name)
        stage.timeline.line(f"{resource.kind}/{name}", f"rolls to {image}")


async def _druid_boots(stage: Stage) -> None:
    stage.timeline.chapter("A real Druid boots from what the operator wrote; about half a minute")
    children = [
        obj
        for resource in (CONFIG_MAP, STATEFUL_SET, DEPLOYMENT)
        for obj in await stage.client.list(
            resource, namespace=NAMESPACE_NAME, labels={LABEL_CLUSTER: stage.druid.cluster}
        )
    ]
    await stage.druid.boot(children)


async def _batch_runs(stage: Stage) -> None:
    stage.timeline.chapter("A batch ingestion: submitted once, its success kept")
    batch = load_sample("druidingestion-batch.yaml")
    batch["spec"]["druidCluster"] = stage.druid.cluster
    await stage.apply(batch)
    await stage.wait_for(DRUID_INGESTION, BATCH, ready, what="the batch succeeded")
    await stage.table(DRUID_INGESTION)


async def _stream_lives(stage: Stage) -> None:
    stage.timeline.chapter("A Kafka supervisor: submitted, suspended, resumed, edited")
    key = NamespacedName(NAMESPACE_NAME, STREAM)
    await stage.apply(stage.druid.stream(load_sample("druidingestion-kafka.yaml")))
    await stage.wait_for(DRUID_INGESTION, STREAM, ready, what="the supervisor runs")
    await stage.table(DRUID_INGESTION)
    for suspend, state in ((True, "SUSPENDED"), (False, "RUNNING")):
        await stage.client.patch(DRUID_INGESTION, key, merge_patch({"spec": {"suspend": suspend}}))
        await stage.wait_for(
            DRUID_INGESTION, STREAM,
            lambda o, state=state: ready(o) and o["status"].get("state") == state,
            what=f"the supervisor is {state}",
        )  # fmt: skip
        stage.timeline.line(f"DruidIngestion/{STREAM}", f"is {state}", f"spec.suspend: {suspend}")
    await _drift(stage)


async def _drift(stage: Stage) -> None:
    async with DruidClient(stage.druid.url) as console:
        spec = await console.supervisor_spec(STREAM)
        asked = spec["spec"]["ioConfig"]["taskDuration"]
        spec["spec"]["ioConfig"]["taskDuration"] = "PT1800S"
        await console.submit_supervisor({k: spec[k] for k in ("type", "spec", "context")})
        stage.timeline.line("somebody in Druid's console", f"sets taskDuration {asked} to PT1800S")

        async def repaired() -> bool:
            live = await console.supervisor_spec(STREAM)
            return bool(live["spec"]["ioConfig"]["taskDuration"] == asked)

        await eventually(repaired, timeout=90, what="the edit is repaired")
    stage.timeline.line(f"DruidIngestion/{STREAM}", "is as declared again", "drift corrected")


async def _everything_goes(stage: Stage) -> None:
    stage.timeline.chapter("Everything is deleted: Druid is told first, then the objects go")
    for resource, name in (
        (DRUID_INGESTION, STREAM),
        (DRUID_INGESTION, BATCH),
        (DRUID, stage.druid.cluster),
    ):
        key = NamespacedName(NAMESPACE_NAME, name)
        await stage.client.delete(resource, key)
        await eventually(_gone(stage, resource, name), timeout=60, what=f"{name} is gone")
        stage.timeline.line(f"{resource.kind}/{name}", "is gone")


def _gone(stage: Stage, resource: Resource, name: str):  # type: ignore[no-untyped-def] # a closure
    async def check() -> bool:
        try:
            await stage.get(resource, name)
        except NotFound:
            return True
        return False

    return check
