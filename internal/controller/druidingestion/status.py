"""The status of a ``DruidIngestion``: a pure function of what a pass found out.

Laws: the same facts give the same status, so a quiet ingestion causes no write; lag alone causes
one at most once a minute; what is not known in this pass keeps its last value; the Go operator's
keys stay filled, in its form; nothing secret gets in.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from druid_operator.internal.controller.druidingestion.facts import Facts, Trouble
from druid_operator.internal.controller.druidingestion.memory import write_runs
from druid_operator.internal.controller.druidingestion.reasons import ConditionReason as Reason
from druid_operator.internal.controller.druidingestion.reasons import ConditionType as Type
from druid_operator.internal.druidconn.view import SupervisorFacts
from druid_operator.internal.ingestion.redact import redact_text
from druid_operator.internal.ingestion.runs import Run
from druid_operator.pkg.clock import parse_rfc3339, rfc3339
from druid_operator.pkg.druidapi.types import SupervisorStatus
from druid_operator.pkg.meta import JSON, Condition
from druid_operator.pkg.meta.conditions import ConditionStatus, set_conditions

#: Seconds between two writes for lag alone.
LAG_PERIOD = 60.0
#: Errors of Druid that the status shows, and characters of each.
MAX_ERRORS = 3
MAX_ERROR_TEXT = 512

_HEALTHY = {"RUNNING": Reason.RUNNING, "IDLE": Reason.IDLE, "COMPLETED": Reason.SUCCEEDED}
_STARTING = ("PENDING", "STOPPING", "")


def build_status(ingestion: JSON, facts: Facts, *, now: datetime) -> JSON:
    """The whole new status; ``now`` is used where something changed."""
    old: JSON = ingestion.get("status") or {}
    status = {**old, **facts.remember}
    generation = ingestion["metadata"].get("generation", 0)
    status["observedGeneration"] = generation
    if facts.desired is not None and facts.desired.data_source:
        status["dataSource"] = facts.desired.data_source
    if facts.supervisor is not None:
        status |= _supervisor_fields(old, facts.supervisor)
    elif facts.runs:
        status["runs"] = write_runs(facts.runs)
        status["state"] = _run_state(facts.runs[0])
    if facts.desired is not None and facts.desired.runs != "supervisor":
        status["suspended"] = facts.desired.suspended
    status["conditions"] = set_conditions(
        old.get("conditions"),
        _conditions(facts),
        now=rfc3339(now),
        observed_generation=generation,
        only_if_given=(Type.RECONCILING, Type.STALLED, Type.PAUSED),
    )
    status = {key: value for key, value in status.items() if value not in (None, [], {})}
    if facts.supervisor is not None:
        _add_lag(status, old, facts.supervisor, now=now)
    return status


def paused_status(ingestion: JSON, *, message: str, now: datetime) -> JSON:
    """The last status with ``Paused``: nothing else is known while nothing is looked at."""
    return _with(ingestion, Condition(Type.PAUSED, "True", Reason.IGNORED, message), now)


def deleting_status(ingestion: JSON, *, message: str, now: datetime) -> JSON:
    """The last status, not ready any more."""
    return _with(ingestion, Condition(Type.READY, "False", Reason.DELETING, message), now)


def _supervisor_fields(old: JSON, supervisor: SupervisorFacts) -> JSON:
    if not supervisor.exists:
        gone = ("state", "detailedState", "suspended", "lag", "activeTasks", "recentErrors")
        return dict.fromkeys(gone)
    fields: JSON = {
        "state": supervisor.state,
        "detailedState": supervisor.detailed_state,
        "suspended": supervisor.suspended,
    }
    if supervisor.status is not None:
        fields["activeTasks"] = len(supervisor.status.active_tasks)
        fields["recentErrors"] = _recent_errors(old, supervisor.status)
    return fields


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


def _add_lag(status: JSON, old: JSON, supervisor: SupervisorFacts, *, now: datetime) -> None:
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


def _run_state(run: Run) -> str:
    words = {"Chosen": "PENDING", "Running": "RUNNING", "Succeeded": "SUCCESS", "Failed": "FAILED"}
    return words.get(run.state, run.state.upper())


def _conditions(facts: Facts) -> Iterable[Condition]:
    trouble = facts.trouble
    if trouble is not None:
        yield from _troubled(trouble)
    elif facts.supervisor is not None:
        yield from _streaming(facts.supervisor)
    elif facts.suspended:
        yield Condition(Type.READY, "True", Reason.SUSPENDED, "suspended, as declared")
    elif facts.runs:
        yield from _batch(facts.runs[0])
    if facts.synced is not None:
        if facts.synced:
            yield Condition(Type.SYNCED, "True", Reason.IN_SYNC, "Druid has this document")
        else:
            reason = trouble.reason if trouble else Reason.OUT_OF_SYNC
            yield Condition(Type.SYNCED, "False", reason, trouble.message if trouble else "")
    elif trouble is not None and trouble.unknown:
        yield Condition(Type.SYNCED, "Unknown", trouble.reason, trouble.message)


def _troubled(trouble: Trouble) -> Iterable[Condition]:
    ready: ConditionStatus = "Unknown" if trouble.unknown else "False"
    yield Condition(Type.READY, ready, trouble.reason, trouble.message)
    doing = Type.STALLED if trouble.stalled else Type.RECONCILING
    yield Condition(doing, "True", trouble.reason, trouble.message)


def _streaming(supervisor: SupervisorFacts) -> Iterable[Condition]:
    state = supervisor.state
    if supervisor.suspended:
        # By the spec, not by the state: a suspended supervisor whose stream cannot be reached
        # never gets the state SUSPENDED.
        yield Condition(Type.READY, "True", Reason.SUSPENDED, "suspended, as declared")
    elif supervisor.healthy and state in _HEALTHY:
        yield Condition(Type.READY, "True", _HEALTHY[state], f"Druid reports {state}, healthy")
    elif state in _STARTING or (supervisor.healthy and state == "SUSPENDED"):
        message = f"Druid reports {state or 'no state yet'}"
        yield Condition(Type.READY, "False", Reason.STARTING, message)
        yield Condition(Type.RECONCILING, "True", Reason.STARTING, message)
    else:
        yield Condition(Type.READY, "False", Reason.UNHEALTHY, _unhealthy(supervisor))


def _unhealthy(supervisor: SupervisorFacts) -> str:
    words = f"Druid reports {supervisor.state}, {supervisor.detailed_state}"
    errors = supervisor.status.recent_errors if supervisor.status else ()
    if errors:
        words += f": {redact_text(errors[-1].message)[:MAX_ERROR_TEXT]}"
    return words


def _batch(run: Run) -> Iterable[Condition]:
    if run.state == "Succeeded":
        yield Condition(Type.READY, "True", Reason.SUCCEEDED, f"task {run.task_id} succeeded")
    elif run.state in ("Failed", "Lost"):
        reason = Reason.FAILED if run.state == "Failed" else Reason.LOST
        detail = redact_text(run.error)[:MAX_ERROR_TEXT] or "Druid has forgotten it"
        yield from _troubled(Trouble(reason, f"task {run.task_id}: {detail}", stalled=True))
    else:
        words = "is chosen" if run.state == "Chosen" else "is running"
        yield Condition(Type.READY, "False", Reason.STARTING, f"task {run.task_id} {words}")
        yield Condition(Type.RECONCILING, "True", Reason.STARTING, f"task {run.task_id} {words}")


def _with(ingestion: JSON, condition: Condition, now: datetime) -> JSON:
    old: JSON = ingestion.get("status") or {}
    generation = ingestion["metadata"].get("generation", 0)
    conditions = set_conditions(
        old.get("conditions"), [condition], now=rfc3339(now), observed_generation=generation
    )
    return {**old, "observedGeneration": generation, "conditions": conditions}
