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
from druid_operator.internal.controller.druidingestion.stream_status import (
    MAX_ERROR_TEXT,
    add_lag,
    supervisor_conditions,
    supervisor_fields,
)
from druid_operator.internal.ingestion.redact import redact_text
from druid_operator.internal.ingestion.runs import Run
from druid_operator.pkg.clock import rfc3339
from druid_operator.pkg.meta import JSON, Condition
from druid_operator.pkg.meta.conditions import ConditionStatus, set_conditions

_ONLY_WHILE_TRUE = (
    Type.RECONCILING, Type.STALLED, Type.PAUSED, Type.SPEC_HAS_IGNORED_FIELDS,
)  # fmt: skip


def build_status(ingestion: JSON, facts: Facts, *, now: datetime) -> JSON:
    """The whole new status; ``now`` is used where something changed."""
    old: JSON = ingestion.get("status") or {}
    status = {**old, **facts.remember}
    generation = ingestion["metadata"].get("generation", 0)
    status["observedGeneration"] = generation
    if facts.desired is not None and facts.desired.data_source:
        status["dataSource"] = facts.desired.data_source
    if facts.supervisor is not None:
        status |= supervisor_fields(old, facts.supervisor, now=now)
    elif facts.runs:
        status["runs"] = write_runs(facts.runs)
        status["state"] = _run_state(facts.runs[0])
    if facts.desired is not None and facts.desired.runs != "supervisor":
        status["suspended"] = facts.desired.suspended
    status["conditions"] = set_conditions(
        old.get("conditions"),
        _conditions(status, facts, now=now),
        now=rfc3339(now),
        observed_generation=generation,
        only_if_given=_ONLY_WHILE_TRUE,
    )
    status = {key: value for key, value in status.items() if value not in (None, [], {})}
    if facts.supervisor is not None:
        add_lag(status, old, facts.supervisor, now=now)
    return status


def paused_status(ingestion: JSON, *, message: str, now: datetime) -> JSON:
    """The last status with ``Paused``: nothing else is known while nothing is looked at."""
    return _with(ingestion, Condition(Type.PAUSED, "True", Reason.IGNORED, message), now)


def deleting_status(ingestion: JSON, *, message: str, now: datetime) -> JSON:
    """The last status, not ready any more."""
    return _with(ingestion, Condition(Type.READY, "False", Reason.DELETING, message), now)


def _run_state(run: Run) -> str:
    words = {"Chosen": "PENDING", "Running": "RUNNING", "Succeeded": "SUCCESS", "Failed": "FAILED"}
    return words.get(run.state, run.state.upper())


def _conditions(status: JSON, facts: Facts, *, now: datetime) -> Iterable[Condition]:
    if facts.trouble is not None:
        yield from _troubled(facts.trouble)
    elif facts.supervisor is not None:
        yield from supervisor_conditions(status, facts.supervisor, now=now)
    elif facts.suspended:
        yield Condition(Type.READY, "True", Reason.SUSPENDED, "suspended, as declared")
    elif facts.runs:
        yield from _batch(facts.runs[0])
    yield from _synced(facts)
    ignored = status.get("ignoredFields")
    if ignored:
        words = f"Druid does not know {', '.join(ignored)}"
        yield Condition(Type.SPEC_HAS_IGNORED_FIELDS, "True", Reason.UNKNOWN_FIELDS, words)


def _synced(facts: Facts) -> Iterable[Condition]:
    why = facts.trouble or facts.drift
    if facts.synced:
        yield Condition(Type.SYNCED, "True", Reason.IN_SYNC, "Druid has this document")
    elif facts.synced is not None:
        reason, message = (why.reason, why.message) if why else (Reason.OUT_OF_SYNC, "")
        yield Condition(Type.SYNCED, "False", reason, message)
    elif why is not None and why.unknown:
        yield Condition(Type.SYNCED, "Unknown", why.reason, why.message)


def _troubled(trouble: Trouble) -> Iterable[Condition]:
    ready: ConditionStatus = "Unknown" if trouble.unknown else "False"
    yield Condition(Type.READY, ready, trouble.reason, trouble.message)
    doing = Type.STALLED if trouble.stalled else Type.RECONCILING
    yield Condition(doing, "True", trouble.reason, trouble.message)


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
