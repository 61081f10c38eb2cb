"""What pods do next, how claims are bound and released, and what a budget allows."""

from __future__ import annotations

from typing import Any

import pytest

from druid_operator.pkg.envtest.dataplane.claims import plan_claim, plan_volume
from druid_operator.pkg.envtest.dataplane.disruption import plan_budget
from druid_operator.pkg.envtest.dataplane.options import DataPlaneOptions
from druid_operator.pkg.envtest.dataplane.podlife import Fate, Step, fate_of, next_step
from druid_operator.pkg.envtest.world import storage_class

JSON = dict[str, Any]
WALL = "2026-01-01T00:00:00Z"
CLASSES = [storage_class()]


def pod(image: str = "app:1", **annotations: str) -> JSON:
    metadata = {
        "name": "p",
        "namespace": "ns",
        "uid": "pod-uid",
        "annotations": {f"test/{name.replace('_', '-')}": v for name, v in annotations.items()},
    }
    spec = {"nodeName": "node-0", "containers": [{"name": "c", "image": image}]}
    return {"kind": "Pod", "metadata": metadata, "spec": spec, "status": {"phase": "Pending"}}


def step(obj: JSON, *, awaiting: bool = False, **options: Any) -> Step | None:
    made = DataPlaneOptions(**options)
    return next_step(obj, made, wall=WALL, address="10.0.0.2", awaiting_ready=awaiting)


def ready(status: JSON) -> str:
    return next(c["status"] for c in status["conditions"] if c["type"] == "Ready")


@pytest.mark.parametrize(
    ("obj", "fate"),
    [
        (pod(), Fate.READY),
        (pod("registry/app:2-never-ready"), Fate.NEVER_READY),
        (pod("crash-loop:1"), Fate.CRASH_LOOP),
        (pod(pull_fail="true"), Fate.PULL_FAIL),
        (pod(pull_fail="false"), Fate.READY),
    ],
)
def test_a_sign_in_image_or_annotation_decides_the_fate(obj: JSON, fate: Fate) -> None:
    assert fate_of(obj) is fate


def test_a_pod_is_ready_at_once_unless_it_is_told_to_wait() -> None:
    first = step(pod())
    assert first is not None
    assert (first.after, first.status["phase"], ready(first.status)) == (0, "Running", "True")
    slow = step(pod(), ready_after=5.0)
    assert slow is not None
    assert (slow.after, slow.status["phase"], ready(slow.status)) == (0, "Running", "False")


def test_its_own_annotation_goes_before_the_worlds_delay() -> None:
    running = {**pod(ready_after="1m"), "status": {"phase": "Running"}}
    late = step(running, awaiting=True, ready_after=5.0)
    assert late is not None
    assert (late.after, ready(late.status)) == (60, "True")


def test_a_running_pod_that_somebody_made_unready_is_left_alone() -> None:
    assert step({**pod(), "status": {"phase": "Running"}}, awaiting=False) is None


def test_transition_times_stay_while_a_condition_does() -> None:
    first = step(pod(), ready_after=1.0)
    assert first is not None
    running = {**pod(), "status": first.status}
    later = next_step(
        running,
        DataPlaneOptions(),
        wall="2026-01-01T00:05:00Z",
        address="10.0.0.2",
        awaiting_ready=True,
    )
    assert later is not None
    times = {c["type"]: c["lastTransitionTime"] for c in later.status["conditions"]}
    assert times["Initialized"] == WALL
    assert times["Ready"] == "2026-01-01T00:05:00Z"
    assert later.status["startTime"] == WALL


def claim(**spec: Any) -> JSON:
    metadata = {
        "name": "data",
        "namespace": "ns",
        "uid": "claim-uid",
        "finalizers": ["kubernetes.io/pvc-protection"],
    }
    request = {"resources": {"requests": {"storage": "1Gi"}}}
    return {"kind": "PersistentVolumeClaim", "metadata": metadata, "spec": {**request, **spec}}


def test_a_claim_without_a_class_gets_the_default_one() -> None:
    plan = plan_claim(claim(), CLASSES, [])
    (volume,) = plan.create
    (bound,) = plan.update
    assert bound["spec"]["storageClassName"] == "standard"
    assert bound["spec"]["volumeName"] == volume["metadata"]["name"] == "pvc-claim-uid"
    assert volume["spec"]["claimRef"]["uid"] == "claim-uid"


@pytest.mark.parametrize("name", ["", "unknown"])
def test_a_claim_of_no_class_waits(name: str) -> None:
    plan = plan_claim(claim(storageClassName=name), CLASSES, [])
    assert not plan.create
    assert plan.status is not None
    assert plan.status["status"] == {"phase": "Pending"}


def test_a_claim_that_may_not_grow_keeps_its_capacity() -> None:
    grown = claim(volumeName="v", resources={"requests": {"storage": "2Gi"}})
    grown["status"] = {"phase": "Bound", "accessModes": [], "capacity": {"storage": "1Gi"}}
    plan = plan_claim(grown, CLASSES, [])
    assert plan.status is not None
    assert plan.status["status"]["capacity"] == {"storage": "2Gi"}
    grown["metadata"]["annotations"] = {"test/no-resize": "true"}
    assert plan_claim(grown, CLASSES, []).status is None


def test_a_deleted_claim_waits_for_the_last_pod_that_uses_it() -> None:
    going = claim(volumeName="v")
    going["metadata"]["deletionTimestamp"] = WALL
    user = pod()
    user["spec"]["volumes"] = [{"name": "d", "persistentVolumeClaim": {"claimName": "data"}}]
    assert not plan_claim(going, CLASSES, [user]).update
    ended = {**user, "status": {"phase": "Succeeded"}}
    (released,) = plan_claim(going, CLASSES, [ended]).update
    assert released["metadata"]["finalizers"] == []


def volume(policy: str) -> JSON:
    reference = {"namespace": "ns", "name": "data", "uid": "claim-uid"}
    return {
        "kind": "PersistentVolume",
        "metadata": {"name": "v", "finalizers": ["kubernetes.io/pv-protection"]},
        "spec": {"claimRef": reference, "persistentVolumeReclaimPolicy": policy},
        "status": {"phase": "Bound"},
    }


def test_a_volume_ends_as_its_policy_says_when_its_claim_is_gone() -> None:
    assert plan_volume(volume("Delete"), claim()).delete == ()
    assert plan_volume(volume("Delete"), None).delete == [volume("Delete")]
    released = plan_volume(volume("Retain"), None).status
    assert released is not None
    assert released["status"] == {"phase": "Released"}


def test_a_claim_of_the_same_name_is_not_the_volumes_claim() -> None:
    other = claim()
    other["metadata"]["uid"] = "another"
    assert plan_volume(volume("Delete"), other).delete


@pytest.mark.parametrize(
    ("limit", "healthy", "allowed"),
    [
        ({"maxUnavailable": 1}, 3, 1),
        ({"maxUnavailable": 1}, 2, 0),
        ({"maxUnavailable": "34%"}, 3, 2),  # rounded up: 1.02 pods are two
        ({"minAvailable": "50%"}, 3, 1),
        ({"minAvailable": 0}, 2, 2),
        ({"maxUnavailable": "100%"}, 3, 3),
    ],
)
def test_a_budget_is_of_what_the_controllers_want(limit: JSON, healthy: int, allowed: int) -> None:
    pods = []
    for number in range(3):
        one = pod()
        owner = {"apiVersion": "apps/v1", "kind": "StatefulSet", "uid": "s", "controller": True}
        one["metadata"]["ownerReferences"] = [owner]
        value = "True" if number < healthy else "False"
        one["status"] = {"phase": "Running", "conditions": [{"type": "Ready", "status": value}]}
        pods.append(one)
    budget = {"metadata": {"name": "b", "generation": 1}, "spec": limit}
    plan = plan_budget(budget, pods, lambda _pod: ("s", 3), WALL)
    assert plan.status is not None
    assert plan.status["status"]["disruptionsAllowed"] == allowed
