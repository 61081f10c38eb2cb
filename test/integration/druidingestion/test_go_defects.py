"""The defects of the Go operator's ingestion controller, one test each: what it did, and we do not.

Numbers are those of the inventory that was made of it; each docstring says what it did. I29, about
patches without a version, is held in ``test/unit/controller_druidingestion/test_reporter.py``.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import pytest

from druid_operator.api.v1alpha1 import DRUID, DRUID_INGESTION
from druid_operator.api.v1alpha1.keys import IGNORED_ANNOTATION, INGESTION_FINALIZER
from druid_operator.internal.controller.druidingestion.events import EventReason
from druid_operator.internal.ingestion import deletion
from druid_operator.pkg.client import merge_patch
from druid_operator.pkg.druidapi.fake import FakeDruid
from druid_operator.pkg.druidapi.fake.faults import Fault
from druid_operator.pkg.errors import NotFound
from druid_operator.pkg.meta import JSON
from druid_operator.pkg.scheme.builtin import SECRET

Make = Callable[..., JSON]
SUPERVISOR = "/druid/indexer/v1/supervisor"
TASK = "/druid/indexer/v1/task"
RULES = "/druid/coordinator/v1/rules"
LOAD: JSON = {"type": "loadForever", "tieredReplicants": {"hot": 1}}


async def secret(world: Any, password: str, name: str = "druid-login") -> None:
    values = {"OperatorUserName": "op", "OperatorPassword": password}
    data = {k: base64.b64encode(v.encode()).decode() for k, v in values.items()}
    body = {
        "apiVersion": "v1", "kind": "Secret", "data": data,
        "metadata": {"name": name, "namespace": world.namespace},
    }  # fmt: skip
    try:
        await world.change({"data": data}, name, SECRET)
    except NotFound:
        await world.env.client.create(body)


LOGIN: JSON = {"type": "basic-auth", "secretRef": {"name": "druid-login"}}


async def test_i01_suspend_acts(world: Any, kafka: Make) -> None:
    """``spec.suspend`` was in the CRD and read nowhere."""
    await world.create(kafka(), suspend=True)
    await world.until_condition("True", "Suspended")
    assert world.mutations() == [f"POST {SUPERVISOR}"]
    assert world.druid.supervisors["wiki"].suspended
    for suspend, verb in ((False, "resume"), (True, "suspend")):
        await world.change({"spec": {"suspend": suspend}})
        await world.until(lambda s=suspend: world.druid.supervisors["wiki"].suspended is s)
        assert world.mutations()[-1] == f"POST {SUPERVISOR}/wiki/{verb}"


@pytest.mark.parametrize(
    ("document", "kind", "path"),
    [
        ({"query": 'REPLACE INTO "wiki" OVERWRITE ALL SELECT 1'}, "sql", "/druid/v2/sql/task"),
        ({"type": "index_hadoop", "spec": {}}, "index-hadoop", TASK),
    ],
)
async def test_i02_every_type_reaches_an_endpoint(
    world: Any, document: JSON, kind: str, path: str
) -> None:
    """kinesis, sql and index-hadoop had an empty URL. (Kinesis: ``test_types``.)"""
    await world.create(document, ingestion={"type": kind})
    await world.until(lambda: world.posts() == [path])


async def test_i03_the_two_types_are_compared(world: Any, kafka: Make) -> None:
    """The object's type chose the path, whatever the document said."""
    await world.create(kafka(), ingestion={"type": "native-batch"})
    await world.until_condition("False", "InvalidSpec")
    assert world.posts() == []


async def test_i04_deletion_comes_first(kubernetes: Any, run_operator: Any, kafka: Make) -> None:
    """An object that was deleted before it was ever seen was submitted first."""
    await kubernetes.create(kafka())
    await kubernetes.change({"metadata": {"finalizers": ["example.com/hold", INGESTION_FINALIZER]}})
    await kubernetes.delete()
    async with run_operator() as world:

        async def released() -> bool:
            return (await world.get())["metadata"]["finalizers"] == ["example.com/hold"]

        await world.until(released)
        seen = world.passes()
        await world.change({"metadata": {"annotations": {"look": "again"}}})
        await world.until(lambda: world.passes() > seen)
        assert world.mutations() == []
        await world.change({"metadata": {"finalizers": None}})


async def test_i05_the_finalizer_is_there_before_druid_hears_of_it(world: Any, kafka: Make) -> None:
    """It was added after the POST: a task leaked when the object was deleted in between."""
    world.druid.fault(Fault("hold", method="POST", path=SUPERVISOR))
    await world.create(kafka())
    await world.until(lambda: any(f.seen for f in world.druid._faults))
    stored = await world.get()
    assert INGESTION_FINALIZER in stored["metadata"]["finalizers"]
    assert stored["status"]["supervisorId"] == "wiki"
    world.druid.clear_faults()


async def test_i06_an_object_whose_cluster_is_gone_is_released(
    world: Any, kafka: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The router was looked up before the finalizer's branch: the namespace hung for ever."""
    monkeypatch.setattr(deletion, "CLUSTER_GONE_GRACE", 1.0)
    await world.create(kafka())
    await world.until_condition("True", "Running")
    await world.delete("example", DRUID)
    await world.delete()
    await world.until_gone()
    assert "nobody to tell" in await world.until_told(EventReason.RELEASED)


@pytest.mark.parametrize("status", [401, 500, 503])
async def test_i07_a_failed_shutdown_keeps_the_object(world: Any, kafka: Make, status: int) -> None:
    """Any answer took the finalizer off: the supervisor ran on, unmanaged."""
    await world.create(kafka())
    await world.until_condition("True", "Running")
    path = f"{SUPERVISOR}/wiki/terminate"
    fault = world.druid.fault(Fault("answer", path=path, status=status, times=100))
    await world.delete()
    await world.until(lambda: fault.seen >= 1)
    await world.until_told(EventReason.SHUT_DOWN_FAILED)
    assert INGESTION_FINALIZER in (await world.get())["metadata"]["finalizers"]
    world.druid.clear_faults()
    await world.change({"metadata": {"annotations": {"druid.apache.org/release": "true"}}})
    await world.until_gone()


async def test_i08_without_an_id_nothing_is_shut_down(run_operator: Any, kafka: Make) -> None:
    """An empty id made the path ``/supervisor/shutdown``."""
    async with run_operator() as world:
        world.druid.behaviour.leader = "none"
        await world.create(kafka())
        await world.until_condition("Unknown", "DruidUnreachable")
        await world.delete()
        await world.until_gone()
        assert world.mutations() == []


async def test_i09_no_compaction_is_no_failure(world: Any, kafka: Make) -> None:
    """ "Nothing to do" was taken for a failure: good ingestions became ``CreateFail``."""
    await world.create(kafka())
    stored = await world.until_condition("True", "Running")
    assert stored["status"]["type"] == EventReason.CREATED
    assert EventReason.CREATE_FAILED not in [e["reason"] for e in await world.events()]


@pytest.mark.parametrize(
    ("status", "body", "reason", "words"),
    [
        (400, '{"error":"no such topic"}', "SpecRejected", "no such topic"),
        (502, "<html>Bad Gateway</html>", "DruidUnreachable", "Bad Gateway"),
        (403, '{"Access-Check-Result":"Unauthorized"}', "Unauthorized", "Unauthorized"),
        (500, "", "DruidError", "500"),
    ],
)
async def test_i10_every_refusal_is_in_a_condition(
    world: Any, kafka: Make, status: int, body: str, reason: str, words: str
) -> None:
    """A body without an id was a parse error, and the object said nothing at all."""
    fault = Fault("answer", method="POST", path=SUPERVISOR, status=status, body=body, times=100)
    world.druid.fault(fault)
    await world.create(kafka())

    async def told() -> bool:
        found = await world.condition()
        return found.get("reason") == reason and words in found["message"]

    await world.until(told, f"{reason}: {words}")


async def test_i11_a_failure_after_the_post_does_not_post_again(world: Any, batch: Make) -> None:
    """Rules that failed left the id unsaved: each retry started the batch once more."""
    world.druid.fault(Fault("answer", path=RULES, method="POST", status=500, times=3))
    await world.create(batch(), ingestion={"rules": [LOAD]})
    await world.until_condition("False", "DruidError")
    assert (await world.get())["status"]["taskId"]
    world.druid.clear_faults()
    await world.change({"metadata": {"annotations": {"look": "again"}}})
    await world.until_condition("True", "Succeeded")
    assert world.posts() == [TASK]


async def test_i12_a_refused_update_is_recorded_and_not_repeated(world: Any, kafka: Make) -> None:
    """It was neither told nor remembered, and sent again every ten seconds."""
    await world.create(kafka())
    await world.until_condition("True", "Running")
    await world.change({"spec": {"ingestion": {"nativeSpec": kafka(maxRowsInMemory="many")}}})
    await world.until_condition("False", "SpecRejected")
    await world.until_told(EventReason.UPDATE_FAILED)
    assert await world.quiet_passes(4) == (0, 0)


async def test_i13_a_changed_batch_waits_for_the_run_before_it(world: Any, batch: Make) -> None:
    """The second task started while the first one ran."""
    world.druid.behaviour.batch_seconds = 0.7
    await world.create(batch())
    await world.until(lambda: len(world.posts()) == 1)
    await world.change({"spec": {"ingestion": {"nativeSpec": batch(rows=3)}}})
    most = 0

    def second() -> bool:
        nonlocal most
        most = max(most, len(world.druid.tasks.active()))
        return len(world.posts()) == 2

    await world.until(second)
    assert most == 1


async def test_i14_another_datasource_leaves_no_supervisor_behind(world: Any, kafka: Make) -> None:
    """The old supervisor ran on, and a later deletion ended the new one only."""
    await world.create(kafka())
    await world.until_condition("True", "Running")
    await world.change({"spec": {"ingestion": {"nativeSpec": kafka("pages", "wiki")}}})
    await world.until_condition("False", "IdentityChangeRequiresRecreate")
    assert {s.id for s in world.druid.supervisors} == {"wiki"}
    await world.delete()
    await world.until_gone()
    assert len(world.druid.supervisors) == 0


async def test_i14_another_cluster_leaves_nothing_behind(
    run_operator: Any, kubernetes: Any, cluster: JSON, kafka: Make
) -> None:
    """As well: a changed ``druidCluster`` left the old supervisor running in the old one."""
    async with FakeDruid() as other:
        namespace = kubernetes.namespace
        metadata = {"name": "other", "namespace": namespace}
        await kubernetes.env.client.create({**cluster, "metadata": metadata})
        endpoints = {
            (namespace, "example"): kubernetes.druid.url, (namespace, "other"): other.url,
        }  # fmt: skip
        async with run_operator(druid_endpoints=endpoints) as world:
            await world.create(kafka())
            await world.until_condition("True", "Running")
            await world.change({"spec": {"druidCluster": "other"}})
            await world.until_condition("False", "ClusterChanged")
            assert len(other.mutations()) == 0
            await world.delete()
            await world.until_gone()
            assert len(world.druid.supervisors) == len(other.supervisors) == 0


async def test_i15_one_status_write_never_brings_an_old_id_back(world: Any, batch: Make) -> None:
    """Document and rules changed together: the second of two writes held the old task's id."""
    await world.create(batch(), ingestion={"rules": [LOAD]})
    first = (await world.until_condition("True", "Succeeded"))["status"]["taskId"]
    rules = [{"type": "dropForever"}]
    await world.change({"spec": {"ingestion": {"nativeSpec": batch(rows=3), "rules": rules}}})
    await world.until(lambda: len(world.posts()) == 2)
    stored = await world.until_condition("True", "Succeeded")
    assert stored["status"]["taskId"] == stored["status"]["runs"][0]["taskId"] != first


async def test_i16_an_id_without_its_text_is_no_error(
    kubernetes: Any, run_operator: Any, kafka: Make
) -> None:
    """An empty ``currentIngestionSpec.json`` was a JSON error for ever."""
    await kubernetes.console.submit_supervisor(kafka())
    await kubernetes.create(kafka())
    await kubernetes.env.client.patch(
        DRUID_INGESTION, kubernetes.key("wiki"),
        merge_patch({"status": {"taskId": "wiki", "currentIngestionSpec.json": ""}}),
        subresource="status",
    )  # fmt: skip
    async with run_operator() as world:
        await world.until_condition("True", "Running")
        assert len(world.posts()) == 1


async def test_i17_integers_arrive_exactly(world: Any, kafka: Make) -> None:
    """Numbers went through float64: ``Long.MAX`` no longer fitted a Java long."""
    await world.create(kafka(maxTotalRows=2**63 - 1))
    await world.until_condition("True", "Running")
    tuning = world.druid.supervisors["wiki"].spec["spec"]["tuningConfig"]
    assert tuning["maxTotalRows"] == 2**63 - 1


async def test_i18_rules_are_read_repaired_and_removed(world: Any, kafka: Make) -> None:
    """They were never read from Druid; removing them all was recorded and not done."""
    await world.create(kafka(), ingestion={"rules": [LOAD]})
    await world.until_condition("True", "Running")
    await world.console.set_rules("wiki", [{"type": "dropForever"}])
    rules = world.druid.cluster.config.rules
    await world.until(lambda: rules["wiki"][0]["type"] == "loadForever")
    await world.change({"spec": {"ingestion": {"rules": None}}})
    await world.until(lambda: rules["wiki"] == [])


async def test_i19_compaction_settles_and_is_taken_back(world: Any, kafka: Make) -> None:
    """Its comparison never settled, and removal reached nobody."""
    compaction = {"tuningConfig": {"type": "kafka", "partitionsSpec": {"type": "dynamic"}}}
    await world.create(kafka(), ingestion={"compaction": compaction})
    await world.until_condition("True", "Running")
    await world.until_told(EventReason.SETTING_CHANGED)
    assert await world.quiet_passes(5) == (0, 0)
    await world.change({"spec": {"ingestion": {"compaction": None}}})
    await world.until(lambda: "wiki" not in world.druid.cluster.config.compaction)


async def test_i20_the_status_has_conditions_that_can_be_false(world: Any, kafka: Make) -> None:
    """``status`` was "True" whatever happened, and there were no conditions."""
    world.druid.behaviour.kafka = "unreachable"
    await world.create(kafka())
    stored = await world.until_condition("False", "Unhealthy")
    assert {c["type"] for c in stored["status"]["conditions"]} == {"Ready", "Synced"}


async def test_i21_reasons_are_words_and_notes_are_sentences(world: Any, kafka: Make) -> None:
    """Reason and message were swapped at every call."""
    await world.create(kafka())
    await world.until_told(EventReason.CREATED)
    for event in await world.events():
        assert event["reason"] in set(EventReason)
        assert event["note"] not in set(EventReason)


async def test_i22_druid_is_asked_what_became_of_it(world: Any, kafka: Make) -> None:
    """A terminated supervisor was not made again; a failed batch stayed "successful"."""
    await world.create(kafka())
    await world.until_condition("True", "Running")
    await world.console.terminate_supervisor("wiki")
    await world.until(lambda: "wiki" in world.druid.supervisors)


async def test_i23_the_type_column_has_the_type(world: Any, kafka: Make) -> None:
    """Its path pointed nowhere."""
    await world.create(kafka())
    await world.until_condition("True", "Running")
    crds = [c for c in world.env._crds if c["spec"]["names"]["kind"] == DRUID_INGESTION.kind]
    (version,) = crds[0]["spec"]["versions"]
    stored = await world.get()
    shown = {}
    for column in version["additionalPrinterColumns"]:
        value: Any = stored
        for part in column["jsonPath"].split("[")[0].strip(".").split("."):
            value = value.get(part) if isinstance(value, dict) else None
        shown[column["name"]] = value
    assert (shown["Type"], shown["DataSource"], shown["State"]) == ("kafka", "wiki", "RUNNING")
    assert list(shown)[:7] == [
        "Type", "DataSource", "State", "Lag", "Suspended", "Synced", "Ready",
    ]  # fmt: skip


async def test_i24_a_secret_of_another_namespace_is_not_read(world: Any, kafka: Make) -> None:
    """Whoever could create an ingestion could have any Secret sent to himself."""
    auth = {"type": "basic-auth", "secretRef": {"name": "s", "namespace": "kube-system"}}
    await world.create(kafka(), auth=auth)
    await world.until_condition("False", "SecretNotAllowed")
    assert "spec.auth.secretRef.namespace" in (await world.condition())["message"]
    assert not [r for r in world.druid.requests if "Authorization" in r.path]
    assert world.mutations() == []


async def test_i25_a_request_without_an_answer_ends(world: Any, kafka: Make) -> None:
    """There was no timeout. (Redirects and TLS: the tests of the client.)"""
    await world.create(kafka())
    await world.until_condition("True", "Running")
    fault = world.druid.fault(Fault("hold", path=SUPERVISOR, times=10**6))
    await world.until(lambda: fault.seen > 0)
    # Other clusters' objects, and this one's deletion by the user, do not wait for it.
    await world.create(kafka("other"), "other", druidCluster="absent")
    await world.until_condition("Unknown", "ClusterNotFound", name="other")
    world.druid.clear_faults()


async def test_i26_own_status_writes_wake_nobody(run_operator: Any, kafka: Make) -> None:
    """There were no predicates: every status write caused another pass. The deny list and the
    annotation held for the other kind only.
    """
    async with run_operator(reconcile_wait=3600.0, druid_poll=3600.0) as world:
        await world.create(kafka())
        await world.until_condition("True", "Running")
        seen = world.passes()
        await world.env.client.patch(
            DRUID_INGESTION, world.key("wiki"), merge_patch({"status": {"reason": "x"}}),
            subresource="status",
        )  # fmt: skip
        await world.change({"metadata": {"annotations": {IGNORED_ANNOTATION: "true"}}})
        await world.until_condition("True", "Ignored", "Paused")
        assert world.passes() <= seen + 2


async def test_i27_the_users_spec_is_never_written(world: Any, kafka: Make) -> None:
    """A full PUT added zero values: a difference in Git, and another generation."""
    made = await world.create(kafka())
    stored = await world.until_condition("True", "Running")
    assert stored["spec"] == made["spec"]
    assert stored["metadata"]["generation"] == 1


async def test_i28_the_second_of_two_is_a_conflict(world: Any, kafka: Make) -> None:
    """Two objects with one datasource overwrote each other with every edit."""
    await world.create(kafka())
    await world.until_condition("True", "Running")
    await world.create(kafka(maxRowsInMemory=1), "second")
    await world.until_condition("False", "Conflict", name="second")
    assert len(world.posts()) == 1


@pytest.mark.parametrize(
    ("ingestion", "told"),
    [
        ({"spec": "{", "nativeSpec": None}, "spec.ingestion.spec: line 1"),
        ({"spec": "[]", "nativeSpec": None}, "must be a JSON object"),
        ({"spec": '{"a": NaN}', "nativeSpec": None}, "NaN is not JSON"),
    ],
)
async def test_i30_a_document_is_checked_before_it_is_sent(
    world: Any, kafka: Make, ingestion: JSON, told: str
) -> None:
    """Nothing was."""
    await world.create(kafka(), ingestion=ingestion)
    await world.until_condition("False", "InvalidSpec")
    assert told in (await world.condition())["message"]
    assert world.posts() == []


async def test_i31_deleting_a_finished_batch_is_no_failure(world: Any, batch: Make) -> None:
    """Shutting down a task that had ended was reported as a failure."""
    await world.create(batch())
    await world.until_condition("True", "Succeeded")
    await world.delete()
    await world.until_gone()
    await world.until_told(EventReason.RELEASED)
    reasons = {e["reason"] for e in await world.events()}
    assert EventReason.SHUT_DOWN_FAILED not in reasons
    assert world.mutations() == [f"POST {TASK}"]


async def test_i32_a_missing_secret_is_told_and_a_changed_one_used(
    world: Any, kafka: Make, druid: FakeDruid
) -> None:
    """It was an error in the log only, and a change went unnoticed."""
    druid.behaviour.basic_auth = ("op", "new")
    await world.create(kafka(), auth=LOGIN)
    await world.until_condition("False", "SecretNotFound")
    await secret(world, "old")
    await world.until_condition("Unknown", "Unauthorized")
    await secret(world, "new")
    await world.change({"metadata": {"annotations": {"look": "again"}}})
    await world.until_condition("True", "Running")
    assert "new" not in str((await world.get())["status"].get("conditions"))
