"""Batch and SQL runs: immutable, and exactly once.

A run's id is made from the object and its document, written to status, read back, and only then
sent. Whatever happens in between, the next pass finds the id and looks it up before it sends
anything; Druid itself refuses a second task of the same id.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal

import attrs

from druid_operator.internal.ingestion.document import DesiredDocument, Runs

#: ``Chosen``: the id is in status, Druid may not know it. ``Withdrawn``: given up before it was
#: sent. ``Lost``: Druid forgot it before its end.
RunState = Literal["Chosen", "Running", "Succeeded", "Failed", "Withdrawn", "Lost"]

RunAction = Literal[
    "Choose",  # write `run` to status; nothing is sent in this pass
    "Submit",  # POST the document under the id that status holds
    "Track",   # nothing to Druid: what it says of the run goes to status
    "Stop",    # shut the task down: it has taken too long
    "Wait",    # nothing: until `delay` has passed, or Druid says something new
    "Done",    # nothing: the run for this document has ended
    "Hold",    # nothing: the user decides
]  # fmt: skip

RunReason = Literal[
    "FirstRun", "SpecChanged", "RunRequested", "Retry", "Chosen", "Running", "Succeeded", "Failed",
    "Lost", "BackOff", "BackoffLimitExceeded", "Cancelled", "Suspended", "ChangeNotRun",
    "WouldAppendAgain", "PreviousRunActive", "TakenOver", "SpecRejected", "DeadlineExceeded",
]  # fmt: skip

RunPolicyName = Literal["OnChange", "Once"]

#: Metadata columns of Druid hold 255 characters; sub-tasks append to the id of their parent.
MAX_ID = 200
#: Seconds before the first retry; doubled for each further one, as a Kubernetes Job does from 10 s.
FIRST_BACKOFF = 60.0
MAX_BACKOFF = 3600.0
#: Runs kept in status.
HISTORY = 10

_UNSAFE = re.compile(r"[^A-Za-z0-9_.-]")
#: Our words for a run that we ended.
_OVERDUE = "took longer than its deadline"
#: Druid's words for a task that a person ended. Neither is tried again.
_CANCELLED = ("Shutdown request from user", "Canceled", "Task was canceled", _OVERDUE)
#: What SQL ingestion answers for a query that fails however often it runs.
_HOPELESS = (
    "InsertTimeNull", "InsertTimeOutOfBounds", "InsertCannotBeEmpty",
    "CannotParseExternalData", "ColumnNameRestricted", "ColumnTypeNotSupported", "TooManyColumns",
    "TooManyPartitions", "TooManyBuckets", "TooManyClusteredByColumns",
    "TooManySegmentsInTimeChunk", "QueryNotSupported",
)  # fmt: skip


@attrs.frozen
class Run:
    """One run, as status keeps it.

    Attributes:
        attempt: its number among all runs of the object, from 1.
        ended: when we saw the end, not when Druid did.
        rows: how many were written; ``None`` while that is not known.
    """

    task_id: str
    spec_hash: str
    attempt: int
    state: RunState
    request: str = ""
    started: datetime | None = None
    ended: datetime | None = None
    duration_ms: int | None = None
    rows: int | None = None
    error: str = ""

    @property
    def over(self) -> bool:
        return self.state in ("Succeeded", "Failed", "Withdrawn", "Lost")


@attrs.frozen
class ObservedTask:
    """What Druid says of the newest run.

    Attributes:
        found: False only when the leader said that it has no such task.
        state: RUNNING, SUCCESS or FAILED.
    """

    found: bool
    state: str = ""
    duration_ms: int | None = None
    error: str = ""
    rows: int | None = None


@attrs.frozen
class RunPolicy:
    """When to run, and how often to try.

    Attributes:
        backoff_limit: retries after a failure; 0 for none.
        allow_append: run a changed document that appends, although rows may come twice.
        request: id of an explicit "run again"; each new one is one run.
        deadline: seconds after which a run is shut down and has failed; 0 for none.
        history: runs kept in the status.
    """

    policy: RunPolicyName = "OnChange"
    backoff_limit: int = 0
    allow_append: bool = False
    request: str = ""
    deadline: float = 0.0
    history: int = HISTORY


@attrs.frozen
class RunDecision:
    """The verdict. ``run`` is the newest run as it is to be recorded, ``None``: leave status."""

    action: RunAction
    reason: RunReason
    message: str = ""
    run: Run | None = None
    delay: float = 0.0


def run_id(namespace: str, name: str, uid: str, spec_hash: str, attempt: int) -> str:
    """``k8s-<ns>-<name>-<uid8>-<hash10>-a<attempt>``, in letters that Druid takes anywhere."""
    tail = f"-{uid[:8]}-{spec_hash[:10]}-a{attempt}"
    head = _UNSAFE.sub("_", f"k8s-{namespace}-{name}")
    return head[: MAX_ID - len(tail)] + tail


def task_id_of(run: str, runs: Runs) -> str:
    """The id of the task: Druid names the controller of a SQL query after the query."""
    return f"query-{run}" if runs == "sql" else run


def decide_run(
    desired: DesiredDocument,
    runs: Sequence[Run],
    observed: ObservedTask | None,
    policy: RunPolicy,
    *,
    identity: tuple[str, str, str],
    now: datetime,
    rejected: str = "",
) -> RunDecision:
    """Decide on the newest run.

    Args:
        runs: from status, newest first.
        observed: what Druid says of ``runs[0]``; ``None`` when there is none, or it is over.
        identity: namespace, name and uid of the object.
        rejected: Druid's refusal of this very document, empty if it did not refuse it.
    """
    if runs and not runs[0].over:
        if observed is None:
            raise ValueError("an unfinished run must be looked up before anything is decided")
        return _unfinished(desired, runs[0], observed, policy, rejected=rejected, now=now)
    if rejected:
        return RunDecision("Hold", "SpecRejected", rejected)
    wanted = _wanted(desired, runs, policy, now=now)
    if isinstance(wanted, RunDecision):
        return wanted
    if desired.suspended:
        return RunDecision("Hold", "Suspended", "suspended: nothing is submitted")
    namespace, name, uid = identity
    # Counted over all documents: the history is short, and a number that came back would name a
    # task which Druid has already.
    attempt = 1 + max((r.attempt for r in runs), default=0)
    run = Run(
        task_id=run_id(namespace, name, uid, desired.spec_hash, attempt),
        spec_hash=desired.spec_hash,
        attempt=attempt,
        state="Chosen",
        request=policy.request,
    )
    return RunDecision("Choose", wanted, run=run)


def _unfinished(
    desired: DesiredDocument,
    run: Run,
    observed: ObservedTask,
    policy: RunPolicy,
    *,
    rejected: str,
    now: datetime,
) -> RunDecision:
    if observed.found:
        return _track(run, observed, policy, now=now)
    if run.state == "Running":
        lost = attrs.evolve(run, state="Lost", ended=now)
        words = f"Druid has forgotten task {run.task_id}: whether it ended is not known"
        return RunDecision("Track", "Lost", words, run=lost)
    # Chosen, and Druid has never seen it.
    if run.spec_hash != desired.spec_hash:
        # Nothing was ever sent under that id, so giving it up costs nothing.
        return RunDecision(
            "Track", "SpecChanged", run=attrs.evolve(run, state="Withdrawn", ended=now)
        )
    if rejected:
        return RunDecision("Hold", "SpecRejected", rejected)
    if desired.suspended:
        return RunDecision("Hold", "Suspended", "suspended: nothing is submitted")
    return RunDecision("Submit", "Chosen", run=run)


def _track(run: Run, observed: ObservedTask, policy: RunPolicy, *, now: datetime) -> RunDecision:
    started = run.started or now
    is_overdue = 0 < policy.deadline < (now - started).total_seconds()
    if observed.state not in ("SUCCESS", "FAILED"):
        if is_overdue:
            words = f"task {run.task_id} {_OVERDUE} of {policy.deadline:.0f} s"
            return RunDecision("Stop", "DeadlineExceeded", words, run=run)
        if run.state == "Running":
            return RunDecision("Wait", "Running", run=run)
        running = attrs.evolve(run, state="Running", started=started)
        return RunDecision("Track", "Running", run=running)
    state: Literal["Succeeded", "Failed"] = "Succeeded" if observed.state == "SUCCESS" else "Failed"
    error = observed.error
    if is_overdue and any(words in error for words in _CANCELLED):
        error = f"{_OVERDUE} of {policy.deadline:.0f} s: {error}"
    ended = attrs.evolve(
        run, state=state, started=started, ended=now, duration_ms=observed.duration_ms,
        rows=observed.rows, error=error,
    )  # fmt: skip
    return RunDecision("Track", state, error, run=ended)


def _wanted(
    desired: DesiredDocument, runs: Sequence[Run], policy: RunPolicy, *, now: datetime
) -> RunReason | RunDecision:
    """Why another run is wanted now, or the decision that none is."""
    sent = [run for run in runs if run.state != "Withdrawn"]
    if not sent:
        return "FirstRun"
    last = sent[0]
    if policy.request and all(r.request != policy.request for r in runs):
        return "RunRequested"
    if last.spec_hash == desired.spec_hash:
        return _after(last, sent, policy, now=now)
    if policy.policy == "Once":
        return RunDecision("Hold", "ChangeNotRun", "the document changed; the run policy is Once")
    if desired.appends and not policy.allow_append:
        words = "the document changed and appends: running it would add its rows again"
        return RunDecision("Hold", "WouldAppendAgain", words)
    return "SpecChanged"


def _after(
    last: Run, runs: Sequence[Run], policy: RunPolicy, *, now: datetime
) -> RunReason | RunDecision:
    """The document has not changed since the last run."""
    if last.state == "Succeeded":  # for ever, also when Druid has cleaned the task up
        return RunDecision("Done", "Succeeded")
    if last.state == "Lost":
        return RunDecision("Done", "Lost", f"task {last.task_id} was lost")
    if any(words in last.error for words in _CANCELLED):
        return RunDecision("Done", "Cancelled", last.error)
    if any(code in last.error for code in _HOPELESS):
        return RunDecision("Done", "Failed", last.error)
    failed = 0
    for run in runs:
        if run.spec_hash != last.spec_hash or run.state != "Failed" or run.request != last.request:
            break
        failed += 1
    if failed > policy.backoff_limit:
        why: RunReason = "BackoffLimitExceeded" if policy.backoff_limit else "Failed"
        return RunDecision("Done", why, last.error)
    delay = min(FIRST_BACKOFF * 2 ** (failed - 1), MAX_BACKOFF)
    due = (last.ended or now) + timedelta(seconds=delay)
    if now < due:
        return RunDecision("Wait", "BackOff", last.error, delay=(due - now).total_seconds())
    return "Retry"


def record(runs: Sequence[Run], run: Run, *, limit: int = HISTORY) -> tuple[Run, ...]:
    """The history with ``run`` as its newest entry, replacing the one of the same id."""
    return (run, *(r for r in runs if r.task_id != run.task_id))[:limit]


def taken_over(task_id: str, spec_hash: str) -> Run:
    """The run that the Go operator started: Druid will say what became of it."""
    return Run(task_id=task_id, spec_hash=spec_hash, attempt=1, state="Running")
