"""The ReplicaSet controller's decisions: so many pods, and which go when there are too many."""

from __future__ import annotations

from collections.abc import Sequence

from druid_operator.pkg.envtest.dataplane import podfacts
from druid_operator.pkg.envtest.dataplane.plan import Moment, Plan, with_status
from druid_operator.pkg.meta import JSON, is_controlled_by


def plan_replicaset(rs: JSON, pods: Sequence[JSON], moment: Moment) -> Plan:
    """One pass over a set.

    Args:
        pods: those it controls, and orphans that its selector matches: they are adopted.
    """
    spec, uid = rs["spec"], rs["metadata"]["uid"]
    min_ready = int(spec.get("minReadySeconds") or 0)
    active = [p for p in pods if not podfacts.ended(p) and not podfacts.terminating(p)]
    orphans = [podfacts.adopted(p, rs) for p in pods if not is_controlled_by(p, uid)]
    surplus = len(active) - int(spec.get("replicas", 1))
    create: list[JSON] = []
    delete: list[JSON] = []
    if not podfacts.terminating(rs):
        create = [podfacts.pod_from_template(spec["template"], rs) for _ in range(-surplus)]
        ranked = sorted(active, key=lambda p: _usefulness(p, moment))
        delete = ranked[: max(0, surplus)]
    waits = [
        min_ready - moment.age(p["metadata"]["uid"])
        for p in active
        if podfacts.ready(p) and not podfacts.available(p, min_ready, moment)
    ]
    return Plan(
        create=create,
        update=orphans,
        delete=delete,
        status=with_status(rs, _status(rs, pods, active, min_ready, moment)),
        requeue_after=min(waits, default=None),
    )


def _usefulness(pod: JSON, moment: Moment) -> tuple[bool, bool, bool, float]:
    """Least useful first: unscheduled, not running, not ready, ready only for a short time."""
    return (
        "nodeName" in pod["spec"],
        podfacts.phase(pod) == "Running",
        podfacts.ready(pod),
        moment.age(pod["metadata"]["uid"]),
    )


def _status(
    rs: JSON, pods: Sequence[JSON], active: Sequence[JSON], min_ready: int, moment: Moment
) -> JSON:
    wanted = (rs["spec"]["template"].get("metadata") or {}).get("labels") or {}

    def labelled(pod: JSON) -> bool:
        return wanted.items() <= (pod["metadata"].get("labels") or {}).items()

    counts = {
        "fullyLabeledReplicas": sum(map(labelled, active)),
        "readyReplicas": sum(map(podfacts.ready, active)),
        "availableReplicas": sum(podfacts.available(p, min_ready, moment) for p in active),
    }
    ending = [p for p in pods if podfacts.terminating(p) and not podfacts.ended(p)]
    return {
        "replicas": len(active),
        **{name: count for name, count in counts.items() if count},
        "terminatingReplicas": len(ending),
        "observedGeneration": rs["metadata"].get("generation", 1),
    }
