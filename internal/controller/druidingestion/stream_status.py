"""What the status says of a supervisor: Druid's words as fields, and the verdict on them. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from druid_operator.internal.controller.druidingestion.reasons import ConditionReason as Reason
from druid_operator.internal.controller.druidingestion.reasons import ConditionType as Type
from druid_operator.internal.druidconn.view import SupervisorFacts
from druid_operator.internal.ingestion.redact import redact_text
from druid_operator.pkg.clock import parse_rfc3339, rfc3339
from druid_operator.pkg.druidapi.types import SupervisorStatus
from druid_operator.pkg.meta import JSON, Condition

#: Seconds between two writes for lag alone.
LAG_PERIOD = 60.0
#: Errors of Druid that the status shows, and characters of each.
MAX_ERRORS = 3
MAX_ERROR_TEXT = 512
#: Seconds that a passing state may last. A consumer that cannot be built leaves a supervisor
#: PENDING and healthy for ever, with errors; after 20 attempts Druid does not even try any more.
PENDING_WITH_ERRORS_SECONDS = 300.0
PASSING_SECONDS = 900.0

_HEALTHY = {"RUNNING": Reason.RUNNING, "IDLE": Reason.IDLE, "COMPLETED": Reason.SUCCEEDED}
_PASSING = ("PENDING", "STOPPING", "")
#: Of automatic compaction, whose scheduler is the cluster's own: it is not on, which is no fault
#: of the supervisor, and nothing is compacted.
_SCHEDULER_OFF = "SCHEDULER_STOPPED"


def supervisor_fields(old: JSON, supervisor: SupervisorFacts, *, now: datetime) -> JSON:
    """Everything but the lag; ``None`` removes a field."""
    if not supervisor.exists:
        gone = (
            "state", "stateSince", "detailedState", "suspended", "lag", "activeTasks",
            "recentErrors",
        )  # fmt: skip
        return dict.fromkeys(gone)
    fields: JSON = {
        "state": supervisor.state,
        "detailedState": supervisor.detailed_state,
        "suspended": supervisor.suspended,
    }
    if old.get("state") != supervisor.state or not old.get("stateSince"):
        fields["stateSince"] = rfc3339(now)
    if supervisor.status is not None:
        fields["activeTasks"] = len(supervisor.status.active_tasks)
        fields["recentErrors"] = _recent_errors(old, supervisor.status)
    return fields


def add_lag(status: JSON, old: JSON, supervisor: SupervisorFacts, *, now: datetime) -> None:
    """A changing lag must not cause a write with each poll, so it goes along with other news, or
    once in a while. A figure that Druid has not measured is none: it says 0 until it knows.
    """
    described = supervisor.status
    if described is None or described.aggregate_lag is None or not described.offsets_updated:
        return
    before: JSON = old.get("lag") or {}
    if before.get("aggregate") == described.aggregate_lag:
        return
    written = before.get("measuredAt")
    is_due = not written or (now - parse_rfc3339(written)).total_seconds() >= LAG_PERIOD
    if is_due or status != old:
        status["lag"] = {"aggregate": described.aggregate_lag, "measuredAt": rfc3339(now)}


def supervisor_conditions(
    status: JSON, supervisor: SupervisorFacts, *, now: datetime
) -> Iterable[Condition]:
    """``Ready``, and why not. ``status``: the new one, for how long the state has lasted."""
    state = supervisor.state
    if supervisor.suspended:
        # By the spec, not by the state: a suspended supervisor whose stream cannot be reached
        # never gets the state SUSPENDED.
        yield Condition(Type.READY, "True", Reason.SUSPENDED, "suspended, as declared")
    elif supervisor.failing:
        words = f"Druid reports {state}, healthy, but its tasks fail: {supervisor.failing}"
        yield Condition(Type.READY, "False", Reason.TASKS_FAILING, redact_text(words))
    elif supervisor.healthy and state in _HEALTHY:
        yield Condition(Type.READY, "True", _HEALTHY[state], f"Druid reports {state}, healthy")
    elif state in _PASSING or (supervisor.healthy and state == "SUSPENDED"):
        yield from _passing(status, supervisor, now=now)
    elif state == _SCHEDULER_OFF:
        words = "Druid's scheduler of compaction supervisors is off (useSupervisors)"
        yield Condition(Type.READY, "False", Reason.UNHEALTHY, words)
        yield Condition(Type.STALLED, "True", Reason.UNHEALTHY, words)
    else:
        yield Condition(Type.READY, "False", Reason.UNHEALTHY, _unhealthy(supervisor))


def _passing(status: JSON, supervisor: SupervisorFacts, *, now: datetime) -> Iterable[Condition]:
    state = supervisor.state or "no state yet"
    lasted = (now - parse_rfc3339(status["stateSince"])).total_seconds()
    errors = supervisor.status.recent_errors if supervisor.status else ()
    limit = PENDING_WITH_ERRORS_SECONDS if errors else PASSING_SECONDS
    if lasted < limit:
        message = f"Druid reports {state}"
        yield Condition(Type.READY, "False", Reason.STARTING, message)
        yield Condition(Type.RECONCILING, "True", Reason.STARTING, message)
        return
    message = f"Druid reports {state} since {status['stateSince']}"
    if errors:
        message += f": {_newest(supervisor)}"
    yield Condition(Type.READY, "False", Reason.STUCK, message)
    yield Condition(Type.STALLED, "True", Reason.STUCK, message)


def _unhealthy(supervisor: SupervisorFacts) -> str:
    words = f"Druid reports {supervisor.state}, {supervisor.detailed_state}"
    newest = _newest(supervisor)
    return f"{words}: {newest}" if newest else words


def _newest(supervisor: SupervisorFacts) -> str:
    errors = supervisor.status.recent_errors if supervisor.status else ()
    return redact_text(errors[-1].message)[:MAX_ERROR_TEXT] if errors else ""


def _recent_errors(old: JSON, status: SupervisorStatus) -> list[JSON]:
    """A failing supervisor repeats itself every few seconds: only new words are worth a write."""
    errors = [
        {
            "timestamp": error.timestamp,
            "exceptionClass": error.exception,
            "message": redact_text(error.message)[:MAX_ERROR_TEXT],
        }
        for error in status.recent_errors
    ]
    latest = list({(e["exceptionClass"], e["message"]): e for e in errors}.values())[-MAX_ERRORS:]
    known: list[JSON] = old.get("recentErrors") or []
    return known if _words(known) == _words(latest) else latest


def _words(errors: Iterable[JSON]) -> list[tuple[str, str]]:
    return [(e.get("exceptionClass", ""), e.get("message", "")) for e in errors]
