"""Status conditions as ``metav1.Condition`` and the verdict that generic tools draw from them.

Laws: a condition's ``lastTransitionTime`` moves only when its ``status`` changes; the list keeps
one entry per type, sorted by type, so that the same facts give the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal

import attrs

ConditionStatus = Literal["True", "False", "Unknown"]

#: ``metav1.Condition.message`` is limited to 32768 characters by the API; people read far less.
MAX_MESSAGE = 2048


@attrs.frozen
class Condition:
    """One condition as it is to be, before it has a transition time.

    Args:
        type: CamelCase.
        status: ``True``, ``False`` or ``Unknown``.
        reason: CamelCase, never empty (the API refuses an empty one).
        message: for people; cut at ``MAX_MESSAGE`` characters.
    """

    type: str
    status: ConditionStatus
    reason: str
    message: str = ""


def find_condition(
    conditions: Iterable[Mapping[str, Any]] | None, type_: str
) -> Mapping[str, Any] | None:
    return next((c for c in conditions or () if c.get("type") == type_), None)


def set_condition(
    conditions: Iterable[Mapping[str, Any]] | None,
    condition: Condition,
    *,
    now: str,
    observed_generation: int,
) -> list[dict[str, Any]]:
    """Return the list with ``condition`` in it; ``now`` (RFC 3339) is used only on a transition."""
    old = find_condition(conditions, condition.type)
    same = old is not None and old.get("status") == condition.status
    new = {
        "type": condition.type,
        "status": condition.status,
        "observedGeneration": observed_generation,
        "lastTransitionTime": old["lastTransitionTime"] if old and same else now,
        "reason": condition.reason,
        "message": condition.message[:MAX_MESSAGE],
    }
    rest = [dict(c) for c in conditions or () if c.get("type") != condition.type]
    return sorted([*rest, new], key=lambda c: str(c["type"]))


def remove_condition(
    conditions: Iterable[Mapping[str, Any]] | None, type_: str
) -> list[dict[str, Any]]:
    return [dict(c) for c in conditions or () if c.get("type") != type_]


def set_conditions(
    old: Iterable[Mapping[str, Any]] | None,
    conditions: Iterable[Condition],
    *,
    now: str,
    observed_generation: int,
    only_if_given: Iterable[str] = (),
) -> list[dict[str, Any]]:
    """Return the list with all of ``conditions`` in it.

    ``only_if_given`` are types that are removed unless they are among ``conditions``: those that
    stand only while they are True. Other types that are not given keep their last word.
    """
    given = list(conditions)
    left_out = set(only_if_given) - {c.type for c in given}
    result = [dict(c) for c in old or () if c.get("type") not in left_out]
    for condition in given:
        result = set_condition(result, condition, now=now, observed_generation=observed_generation)
    return result


KStatus = Literal["Terminating", "InProgress", "Failed", "Current"]


def kstatus(obj: Mapping[str, Any]) -> KStatus:
    """What kstatus (Flux, Argo CD, ``kubectl wait`` users) concludes from an object.

    The order is the library's: deletion, generation, Reconciling, Stalled, Ready. ``Ready=False``
    alone therefore means "in progress for ever": a failure needs ``Stalled=True``.

    Source: sigs.k8s.io/cli-utils, pkg/kstatus README.
    """
    if obj.get("metadata", {}).get("deletionTimestamp"):
        return "Terminating"
    status = obj.get("status") or {}
    generation = obj.get("metadata", {}).get("generation")
    observed = status.get("observedGeneration")
    if observed is not None and generation is not None and observed != generation:
        return "InProgress"
    conditions = status.get("conditions")

    def is_(type_: str, value: str) -> bool:
        found = find_condition(conditions, type_)
        return found is not None and found.get("status") == value

    if is_("Reconciling", "True"):
        return "InProgress"
    if is_("Stalled", "True"):
        return "Failed"
    return "Current" if is_("Ready", "True") else "InProgress"
