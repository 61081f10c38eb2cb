"""The events of the Druid controller; reasons are the Go operator's where they mean the same."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import StrEnum

from druid_operator.internal.controller.druid.components import WAITS_FOR
from druid_operator.internal.controller.druid.failures import is_race
from druid_operator.internal.controller.reporting import Event
from druid_operator.pkg.apply import Outcome, Result, Verb
from druid_operator.pkg.errors import OutcomeUnknown
from druid_operator.pkg.meta import JSON
from druid_operator.pkg.meta.conditions import find_condition


class EventReason(StrEnum):
    """The closed set."""

    CREATED = "DruidOperatorCreateSuccess"
    CREATE_FAILED = "DruidOperatorCreateFail"
    UPDATED = "DruidOperatorUpdateSuccess"
    UPDATE_FAILED = "DruidOperatorUpdateFail"
    DELETED = "DruidOperatorDeleteSuccess"
    DELETE_FAILED = "DruidOperatorDeleteFail"
    INVALID_SPEC = "DruidOperatorInvalidSpec"
    ROLLOUT_WAITS = "DruidNodeRollingDeployWait"
    FINALIZER_TRIGGERED = "DruidOperatorFinalizerTriggered"
    FINALIZER_SUCCEEDED = "DruidFinalizerSuccess"
    FINALIZER_FAILED = "DruidFinalizerFailed"
    PAUSED = "DruidOperatorPaused"


_DONE = {
    Result.CREATED: (EventReason.CREATED, "Create", "Created"),
    Result.APPLIED: (EventReason.UPDATED, "Update", "Updated"),
    Result.DELETED: (EventReason.DELETED, "Delete", "Deleted"),
}
_FAILED = {
    Verb.CREATE: (EventReason.CREATE_FAILED, "Create"),
    Verb.DELETE: (EventReason.DELETE_FAILED, "Delete"),
}


def events_of(outcomes: Iterable[Outcome]) -> Iterator[Event]:
    """One event per write and per failure.

    A lost race is none, the pass is repeated at once; and where the answer was lost, nobody knows
    yet whether it failed.
    """
    for outcome in outcomes:
        action = outcome.action
        what = f"{action.id.resource.kind} {action.id.key.name}"
        if isinstance(outcome.error, OutcomeUnknown) or (
            outcome.error is not None and is_race(outcome.error)
        ):
            continue
        if outcome.error is not None:
            reason, tried = _FAILED.get(action.verb, (EventReason.UPDATE_FAILED, "Update"))
            yield Event("Warning", reason, tried, f"{what}: {outcome.error}")
        elif outcome.result in _DONE:
            reason, tried, done = _DONE[outcome.result]
            yield Event("Normal", reason, tried, f"{done} {what}: it {action.reason}")


def transition(old: JSON | None, new: JSON, type_: str) -> JSON | None:
    """The condition, if its reason or message is new: that deserves an event, once."""
    condition = find_condition(new.get("conditions"), type_)
    before = find_condition((old or {}).get("conditions"), type_)
    if condition is None:
        return None
    if before is not None and all(before.get(k) == condition.get(k) for k in ("reason", "message")):
        return None
    return dict(condition)


def waiting_events(old: JSON | None, new: JSON) -> Iterator[Event]:
    """One event when node groups begin to wait for another one."""
    before = {c["name"]: c.get("message") for c in (old or {}).get("components") or ()}
    waiting: dict[str, list[str]] = {}
    for component in new.get("components") or ():
        message = component.get("message") or ""
        if message.startswith(WAITS_FOR) and before.get(component["name"]) != message:
            waiting.setdefault(message, []).append(component["name"])
    for message, names in waiting.items():
        note = f"{', '.join(names)}: {message}"
        yield Event("Normal", EventReason.ROLLOUT_WAITS, "Wait", note)
