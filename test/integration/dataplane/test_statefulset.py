"""StatefulSets, the same on a real control plane and on the simulated data plane."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import pytest

from druid_operator.pkg.meta import JSON
from druid_operator.pkg.scheme.builtin import (
    CONTROLLER_REVISION,
    NAMESPACE,
    PERSISTENT_VOLUME_CLAIM,
    POD,
    STATEFUL_SET,
)

Make = Callable[..., JSON]
POLICIES = pytest.mark.parametrize("policy", ["Parallel", "OrderedReady"])


@POLICIES
async def test_becomes_ready_with_bound_claims(
    workloads: Any, statefulset: Make, policy: str
) -> None:
    await workloads.create(statefulset("db", 3, podManagementPolicy=policy))
    sts = await workloads.until_status(STATEFUL_SET, "db", availableReplicas=3)
    name = sts["status"]["currentRevision"]
    assert sts["status"] == {
        "observedGeneration": 1,
        "replicas": 3,
        "readyReplicas": 3,
        "currentReplicas": 3,
        "updatedReplicas": 3,
        "availableReplicas": 3,
        "currentRevision": name,
        "updateRevision": name,
        "collisionCount": 0,
    }
    pods = await workloads.pods("db")
    assert sorted(pods) == ["db-0", "db-1", "db-2"]
    claims = await workloads.list(PERSISTENT_VOLUME_CLAIM, app="db")
    assert {c["metadata"]["name"]: c["status"]["phase"] for c in claims} == {
        f"data-db-{n}": "Bound" for n in range(3)
    }
    assert all(c["spec"]["storageClassName"] == "standard" for c in claims)


async def test_a_revision_is_named_alike_on_every_backend(
    workloads: Any, statefulset: Make
) -> None:
    """The name is a hash of the defaulted template: equal names mean equal defaults."""
    await workloads.create(statefulset("db", 1))
    sts = await workloads.until_status(STATEFUL_SET, "db", readyReplicas=1)
    (revision,) = await workloads.list(CONTROLLER_REVISION)
    assert revision["metadata"]["name"] == sts["status"]["updateRevision"] == "db-fbfc8b6b8"


async def test_pods_carry_their_identity(workloads: Any, statefulset: Make) -> None:
    await workloads.create(statefulset("db", 2))
    sts = await workloads.until_status(STATEFUL_SET, "db", readyReplicas=2)
    pod = await workloads.get(POD, "db-1")
    metadata, spec = pod["metadata"], pod["spec"]
    assert metadata["labels"].pop("topology.kubernetes.io/zone") in {"zone-0", "zone-1", "zone-2"}
    assert metadata["labels"] == {
        "app": "db",
        "apps.kubernetes.io/pod-index": "1",
        "controller-revision-hash": sts["status"]["updateRevision"],
        "statefulset.kubernetes.io/pod-name": "db-1",
    }
    assert (spec["hostname"], spec["subdomain"]) == ("db-1", "db")
    assert spec["volumes"][0]["persistentVolumeClaim"] == {"claimName": "data-db-1"}
    (owner,) = metadata["ownerReferences"]
    assert (owner["kind"], owner["name"], owner["controller"]) == ("StatefulSet", "db", True)


@POLICIES
async def test_rolling_update_replaces_every_pod(
    workloads: Any, statefulset: Make, policy: str
) -> None:
    await workloads.create(statefulset("db", 3, podManagementPolicy=policy))
    before = await workloads.until_status(STATEFUL_SET, "db", readyReplicas=3)
    old = await workloads.uids("db")
    await workloads.set_image(STATEFUL_SET, "db", "app:2")
    await workloads.until_status(
        STATEFUL_SET, "db", readyReplicas=3, updatedReplicas=3, currentReplicas=3
    )
    sts = await workloads.get(STATEFUL_SET, "db")
    assert sts["status"]["currentRevision"] == sts["status"]["updateRevision"]
    assert sts["status"]["currentRevision"] != before["status"]["currentRevision"]
    new = await workloads.uids("db")
    assert new.keys() == old.keys()
    assert not set(new.values()) & set(old.values())
    revisions = await workloads.list(CONTROLLER_REVISION)
    assert sorted(r["revision"] for r in revisions) == [1, 2]


async def test_rolling_update_stops_at_the_first_broken_pod_and_goes_back(
    workloads: Any, statefulset: Make
) -> None:
    await workloads.create(statefulset("db", 3, podManagementPolicy="Parallel"))
    await workloads.until_status(STATEFUL_SET, "db", readyReplicas=3)
    old = await workloads.uids("db")
    await workloads.set_image(STATEFUL_SET, "db", "app:2-never-ready")
    await workloads.until_status(
        STATEFUL_SET, "db", readyReplicas=2, updatedReplicas=1, currentReplicas=2
    )
    now = await workloads.uids("db")
    assert {name for name in old if old[name] == now[name]} == {"db-0", "db-1"}
    await workloads.set_image(STATEFUL_SET, "db", "app:1")
    await workloads.until_status(STATEFUL_SET, "db", readyReplicas=3, updatedReplicas=3)
    now = await workloads.uids("db")
    assert {name for name in old if old[name] == now[name]} == {"db-0", "db-1"}


async def test_the_partition_holds_the_update_back(workloads: Any, statefulset: Make) -> None:
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"partition": 2}}
    await workloads.create(statefulset("db", 3, updateStrategy=strategy))
    await workloads.until_status(STATEFUL_SET, "db", readyReplicas=3)
    await workloads.set_image(STATEFUL_SET, "db", "app:2")
    sts = await workloads.until_status(
        STATEFUL_SET, "db", readyReplicas=3, updatedReplicas=1, currentReplicas=2
    )
    assert sts["status"]["currentRevision"] != sts["status"]["updateRevision"]
    images = {
        n: p["spec"]["containers"][0]["image"] for n, p in (await workloads.pods("db")).items()
    }
    assert images == {"db-0": "app:1", "db-1": "app:1", "db-2": "app:2"}


async def test_on_delete_waits_for_whoever_deletes_the_pods(
    workloads: Any, statefulset: Make
) -> None:
    await workloads.create(statefulset("db", 2, updateStrategy={"type": "OnDelete"}))
    await workloads.until_status(STATEFUL_SET, "db", readyReplicas=2)
    old = await workloads.uids("db")
    await workloads.set_image(STATEFUL_SET, "db", "app:2")
    await workloads.until_status(STATEFUL_SET, "db", updatedReplicas=0, readyReplicas=2)
    assert await workloads.uids("db") == old
    await workloads.delete(POD, "db-0")
    await workloads.until_status(STATEFUL_SET, "db", updatedReplicas=1, readyReplicas=2)
    assert (await workloads.uids("db"))["db-1"] == old["db-1"]


async def test_scaling_keeps_the_claims(workloads: Any, statefulset: Make) -> None:
    await workloads.create(statefulset("db", 1))
    await workloads.until_status(STATEFUL_SET, "db", readyReplicas=1)
    await workloads.change(STATEFUL_SET, "db", {"spec": {"replicas": 3}})
    await workloads.until_status(STATEFUL_SET, "db", readyReplicas=3)
    await workloads.change(STATEFUL_SET, "db", {"spec": {"replicas": 0}})
    sts = await workloads.until_status(STATEFUL_SET, "db", replicas=0)
    assert "readyReplicas" not in sts["status"]
    assert await workloads.pods("db") == {}
    assert len(await workloads.list(PERSISTENT_VOLUME_CLAIM)) == 3


async def test_a_deleted_pod_comes_back_under_its_name(workloads: Any, statefulset: Make) -> None:
    await workloads.create(statefulset("db", 2))
    await workloads.until_status(STATEFUL_SET, "db", readyReplicas=2)
    old = await workloads.uids("db")
    await workloads.delete(POD, "db-0")

    async def back() -> bool:
        new = await workloads.uids("db")
        return new.keys() == old.keys() and new["db-0"] != old["db-0"]

    await workloads.until(back)
    await workloads.until_status(STATEFUL_SET, "db", readyReplicas=2)
    assert (await workloads.uids("db"))["db-1"] == old["db-1"]


async def test_made_again_after_an_orphaning_delete_it_adopts_its_pods(
    workloads: Any, statefulset: Make
) -> None:
    """How an operator changes a claim template: no pod restarts."""
    first = await workloads.create(statefulset("db", 2))
    before = await workloads.until_status(STATEFUL_SET, "db", readyReplicas=2)
    old = await workloads.uids("db")
    await workloads.delete(STATEFUL_SET, "db", propagation="Orphan")
    await workloads.until_gone(STATEFUL_SET, "db")
    assert await workloads.uids("db") == old
    second = statefulset("db", 2)
    second["spec"]["volumeClaimTemplates"][0]["spec"]["resources"]["requests"]["storage"] = "2Gi"
    made = await workloads.create(second)
    assert made["metadata"]["uid"] != first["metadata"]["uid"]
    after = await workloads.until_status(STATEFUL_SET, "db", readyReplicas=2, updatedReplicas=2)
    assert await workloads.uids("db") == old
    assert after["status"]["currentRevision"] == before["status"]["currentRevision"]
    owners = {
        owner["uid"]
        for pod in (await workloads.pods("db")).values()
        for owner in pod["metadata"]["ownerReferences"]
    }
    assert owners == {made["metadata"]["uid"]}


async def test_a_namespace_takes_everything_with_it(workloads: Any, statefulset: Make) -> None:
    """Pods that end slowly and claims that are in use hold it up, but not for ever."""
    await workloads.create(statefulset("db", 2, annotations={"test/delete-after": "1s"}))
    await workloads.until_status(STATEFUL_SET, "db", readyReplicas=2)
    await workloads.env.remove_namespace(workloads.namespace)
    cluster = attrs.evolve(workloads, namespace="")
    await cluster.until_gone(NAMESPACE, workloads.namespace)
    claims = await workloads.env.client.list(PERSISTENT_VOLUME_CLAIM)
    assert workloads.namespace not in {c["metadata"]["namespace"] for c in claims}


async def test_deleting_the_set_takes_its_pods_and_leaves_its_claims(
    workloads: Any, statefulset: Make
) -> None:
    await workloads.create(statefulset("db", 2))
    await workloads.until_status(STATEFUL_SET, "db", readyReplicas=2)
    await workloads.delete(STATEFUL_SET, "db", propagation="Background")

    async def gone() -> bool:
        return not await workloads.list(POD, app="db")

    await workloads.until(gone)
    assert len(await workloads.list(PERSISTENT_VOLUME_CLAIM)) == 2
