"""When something is wrong: what the object says, what is left alone, and how it ends."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from druid_operator.api.v1alpha1 import DRUID, DRUID_INGESTION
from druid_operator.api.v1alpha1.keys import IGNORED_ANNOTATION
from druid_operator.internal.controller.druidingestion.events import EventReason
from druid_operator.pkg.druidapi.fake.faults import Fault
from druid_operator.pkg.meta import JSON, kstatus
from druid_operator.pkg.scheme.builtin import SECRET

Make = Callable[..., JSON]
SUPERVISOR = "/druid/indexer/v1/supervisor"


async def test_druids_refusal_is_told_in_its_words_and_not_repeated(
    world: Any, kafka: Make
) -> None:
    document = kafka()
    document["spec"]["ioConfig"]["taskCount"] = "many"
    await world.create(document)
    stored = await world.until_condition("False", "SpecRejected")
    assert kstatus(stored) == "Failed"
    for type_ in ("Ready", "Stalled", "Synced"):
        assert "Cannot deserialize" in (await world.condition(type_))["message"]
    assert "Cannot deserialize" in await world.until_told(EventReason.CREATE_FAILED)
    assert await world.quiet_passes(6) == (0, 0)
    document["spec"]["ioConfig"]["taskCount"] = 1
    await world.change({"spec": {"ingestion": {"nativeSpec": document}}})
    await world.until_condition("True", "Running")
    assert "rejected" not in (await world.get())["status"]


async def test_a_refused_update_leaves_the_running_supervisor_alone(
    world: Any, kafka: Make
) -> None:
    await world.create(kafka())
    await world.until_condition("True", "Running")
    before = world.druid.supervisors["wiki"].generation
    document = kafka()
    document["spec"]["ioConfig"]["taskCount"] = "many"
    await world.change({"spec": {"ingestion": {"nativeSpec": document}}})
    stored = await world.until_condition("False", "SpecRejected")
    assert world.druid.supervisors["wiki"].generation == before
    assert stored["status"]["state"] == "RUNNING"
    await world.until_told(EventReason.UPDATE_FAILED)
    assert await world.quiet_passes(4) == (0, 0)


@pytest.mark.parametrize(
    ("ingestion", "path"),
    [
        ({"nativeSpec": None, "spec": "{"}, "spec.ingestion.spec"),
        ({"nativeSpec": None}, "spec.ingestion.nativeSpec"),
        ({"type": "kinesis"}, "spec.ingestion.nativeSpec.type"),
        ({"type": "mystery"}, "spec.ingestion.type"),
        ({"nativeSpec": {"type": "kafka"}}, "spec.ingestion.nativeSpec.dataSchema.dataSource"),
    ],
    ids=["no JSON", "no document", "another type", "unknown type", "no datasource"],
)
async def test_a_wrong_spec_is_told_with_its_path_and_druid_is_not_asked(
    world: Any, kafka: Make, ingestion: JSON, path: str
) -> None:
    await world.create(kafka(), ingestion=ingestion)
    await world.until_condition("False", "InvalidSpec")
    assert path in (await world.condition())["message"]
    assert path in await world.until_told(EventReason.INVALID)
    assert world.posts() == []
    assert await world.quiet_passes(3) == (0, 0)
    # Others are served, and it can go.
    await world.create(kafka("other"), "other")
    await world.until_condition("True", "Running", name="other")
    await world.delete()
    await world.until_gone()


async def test_the_younger_of_two_that_want_one_supervisor_writes_nothing(
    world: Any, kafka: Make
) -> None:
    await world.create(kafka())
    await world.until_condition("True", "Running")
    await world.create(kafka(maxRowsInMemory=1), "second")
    stored = await world.until_condition("False", "Conflict", name="second")
    assert kstatus(stored) == "Failed"
    assert "wiki" in (await world.condition(name="second"))["message"]
    await world.until_told(EventReason.CONFLICT, "second")
    assert len(world.posts()) == 1
    await world.delete("second")
    await world.until_gone("second")
    assert "wiki" in world.druid.supervisors
    assert len(world.mutations()) == 1


async def test_the_younger_takes_its_place_when_the_older_is_gone(world: Any, kafka: Make) -> None:
    await world.create(kafka())
    await world.until_condition("True", "Running")
    await world.create(kafka(maxRowsInMemory=1), "second")
    await world.until_condition("False", "Conflict", name="second")
    await world.delete()
    await world.until_gone()
    await world.until_condition("True", "Running", name="second")


async def test_without_its_cluster_it_waits_and_then_runs(
    run_operator: Any, cluster: JSON, kafka: Make
) -> None:
    async with run_operator() as world:
        await world.delete("example", DRUID)
        await world.create(kafka())
        await world.until_condition("Unknown", "ClusterNotFound")
        assert "example" in (await world.condition())["message"]
        await world.env.client.create(
            {**cluster, "metadata": {"name": "example", "namespace": world.namespace}}
        )
        await world.until_condition("True", "Running")


async def test_a_druid_that_is_away_makes_it_unknown_and_its_return_ready(
    world: Any, kafka: Make
) -> None:
    await world.create(kafka())
    await world.until_condition("True", "Running")
    posts = len(world.posts())
    await world.druid.stop()
    stored = await world.until_condition("Unknown", "DruidUnreachable")
    assert stored["status"]["state"] == "RUNNING"  # the last thing known
    await world.druid.start()
    await world.until_condition("True", "Running")
    assert len(world.posts()) == posts


async def test_a_router_without_a_leader_makes_it_unknown_too(world: Any, kafka: Make) -> None:
    """A 503 is an answer, and says nothing of the ingestion."""
    await world.create(kafka())
    await world.until_condition("True", "Running")
    world.druid.behaviour.leader = "none"
    await world.until_condition("Unknown", "DruidUnreachable")
    world.druid.behaviour.leader = "here"
    await world.until_condition("True", "Running")
    assert len(world.posts()) == 1


async def test_a_router_without_its_proxy_creates_nothing_a_second_time(
    world: Any, kafka: Make
) -> None:
    """Its 404 means nothing: read as "no such supervisor" it would create everything again."""
    await world.create(kafka())
    await world.until_condition("True", "Running")
    world.druid.behaviour.proxy = False
    await world.until_condition("Unknown", "ManagementProxyDisabled")
    world.druid.behaviour.proxy = True
    await world.change({"metadata": {"annotations": {"look": "again"}}})
    await world.until_condition("True", "Running")
    assert len(world.posts()) == 1


async def test_an_unhealthy_supervisor_is_told_with_its_errors(world: Any, kafka: Make) -> None:
    world.druid.behaviour.kafka = "unreachable"
    await world.create(kafka())
    stored = await world.until_condition("False", "Unhealthy")
    assert stored["status"]["detailedState"] == "UNABLE_TO_CONNECT_TO_STREAM"

    async def told() -> bool:
        errors = (await world.get())["status"].get("recentErrors") or []
        return any("TimeoutException" in e["exceptionClass"] for e in errors)

    await world.until(told)
    assert await world.quiet_passes(5) == (0, 0)
    world.druid.behaviour.kafka = "reachable"
    await world.until_condition("True", "Running")


async def test_an_ignored_ingestion_is_left_alone_and_says_so(world: Any, kafka: Make) -> None:
    await world.create(kafka())
    await world.until_condition("True", "Running")
    await world.change({"metadata": {"annotations": {IGNORED_ANNOTATION: "true"}}})
    await world.until_condition("True", "Ignored", "Paused")
    await world.change({"spec": {"suspend": True}})
    await world.console.terminate_supervisor("wiki")
    await world.until_told(EventReason.PAUSED)
    assert "wiki" not in world.druid.supervisors
    await world.change({"metadata": {"annotations": {IGNORED_ANNOTATION: None}}})
    await world.until_condition("True", "Suspended")
    assert await world.condition("Paused") == {}


async def test_a_denied_namespace_is_not_touched(run_operator: Any, kafka: Make) -> None:
    async with run_operator(deny_namespaces=frozenset()) as world:
        pass
    async with run_operator(deny_namespaces=frozenset({world.namespace})) as world:
        await world.create(kafka())
        await world.until(lambda: world.passes() > 0)
        assert (world.writes(), world.mutations()) == (0, [])
        assert "finalizers" not in (await world.get())["metadata"]


async def test_deleted_the_supervisor_is_terminated_first(world: Any, kafka: Make) -> None:
    await world.create(kafka())
    await world.until_condition("True", "Running")
    await world.delete()
    await world.until_gone()
    assert world.mutations()[-1] == f"POST {SUPERVISOR}/wiki/terminate"
    assert "wiki" not in world.druid.supervisors
    await world.until_told(EventReason.SHUT_DOWN)


async def test_deleted_when_its_supervisor_is_gone_already(world: Any, kafka: Make) -> None:
    await world.create(kafka())
    await world.until_condition("True", "Running")
    await world.change({"metadata": {"annotations": {IGNORED_ANNOTATION: "true"}}})
    await world.until_condition("True", "Ignored", "Paused")
    await world.console.terminate_supervisor("wiki")
    await world.delete()
    await world.until_gone()
    assert len(world.mutations()) == 2


async def test_a_failed_termination_keeps_the_object_until_it_works(
    world: Any, kafka: Make
) -> None:
    await world.create(kafka())
    await world.until_condition("True", "Running")
    path = f"{SUPERVISOR}/wiki/terminate"
    fault = world.druid.fault(Fault("answer", method="POST", path=path, status=503, times=2))
    await world.delete()
    await world.until_told(EventReason.SHUT_DOWN_FAILED)
    assert (await world.get())["metadata"]["finalizers"]
    await world.until_gone()
    assert fault.seen == 3
    assert "wiki" not in world.druid.supervisors


async def test_deleted_while_druid_is_away_it_waits_for_druid(world: Any, kafka: Make) -> None:
    await world.create(kafka())
    await world.until_condition("True", "Running")
    await world.druid.stop()
    await world.delete()

    async def waits() -> bool:
        found = await world.condition()
        return bool(found.get("reason") == "Deleting" and "does not answer" in found["message"])

    await world.until(waits)
    assert "wiki" in world.druid.supervisors
    await world.druid.start()
    await world.until_gone()
    assert "wiki" not in world.druid.supervisors


SECRET_OBJECT = {
    "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "hush"},
    "stringData": {"OperatorUserName": "u", "OperatorPassword": "p"},
}  # fmt: skip
AUTH = {"type": "basic-auth", "secretRef": {"name": "hush"}}


async def test_deleted_while_its_secret_is_missing_it_waits_for_the_secret(
    world: Any, kafka: Make
) -> None:
    secret = {**SECRET_OBJECT, "metadata": {"name": "hush", "namespace": world.namespace}}
    await world.env.client.create(secret)
    await world.create(kafka(), auth=AUTH)
    await world.until_condition("True", "Running")
    await world.delete("hush", SECRET)
    world.druid.fault(Fault("answer", status=401))  # the cached one is not taken any more
    await world.delete()
    assert "'hush' not found" in await world.until_told(EventReason.SHUT_DOWN_FAILED)
    assert (await world.condition())["reason"] == "Deleting"
    assert "wiki" in world.druid.supervisors

    await world.env.client.create(secret)
    await world.until_gone()
    assert "wiki" not in world.druid.supervisors


async def test_secrets_reach_neither_status_nor_events_nor_logs(
    world: Any, kafka: Make, capfd: pytest.CaptureFixture[str]
) -> None:
    document = kafka()
    consumer = document["spec"]["ioConfig"]["consumerProperties"]
    consumer["sasl.jaas.config"] = 'PlainLoginModule required password="hush-1";'
    consumer["ssl.key.password"] = "hush-2"
    await world.create(document)
    await world.until_condition("True", "Running")
    live = await world.console.supervisor_spec("wiki")
    live["spec"]["ioConfig"]["consumerProperties"]["ssl.key.password"] = "hush-3"
    await world.console.submit_supervisor({k: live[k] for k in ("type", "spec", "context")})
    await world.until_told(EventReason.DRIFT_CORRECTED)
    await world.until_condition("True", "Running")
    status = {**(await world.get())["status"], "currentIngestionSpec.json": ""}
    told = [str(status), str(await world.events()), *capfd.readouterr()]
    assert not [text for text in told if "hush" in text]


async def test_the_columns_show_what_a_user_looks_for(world: Any, kafka: Make) -> None:
    await world.create(kafka())
    stored = await world.until_condition("True", "Running")
    assert DRUID_INGESTION.plural == "druidingestions"
    assert stored["status"]["dataSource"] == "wiki"
