"""Deployments, the same on a real control plane and on the simulated data plane."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from druid_operator.pkg.meta import JSON
from druid_operator.pkg.scheme.builtin import DEPLOYMENT, POD, REPLICA_SET

Make = Callable[..., JSON]


def conditions(deployment: JSON) -> dict[str, tuple[str, str, str]]:
    return {
        c["type"]: (c["status"], c["reason"], c["message"])
        for c in deployment["status"]["conditions"]
    }


async def until_reason(workloads: Any, name: str, reason: str) -> JSON:
    """Wait for the Progressing condition to give this reason."""

    async def said() -> JSON:
        deployment: JSON = await workloads.get(DEPLOYMENT, name)
        assert conditions(deployment)["Progressing"][1] == reason, deployment["status"]
        return deployment

    found: JSON = await workloads.until(said, f"{name}: {reason}")
    return found


async def test_becomes_available(workloads: Any, deployment: Make) -> None:
    await workloads.create(deployment("web", 3))
    await workloads.until_status(DEPLOYMENT, "web", availableReplicas=3)
    web = await until_reason(workloads, "web", "NewReplicaSetAvailable")
    (rs,) = await workloads.list(REPLICA_SET)
    digest = rs["metadata"]["labels"]["pod-template-hash"]
    status = {k: v for k, v in web["status"].items() if k != "conditions"}
    assert status == {
        "observedGeneration": 1,
        "replicas": 3,
        "updatedReplicas": 3,
        "readyReplicas": 3,
        "availableReplicas": 3,
        "terminatingReplicas": 0,
    }
    said = f'ReplicaSet "web-{digest}" has successfully progressed.'
    assert conditions(web) == {
        "Available": ("True", "MinimumReplicasAvailable", "Deployment has minimum availability."),
        "Progressing": ("True", "NewReplicaSetAvailable", said),
    }
    assert web["metadata"]["annotations"] == {"deployment.kubernetes.io/revision": "1"}
    assert rs["metadata"]["name"] == f"web-{digest}"
    assert rs["metadata"]["annotations"] == {
        "deployment.kubernetes.io/desired-replicas": "3",
        "deployment.kubernetes.io/max-replicas": "4",
        "deployment.kubernetes.io/revision": "1",
    }
    assert rs["status"] == {
        "observedGeneration": 1,
        "replicas": 3,
        "fullyLabeledReplicas": 3,
        "readyReplicas": 3,
        "availableReplicas": 3,
        "terminatingReplicas": 0,
    }
    for name, pod in (await workloads.pods("web")).items():
        assert name.startswith(f"web-{digest}-")
        assert pod["metadata"]["labels"]["pod-template-hash"] == digest


async def test_rolling_update_ends_with_one_populated_replicaset(
    workloads: Any, deployment: Make
) -> None:
    await workloads.create(deployment("web", 4))
    await workloads.until_status(DEPLOYMENT, "web", availableReplicas=4)
    old = await workloads.uids("web")
    await workloads.set_image(DEPLOYMENT, "web", "app:2")
    web = await workloads.until_status(
        DEPLOYMENT, "web", replicas=4, updatedReplicas=4, availableReplicas=4
    )
    assert web["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "2"
    sizes = {rs["spec"]["replicas"] for rs in await workloads.list(REPLICA_SET)}
    assert sizes == {0, 4}
    new = await workloads.uids("web")
    assert len(new) == 4
    assert not set(new.values()) & set(old.values())


async def test_a_broken_update_keeps_the_old_pods_and_times_out(
    workloads: Any, deployment: Make
) -> None:
    """25 % of four: one more pod than wanted, one fewer available."""
    await workloads.create(deployment("web", 4, progressDeadlineSeconds=1))
    await workloads.until_status(DEPLOYMENT, "web", availableReplicas=4)
    await workloads.set_image(DEPLOYMENT, "web", "app:2-never-ready")
    await until_reason(workloads, "web", "ProgressDeadlineExceeded")
    # The deadline is one second: on a busy machine it passes before the last pod has moved.
    web = await workloads.until_status(
        DEPLOYMENT, "web", replicas=5, updatedReplicas=2, readyReplicas=3, terminatingReplicas=0
    )
    status = {k: v for k, v in web["status"].items() if k != "conditions"}
    assert status == {
        "observedGeneration": 2,
        "replicas": 5,
        "updatedReplicas": 2,
        "readyReplicas": 3,
        "availableReplicas": 3,
        "unavailableReplicas": 2,
        "terminatingReplicas": 0,
    }
    assert conditions(web)["Available"][0] == "True"
    await workloads.set_image(DEPLOYMENT, "web", "app:1")
    await workloads.until_status(
        DEPLOYMENT, "web", replicas=4, updatedReplicas=4, availableReplicas=4
    )
    await until_reason(workloads, "web", "NewReplicaSetAvailable")


async def test_surge_and_unavailability_bound_a_rollout(workloads: Any, deployment: Make) -> None:
    strategy = {
        "type": "RollingUpdate",
        "rollingUpdate": {"maxSurge": 0, "maxUnavailable": "50%"},
    }
    await workloads.create(deployment("web", 4, strategy=strategy))
    await workloads.until_status(DEPLOYMENT, "web", availableReplicas=4)
    await workloads.set_image(DEPLOYMENT, "web", "app:2-never-ready")
    await workloads.until_status(
        DEPLOYMENT, "web", replicas=4, updatedReplicas=2, availableReplicas=2
    )


async def test_recreate_lets_no_old_pod_live_beside_a_new_one(
    workloads: Any, deployment: Make
) -> None:
    await workloads.create(deployment("web", 2, strategy={"type": "Recreate"}))
    await workloads.until_status(DEPLOYMENT, "web", availableReplicas=2)
    await workloads.set_image(DEPLOYMENT, "web", "app:2-never-ready")
    web = await workloads.until_status(
        DEPLOYMENT, "web", replicas=2, updatedReplicas=2, availableReplicas=0
    )
    available = conditions(web)["Available"]
    assert available[:2] == ("False", "MinimumReplicasUnavailable")


async def test_scales_up_and_down_without_a_new_revision(workloads: Any, deployment: Make) -> None:
    await workloads.create(deployment("web", 1))
    await workloads.until_status(DEPLOYMENT, "web", availableReplicas=1)
    old = await workloads.uids("web")
    await workloads.change(DEPLOYMENT, "web", {"spec": {"replicas": 3}})
    await workloads.until_status(DEPLOYMENT, "web", availableReplicas=3)
    assert (await workloads.uids("web")).items() >= old.items()
    await workloads.change(DEPLOYMENT, "web", {"spec": {"replicas": 0}})
    web = await workloads.until_status(DEPLOYMENT, "web", replicas=0)
    assert "replicas" not in web["status"]
    assert len(await workloads.list(REPLICA_SET)) == 1


async def test_a_paused_deployment_rolls_nothing_until_it_is_resumed(
    workloads: Any, deployment: Make
) -> None:
    await workloads.create(deployment("web", 2))
    await workloads.until_status(DEPLOYMENT, "web", availableReplicas=2)
    await workloads.change(DEPLOYMENT, "web", {"spec": {"paused": True}})
    await until_reason(workloads, "web", "DeploymentPaused")
    await workloads.set_image(DEPLOYMENT, "web", "app:2")
    await workloads.until_status(DEPLOYMENT, "web", updatedReplicas=0, availableReplicas=2)
    await workloads.change(DEPLOYMENT, "web", {"spec": {"paused": None}})
    await workloads.until_status(DEPLOYMENT, "web", updatedReplicas=2, availableReplicas=2)


async def test_going_back_uses_the_old_replicaset_under_a_new_number(
    workloads: Any, deployment: Make
) -> None:
    await workloads.create(deployment("web", 1))
    await workloads.until_status(DEPLOYMENT, "web", availableReplicas=1)
    (first,) = await workloads.list(REPLICA_SET)
    for image in ("app:2", "app:1"):
        await workloads.set_image(DEPLOYMENT, "web", image)
        web = await workloads.until_status(
            DEPLOYMENT, "web", replicas=1, updatedReplicas=1, availableReplicas=1
        )
    assert web["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "3"
    sets = await workloads.list(REPLICA_SET)
    assert len(sets) == 2
    (now,) = [rs for rs in sets if rs["spec"]["replicas"]]
    assert now["metadata"]["uid"] == first["metadata"]["uid"]


async def test_deleting_in_the_foreground_ends_with_the_owner(
    workloads: Any, deployment: Make
) -> None:
    await workloads.create(deployment("web", 2))
    await workloads.until_status(DEPLOYMENT, "web", availableReplicas=2)
    await workloads.delete(DEPLOYMENT, "web", propagation="Foreground")
    await workloads.until_gone(DEPLOYMENT, "web")
    assert await workloads.list(REPLICA_SET) == []
    assert await workloads.list(POD) == []
