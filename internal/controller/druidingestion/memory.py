"""What our status remembers between passes, in the terms of the decisions. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, cast

from druid_operator.internal.ingestion.document import DesiredDocument
from druid_operator.internal.ingestion.go_status import submitted_by_go
from druid_operator.internal.ingestion.runs import Run, RunState, taken_over
from druid_operator.internal.ingestion.verdict import SupervisorMemory
from druid_operator.pkg.clock import parse_rfc3339, rfc3339
from druid_operator.pkg.meta import JSON

#: Seconds for which Druid's refusal of a document stands. Its administrator may have loaded an
#: extension meanwhile, and nothing else would ever tell.
REFUSAL_SECONDS = 1800.0


def supervisor_memory(
    status: Mapping[str, Any], desired: DesiredDocument, now: datetime
) -> SupervisorMemory:
    """Read the status of a streaming ingestion."""
    rejected = _rejected(status, now)
    spec_hash = str(status.get("specHash") or "")
    written = str(status.get("supervisorId") or "")
    # The id is written before the first POST. Alone it says only that a supervisor may exist.
    known = written if spec_hash or written != desired.supervisor_id else ""
    by_go = submitted_by_go(status) and not written
    return SupervisorMemory(
        supervisor_id=known or (str(status["taskId"]) if by_go else ""),
        spec_hash=spec_hash,
        live_baseline=str(status.get("liveBaseline") or ""),
        druid_version=str(status.get("druidVersion") or ""),
        rejected_hash=str(rejected.get("specHash") or ""),
        rejected_version=str(rejected.get("druidVersion") or ""),
        rejected_message=str(rejected.get("message") or ""),
        go_spec=str(status.get("currentIngestionSpec.json") or ""),
        go_submitted=by_go,
    )


def rejected_message(
    status: Mapping[str, Any], spec_hash: str, druid_version: str, now: datetime
) -> str:
    """Druid's refusal of this very document by this very Druid, else empty."""
    rejected = _rejected(status, now)
    same = (rejected.get("specHash"), rejected.get("druidVersion")) == (spec_hash, druid_version)
    return str(rejected.get("message") or "") if same else ""


def _rejected(status: Mapping[str, Any], now: datetime) -> Mapping[str, Any]:
    rejected: Mapping[str, Any] = status.get("rejected") or {}
    at = _moment(rejected.get("time"))
    is_over = at is not None and (now - at).total_seconds() > REFUSAL_SECONDS
    return {} if is_over else rejected


def read_runs(status: Mapping[str, Any], desired_hash: str) -> tuple[Run, ...]:
    """The runs, newest first; what the Go operator started counts as one."""
    runs = tuple(_read_run(row) for row in status.get("runs") or ())
    if not runs and submitted_by_go(status):
        return (taken_over(str(status["taskId"]), desired_hash),)
    return runs


def _read_run(row: Mapping[str, Any]) -> Run:
    return Run(
        task_id=str(row["taskId"]),
        spec_hash=str(row.get("specHash") or ""),
        attempt=int(row.get("attempt") or 1),
        state=cast("RunState", row["state"]),
        request=str(row.get("request") or ""),
        started=_moment(row.get("startTime")),
        ended=_moment(row.get("completionTime")),
        duration_ms=row.get("durationMillis"),
        rows=row.get("rows"),
        error=str(row.get("error") or ""),
    )


def write_runs(runs: Sequence[Run]) -> list[JSON]:
    return [_write_run(run) for run in runs]


def _write_run(run: Run) -> JSON:
    row: JSON = {
        "taskId": run.task_id,
        "specHash": run.spec_hash,
        "attempt": run.attempt,
        "state": run.state,
        "request": run.request,
        "startTime": rfc3339(run.started) if run.started else None,
        "completionTime": rfc3339(run.ended) if run.ended else None,
        "durationMillis": run.duration_ms,
        "rows": run.rows,
        "error": run.error,
    }
    return {key: value for key, value in row.items() if value not in (None, "")}


def _moment(text: Any) -> datetime | None:
    return parse_rfc3339(text) if isinstance(text, str) and text else None
