"""Pods, claims and budgets, the same on a real control plane and on the simulated data plane."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from druid_operator.pkg.client import merge_patch
from druid_operator.pkg.meta import JSON
from druid_operator.pkg.scheme.builtin import (
    PERSISTENT_VOLUME,
    PERSISTENT_VOLUME_CLAIM,
    POD,
    POD_DISRUPTION_BUDGET,
    STATEFUL_SET,
)

Make = Callable[..., JSON]


def ready(pod: JSON) -> str:
    conditions = pod["status"].get("conditions") or ()
    return next((c["status"] for c in conditions if c["type"] == "Ready"), "")


def waiting(pod: JSON) -> tuple[str, int]:
    """Why the container waits, and how often it was restarted."""
    (container,) = pod["status"].get("containerStatuses") or ({},)
    reason = container.get("state", {}).get("waiting", {}).get("reason", "")
    return reason, container.get("restartCount", 0)


async def until_pod(workloads: Any, name: str, holds: Callable[[JSON], bool]) -> JSON:
    async def reached() -> JSON:
        pod: JSON = await workloads.get(POD, name)
        assert holds(pod), pod["status"]
        return pod

    found: JSON = await workloads.until(reached, name)
    return found


async def test_never_ready_by_its_image(workloads: Any, statefulset: Make) -> None:
    await workloads.create(statefulset("db", 2, "app:1-never-ready"))
    pod = await until_pod(workloads, "db-0", lambda p: p["status"]["phase"] == "Running")
    assert ready(pod) == "False"
    assert sorted(await workloads.pods("db")) == ["db-0"]


async def test_never_ready_by_its_annotation(workloads: Any, statefulset: Make) -> None:
    annotations = {"test/never-ready": "true"}
    await workloads.create(statefulset("db", 1, annotations=annotations))
    pod = await until_pod(workloads, "db-0", lambda p: p["status"]["phase"] == "Running")
    assert ready(pod) == "False"


async def test_ready_only_after_a_while(workloads: Any, statefulset: Make) -> None:
    await workloads.create(statefulset("db", 1, annotations={"test/ready-after": "1s"}))
    await until_pod(
        workloads, "db-0", lambda p: p["status"]["phase"] == "Running" and ready(p) == "False"
    )
    await workloads.until_status(STATEFUL_SET, "db", readyReplicas=1)


async def test_crash_loop_counts_restarts(workloads: Any, statefulset: Make) -> None:
    await workloads.create(statefulset("db", 1, "app:1-crash-loop"))
    pod = await until_pod(workloads, "db-0", lambda p: waiting(p)[1] >= 1)
    assert waiting(pod)[0] == "CrashLoopBackOff"
    assert ready(pod) == "False"


async def test_an_image_that_cannot_be_pulled_stays_pending(
    workloads: Any, statefulset: Make
) -> None:
    await workloads.create(statefulset("db", 1, "app:1-pull-fail"))
    pod = await until_pod(workloads, "db-0", lambda p: waiting(p)[0] == "ImagePullBackOff")
    assert (pod["status"]["phase"], ready(pod)) == ("Pending", "False")


async def test_a_slow_end_holds_the_name_back(workloads: Any, statefulset: Make) -> None:
    await workloads.create(statefulset("db", 1, annotations={"test/delete-after": "1s"}))
    await workloads.until_status(STATEFUL_SET, "db", readyReplicas=1)
    old = await workloads.get(POD, "db-0")
    await workloads.delete(POD, "db-0")
    ending = await workloads.get(POD, "db-0")
    assert ending["metadata"]["uid"] == old["metadata"]["uid"]
    assert "deletionTimestamp" in ending["metadata"]
    await until_pod(workloads, "db-0", lambda p: p["metadata"]["uid"] != old["metadata"]["uid"])


async def test_a_test_may_set_a_pods_readiness_itself(workloads: Any, statefulset: Make) -> None:
    await workloads.create(statefulset("db", 1, "app:1-never-ready"))
    await until_pod(workloads, "db-0", lambda p: p["status"]["phase"] == "Running")
    for value, expected in (("True", 1), ("False", 0)):
        condition = {"type": "Ready", "status": value, "reason": "SetByTest"}
        await workloads.env.client.patch(
            POD,
            workloads.key("db-0"),
            merge_patch({"status": {"conditions": [condition]}}),
            subresource="status",
        )
        await workloads.until_status(STATEFUL_SET, "db", readyReplicas=expected)


async def test_a_claim_grows(workloads: Any, statefulset: Make) -> None:
    await workloads.create(statefulset("db", 1))
    await workloads.until_status(STATEFUL_SET, "db", readyReplicas=1)
    request = {"resources": {"requests": {"storage": "2Gi"}}}
    await workloads.change(PERSISTENT_VOLUME_CLAIM, "data-db-0", {"spec": request})

    async def grown() -> bool:
        claim = await workloads.get(PERSISTENT_VOLUME_CLAIM, "data-db-0")
        return bool(claim["status"]["capacity"]["storage"] == "2Gi")

    await workloads.until(grown)


async def test_a_claim_in_use_outlives_its_deletion(workloads: Any, statefulset: Make) -> None:
    await workloads.create(statefulset("db", 1))
    await workloads.until_status(STATEFUL_SET, "db", readyReplicas=1)
    claim = await workloads.get(PERSISTENT_VOLUME_CLAIM, "data-db-0")
    await workloads.delete(PERSISTENT_VOLUME_CLAIM, "data-db-0")
    held = await workloads.get(PERSISTENT_VOLUME_CLAIM, "data-db-0")
    assert "deletionTimestamp" in held["metadata"]
    await workloads.delete(STATEFUL_SET, "db", propagation="Background")
    await workloads.until_gone(PERSISTENT_VOLUME_CLAIM, "data-db-0")

    async def reclaimed() -> bool:
        volumes = await workloads.env.client.list(PERSISTENT_VOLUME)
        return claim["spec"]["volumeName"] not in {v["metadata"]["name"] for v in volumes}

    await workloads.until(reclaimed)


async def test_a_claim_of_an_unknown_class_stays_pending_and_so_does_its_pod(
    workloads: Any, statefulset: Make
) -> None:
    sts = statefulset("db", 1)
    sts["spec"]["volumeClaimTemplates"][0]["spec"]["storageClassName"] = "none-such"
    await workloads.create(sts)

    async def unschedulable() -> bool:
        pod = await workloads.get(POD, "db-0")
        conditions = pod["status"].get("conditions") or ()
        return any(
            c["type"] == "PodScheduled" and (c["status"], c["reason"]) == ("False", "Unschedulable")
            for c in conditions
        )

    await workloads.until(unschedulable)
    claim = await workloads.get(PERSISTENT_VOLUME_CLAIM, "data-db-0")
    assert claim["status"]["phase"] == "Pending"


@pytest.mark.parametrize(
    ("limit", "allowed", "desired"),
    [
        ({"maxUnavailable": 1}, 1, 3),
        ({"maxUnavailable": "50%"}, 2, 2),
        ({"minAvailable": 4}, 0, 4),
        ({"minAvailable": "30%"}, 2, 2),
    ],
)
async def test_a_budget_counts_what_may_go(
    workloads: Any, statefulset: Make, limit: JSON, allowed: int, desired: int
) -> None:
    await workloads.create(statefulset("db", 4, podManagementPolicy="Parallel"))
    await workloads.until_status(STATEFUL_SET, "db", readyReplicas=4)
    selector = {"matchLabels": {"app": "db"}}
    await workloads.create(
        {
            "apiVersion": "policy/v1",
            "kind": "PodDisruptionBudget",
            "metadata": {"name": "db"},
            "spec": {**limit, "selector": selector},
        }
    )
    pdb = await workloads.until_status(
        POD_DISRUPTION_BUDGET, "db", currentHealthy=4, desiredHealthy=desired, expectedPods=4
    )
    assert pdb["status"]["disruptionsAllowed"] == allowed
    (condition,) = pdb["status"]["conditions"]
    said = (condition["type"], condition["status"], condition["reason"])
    value, reason = ("True", "SufficientPods") if allowed else ("False", "InsufficientPods")
    assert said == ("DisruptionAllowed", value, reason)
