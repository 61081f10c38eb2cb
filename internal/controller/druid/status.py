"""The status of a ``Druid``: a pure function of what a pass saw and did.

Laws: the same facts give the same status, so a quiet cluster causes no write; what is not known in
this pass (the spec could not be read) keeps its last value; the Go operator's keys stay filled,
for whoever reads them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import attrs

from druid_operator.internal.controller.druid.components import Component
from druid_operator.internal.controller.druid.reasons import ConditionReason as Reason
from druid_operator.internal.controller.druid.reasons import ConditionType as Type
from druid_operator.pkg.apply import ChildId
from druid_operator.pkg.meta import JSON, Condition, Resource
from druid_operator.pkg.meta.conditions import find_condition, set_conditions
from druid_operator.pkg.scheme.builtin import (
    CONFIG_MAP,
    DEPLOYMENT,
    HORIZONTAL_POD_AUTOSCALER,
    INGRESS,
    PERSISTENT_VOLUME_CLAIM,
    POD_DISRUPTION_BUDGET,
    SERVICE,
    STATEFUL_SET,
)

_LISTS: Mapping[str, Resource] = {
    "statefulSets": STATEFUL_SET,
    "deployments": DEPLOYMENT,
    "services": SERVICE,
    "configMaps": CONFIG_MAP,
    "podDisruptionBudgets": POD_DISRUPTION_BUDGET,
    "ingress": INGRESS,
    "hpAutoscalers": HORIZONTAL_POD_AUTOSCALER,
    "persistentVolumeClaims": PERSISTENT_VOLUME_CLAIM,
}
#: Reasons of ``Ready`` that only a cluster has which was complete once.
_WAS_UP = frozenset({Reason.COMPONENTS_READY, Reason.ROLLING_OUT, Reason.COMPONENTS_NOT_READY})
#: A message names so many offenders; the rest is a count.
_MAX_NAMED = 5


@attrs.frozen
class Failure:
    """Why the cluster is not as the spec asks.

    Args:
        reason: of the conditions.
        message: what is wrong and where.
        stalled: no retry will help: the spec or the environment must change.
    """

    reason: Reason
    message: str
    stalled: bool


@attrs.frozen(kw_only=True)
class Facts:
    """What a pass knows at its end.

    Args:
        components: in rollout order; ``None`` when the spec could not be resolved.
        children: what is there now and is ours, by kind and key.
        pods: the cluster's.
        failure: ``None`` if all was written.
    """

    components: tuple[Component, ...] | None = None
    children: Mapping[ChildId, JSON] = attrs.field(factory=dict)
    pods: tuple[JSON, ...] = ()
    failure: Failure | None = None


def build_status(druid: JSON, facts: Facts, *, now: str) -> JSON:
    """The whole new status.

    Args:
        druid: as stored, with its last status.
        now: RFC 3339, used for conditions whose status changes.
    """
    old: JSON = druid.get("status") or {}
    status = dict(old)
    generation = druid["metadata"].get("generation", 0)
    status["observedGeneration"] = generation
    conditions = [*_summary(facts, old), *_domain(facts)]
    status["conditions"] = set_conditions(
        old.get("conditions"), conditions, now=now, observed_generation=generation,
        only_if_given=(Type.RECONCILING, Type.STALLED, Type.PAUSED),
    )  # fmt: skip
    if facts.components is not None:
        ready = sum(c.ready for c in facts.components)
        status["components"] = [_component(c) for c in facts.components]
        status["readyComponents"] = f"{ready}/{len(facts.components)}"
        for key, resource in _LISTS.items():
            status[key] = sorted(id_.key.name for id_ in facts.children if id_.resource == resource)
        status["pods"] = [pod["metadata"]["name"] for pod in facts.pods]
        status["druidNodeStatus"] = _node_status(facts)
    return {key: value for key, value in status.items() if value not in ([], None)}


def paused_status(druid: JSON, *, message: str, now: str) -> JSON:
    """The last status with ``Paused``: nothing else is known while nothing is looked at.

    So its ``observedGeneration`` stays too: a generation that came later was not observed.
    """
    return _with_condition(druid, Condition(Type.PAUSED, "True", Reason.IGNORED, message), now)


def deleting_status(druid: JSON, *, message: str, now: str) -> JSON:
    """The last status, not ready any more."""
    ready = Condition(Type.READY, "False", Reason.DELETING, message)
    generation = druid["metadata"].get("generation", 0)
    return {**_with_condition(druid, ready, now), "observedGeneration": generation}


def _summary(facts: Facts, old: JSON) -> Iterable[Condition]:
    failure, components = facts.failure, facts.components or ()
    waiting = [c for c in components if not c.ready]
    if failure is not None:
        yield Condition(Type.READY, "False", failure.reason, failure.message)
        doing = Type.STALLED if failure.stalled else Type.RECONCILING
        yield Condition(doing, "True", failure.reason, failure.message)
        return
    if not waiting:
        message = f"all {len(components)} node groups are ready"
        yield Condition(Type.READY, "True", Reason.COMPONENTS_READY, message)
        return
    reason, message = _why(waiting, old), _listed(waiting)
    yield Condition(Type.READY, "False", reason, message)
    if reason is not Reason.COMPONENTS_NOT_READY:
        yield Condition(Type.RECONCILING, "True", reason, message)


def _why(waiting: Sequence[Component], old: JSON) -> Reason:
    if any(c.changing for c in waiting):
        return Reason.ROLLING_OUT
    before = find_condition(old.get("conditions"), Type.READY)
    was_up = before is not None and before.get("reason") in _WAS_UP
    # Pods that were there and are not ready any more are no creation.
    if was_up and all(c.progress is not None for c in waiting):
        return Reason.COMPONENTS_NOT_READY
    return Reason.CREATING


def _domain(facts: Facts) -> Iterable[Condition]:
    if facts.components is None:
        return
    missing = [c for c in facts.components if not c.available]
    yield Condition(
        Type.COMPONENTS_AVAILABLE,
        "False" if missing else "True",
        Reason.COMPONENTS_NOT_READY if missing else Reason.COMPONENTS_READY,
        _listed(missing) if missing else "every node group has a ready pod",
    )
    changing = [c for c in facts.components if c.changing]
    yield Condition(
        Type.ROLLOUT_COMPLETE,
        "False" if changing else "True",
        Reason.ROLLING_OUT if changing else Reason.COMPONENTS_READY,
        _listed(changing) if changing else "no change is on its way",
    )


def _listed(components: Sequence[Component]) -> str:
    shown = "; ".join(f"{c.key}: {c.message or 'no pod is ready'}" for c in components[:_MAX_NAMED])
    more = len(components) - _MAX_NAMED
    return f"{shown}; and {more} more" if more > 0 else shown


def _component(component: Component) -> JSON:
    entry: JSON = {
        "name": component.key,
        "nodeType": component.node_type,
        "kind": component.id.resource.kind,
    }
    if component.progress is not None:
        progress = component.progress
        entry |= {
            "desired": progress.desired, "ready": progress.ready, "updated": progress.updated,
        }  # fmt: skip
    return {**entry, "message": component.message} if component.message else entry


def _node_status(facts: Facts) -> JSON:
    """The Go operator's summary: one pod, or ``All``."""
    components = facts.components or ()
    if all(c.ready for c in components):
        kind, node = "DruidClusterReady", "All"
        reason = "All Druid Nodes are in Ready Condition"
    elif changing := next((c for c in components if c.changing), None):
        kind, node = "DruidNodeRollingUpdate", changing.id.key.name
        reason = f"Druid Node [{node}] is Rolling Update"
    else:
        kind = "DruidNodeErrorState"
        node, reason = _first_unready(facts.pods, components)
    return {
        "druidNode": node, "druidNodeConditionStatus": "True",
        "druidNodeConditionType": kind, "reason": reason,
    }  # fmt: skip


def _first_unready(pods: Sequence[JSON], components: Sequence[Component]) -> tuple[str, str]:
    for pod in pods:
        conditions = (pod.get("status") or {}).get("conditions")
        ready = find_condition(conditions, "Ready")
        if ready is not None and ready.get("status") != "True":
            return pod["metadata"]["name"], str(ready.get("reason") or "ContainersNotReady")
    missing = next(c for c in components if not c.ready)
    return missing.id.key.name, missing.message


def _with_condition(druid: JSON, condition: Condition, now: str) -> JSON:
    old: JSON = druid.get("status") or {}
    generation = druid["metadata"].get("generation", 0)
    conditions = set_conditions(
        old.get("conditions"), [condition], now=now, observed_generation=generation
    )
    return {**old, "conditions": conditions}
