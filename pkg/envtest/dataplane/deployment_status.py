"""A Deployment's status: counts over its ReplicaSets, and its two conditions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from druid_operator.pkg.envtest.dataplane.plan import Moment
from druid_operator.pkg.meta import JSON

# apps/v1's default, and the value that means "no deadline".
PROGRESS_DEADLINE = 600
NO_DEADLINE = 2**31 - 1
COMPLETE, UPDATED, TIMED_OUT = (
    "NewReplicaSetAvailable",
    "ReplicaSetUpdated",
    "ProgressDeadlineExceeded",
)


def rollout_status(
    deployment: JSON,
    *,
    new: JSON | None,
    replicasets: Sequence[JSON],
    min_available: int,
    moment: Moment,
) -> tuple[JSON, float | None]:
    """The new status, and in how many seconds the progress deadline must be looked at again."""
    before: Mapping[str, Any] = deployment.get("status") or {}
    counts = _counts(deployment, new, replicasets)
    conditions = {c["type"]: c for c in before.get("conditions") or ()}
    enough = counts["availableReplicas"] >= min_available
    conditions["Available"] = _condition(
        conditions.get("Available"),
        "Available",
        "True" if enough else "False",
        "MinimumReplicasAvailable" if enough else "MinimumReplicasUnavailable",
        f"Deployment {'has' if enough else 'does not have'} minimum availability.",
        moment.wall,
    )
    deadline = deployment["spec"].get("progressDeadlineSeconds", PROGRESS_DEADLINE)
    requeue = None
    if deadline == NO_DEADLINE:
        conditions.pop("Progressing", None)
    else:
        waited = moment.age(deployment["metadata"]["uid"])
        progressing = _progressing(deployment, before, counts, new, waited >= deadline, moment.wall)
        if progressing is not None:
            conditions["Progressing"] = progressing
            if progressing["reason"] not in (COMPLETE, TIMED_OUT):
                requeue = max(deadline - waited, 0.0)
    status: JSON = {
        "observedGeneration": deployment["metadata"].get("generation", 1),
        **{name: count for name, count in counts.items() if count},
        "terminatingReplicas": _total(replicasets, "terminatingReplicas"),
        "conditions": [conditions[kind] for kind in sorted(conditions)],
    }
    if "collisionCount" in before:
        status["collisionCount"] = before["collisionCount"]
    return status, requeue


def made_progress(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Whether the rollout moved or its condition says something new: the deadline starts again."""

    def updated(status: Mapping[str, Any]) -> object:
        found = [c for c in status.get("conditions") or () if c["type"] == "Progressing"]
        return (found[0]["reason"], found[0]["lastUpdateTime"]) if found else None

    return updated(before) != updated(after) or _moved(before, after)


def _counts(deployment: JSON, new: JSON | None, replicasets: Sequence[JSON]) -> dict[str, int]:
    available = _total(replicasets, "availableReplicas")
    wanted = sum(int(rs["spec"].get("replicas", 1)) for rs in replicasets)
    return {
        "replicas": _total(replicasets, "replicas"),
        "updatedReplicas": _total([new] if new else [], "replicas"),
        "readyReplicas": _total(replicasets, "readyReplicas"),
        "availableReplicas": available,
        "unavailableReplicas": max(0, wanted - available),
    }


def _total(replicasets: Sequence[JSON], field: str) -> int:
    return sum(int((rs.get("status") or {}).get(field, 0)) for rs in replicasets)


def _progressing(
    deployment: JSON,
    before: Mapping[str, Any],
    counts: Mapping[str, int],
    new: JSON | None,
    late: bool,
    wall: str,
) -> JSON | None:
    """The Progressing condition; ``None`` while nothing can be said yet."""
    conditions: Sequence[JSON] = before.get("conditions") or ()
    old = next((c for c in conditions if c["type"] == "Progressing"), None)
    subject = f'ReplicaSet "{new["metadata"]["name"]}"' if new else "Deployment"
    if deployment["spec"].get("paused"):
        if old and old["reason"] == TIMED_OUT:
            return old
        paused = ("Unknown", "DeploymentPaused", "Deployment is paused")
        return _condition(old, "Progressing", *paused, wall)
    if old and old["reason"] == COMPLETE and counts["replicas"] == counts["updatedReplicas"]:
        return old  # a completed rollout stays so when pods come and go
    replicas = int(deployment["spec"].get("replicas", 1))
    complete = {counts[c] for c in ("replicas", "updatedReplicas", "availableReplicas")}
    if complete == {replicas} and new is not None:
        said = ("True", COMPLETE, f"{subject} has successfully progressed.")
        return _condition(old, "Progressing", *said, wall)
    if old and old["reason"] == "DeploymentPaused":
        resumed = ("Unknown", "DeploymentResumed", "Deployment is resumed")
        return _condition(old, "Progressing", *resumed, wall)
    if old is None:
        if new is None:
            return None
        said = ("True", "NewReplicaSetCreated", f"Created new replica set {subject.split()[1]}")
        return _condition(None, "Progressing", *said, wall)
    if _moved(before, counts):
        said = ("True", UPDATED, f"{subject} is progressing.")
        return {**_condition(old, "Progressing", *said, wall), "lastUpdateTime": wall}
    if late and old["reason"] not in (COMPLETE, TIMED_OUT):
        said = ("False", TIMED_OUT, f"{subject} has timed out progressing.")
        return _condition(old, "Progressing", *said, wall)
    return old


def _moved(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """More new pods, fewer old ones, or more that are ready or available."""

    def old_pods(status: Mapping[str, Any]) -> int:
        return int(status.get("replicas", 0)) - int(status.get("updatedReplicas", 0))

    return old_pods(after) < old_pods(before) or any(
        after.get(field, 0) > before.get(field, 0)
        for field in ("updatedReplicas", "readyReplicas", "availableReplicas")
    )


def _condition(
    old: Mapping[str, Any] | None, kind: str, value: str, reason: str, message: str, wall: str
) -> JSON:
    """As ``SetDeploymentCondition``: the same status and reason keep the whole old condition."""
    if old and old["status"] == value and old["reason"] == reason:
        return dict(old)
    moved = wall if old is None or old["status"] != value else old["lastTransitionTime"]
    return {
        "type": kind,
        "status": value,
        "lastUpdateTime": wall,
        "lastTransitionTime": moved,
        "reason": reason,
        "message": message,
    }
