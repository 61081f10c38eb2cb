"""The disruption controller's decisions: how many pods a budget lets go at present."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from druid_operator.pkg.envtest.dataplane import podfacts
from druid_operator.pkg.envtest.dataplane.intstr import scaled
from druid_operator.pkg.envtest.dataplane.plan import Plan, with_status
from druid_operator.pkg.meta import JSON, controller_of

#: The uid and the wanted replicas of what a pod belongs to; ``None`` for a pod on its own.
ScaleOf = Callable[[JSON], tuple[str, int] | None]


def plan_budget(budget: JSON, pods: Sequence[JSON], scale_of: ScaleOf, wall: str) -> Plan:
    """The budget's status.

    Args:
        pods: those that its selector matches.
        scale_of: a percentage and ``maxUnavailable`` are of the replicas that the pods' controllers
            want, not of the pods there are.
    """
    spec = budget["spec"]
    expected, desired = len(pods), 0
    minimum, maximum = spec.get("minAvailable"), spec.get("maxUnavailable")
    if isinstance(minimum, int):
        desired = minimum
    else:
        scales = dict(filter(None, (scale_of(p) for p in pods if controller_of(p))))
        expected = sum(scales.values())
        if maximum is not None:
            desired = max(0, expected - scaled(maximum, expected, round_up=True))
        elif minimum is not None:
            desired = scaled(minimum, expected, round_up=True)
    healthy = sum(
        not podfacts.terminating(p) and podfacts.condition_is_true(p, "Ready") for p in pods
    )
    allowed = max(0, healthy - desired) if expected > 0 else 0
    status = _status(budget, healthy, desired, expected, allowed, wall)
    return Plan(status=with_status(budget, status))


def _status(
    budget: JSON, healthy: int, desired: int, expected: int, allowed: int, wall: str
) -> JSON:
    generation = budget["metadata"].get("generation", 1)
    value = "True" if allowed else "False"
    before = (budget.get("status") or {}).get("conditions") or ()
    old = next((c for c in before if c["type"] == "DisruptionAllowed"), None)
    return {
        "observedGeneration": generation,
        "disruptionsAllowed": allowed,
        "currentHealthy": healthy,
        "desiredHealthy": desired,
        "expectedPods": expected,
        "conditions": [
            {
                "type": "DisruptionAllowed",
                "status": value,
                "observedGeneration": generation,
                "lastTransitionTime": old["lastTransitionTime"]
                if old and old["status"] == value
                else wall,
                "reason": "SufficientPods" if allowed else "InsufficientPods",
                "message": "",
            }
        ],
    }
