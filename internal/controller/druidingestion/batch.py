"""Batch and SQL runs: an id is chosen, stored, read back, and only then sent; then it is looked up.

Whatever happens in between, the id is in the status and Druid refuses a second task under it: a run
is started once, whether the operator dies before, during or after the request.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import assert_never

import attrs

from druid_operator.internal.controller.druidingestion.events import EventReason
from druid_operator.internal.controller.druidingestion.facts import Facts, Trouble
from druid_operator.internal.controller.druidingestion.memory import (
    read_runs,
    rejected_message,
    write_runs,
)
from druid_operator.internal.controller.druidingestion.work import Work
from druid_operator.internal.controller.reporting import Event
from druid_operator.internal.ingestion.document import DesiredDocument
from druid_operator.internal.ingestion.go_status import (
    CREATE_SUCCESS,
    UPDATE_SUCCESS,
    spec_text_that_fits,
)
from druid_operator.internal.ingestion.marker import with_marker
from druid_operator.internal.ingestion.redact import redact_text
from druid_operator.internal.ingestion.runs import (
    ObservedTask,
    Run,
    RunDecision,
    RunPolicy,
    decide_run,
    record,
    task_id_of,
)
from druid_operator.pkg.clock import rfc3339
from druid_operator.pkg.druidapi import errors
from druid_operator.pkg.meta import JSON

#: Seconds between looks at a running task: soon at first, rarer as it goes on.
FIRST_LOOK, LAST_LOOK = 0.5, 15.0


def ended_run(
    desired: DesiredDocument,
    status: JSON,
    policy: RunPolicy,
    *,
    identity: tuple[str, str, str],
    now: datetime,
) -> Facts | None:
    """What is known of a run that has the last word on this document, without asking Druid.

    ``None`` when there is, or may be, something to do. A Druid that is away says nothing against a
    run that has ended.
    """
    if desired.runs == "supervisor":
        return None
    runs = read_runs(status, desired.spec_hash)
    if not runs or not runs[0].over or runs[0].spec_hash != desired.spec_hash:
        return None
    decision = decide_run(desired, runs, None, policy, identity=identity, now=now)
    if decision.action != "Done":
        return None
    return Facts(desired=desired, runs=runs, synced=True)


@attrs.frozen
class BatchPass:
    """One pass over a batch or SQL ingestion."""

    work: Work

    async def run(self) -> Facts:
        """Raises ``DruidError`` when Druid does not answer or fails."""
        runs = read_runs(self.work.status, self.work.desired.spec_hash)
        version = (await self.work.connection.capabilities()).version
        decision = await self._decide(runs, version)
        if decision.action == "Choose" and decision.run is not None:
            runs = self._recorded(runs, decision.run)
            # The law of this file: the id is in the status before Druid hears of it.
            task_id = self._task_id(decision.run)
            await self.work.remember(
                {"runs": write_runs(runs), "taskId": task_id, "druidCluster": self.work.cluster}
            )
            decision = await self._decide(runs, version)
        return await self._act(decision, runs, version)

    async def _decide(self, runs: Sequence[Run], version: str) -> RunDecision:
        observed = await self._look(runs[0]) if runs and not runs[0].over else None
        return decide_run(
            self.work.desired,
            runs,
            observed,
            self.work.policies.run,
            identity=(self.work.owner.namespace, self.work.owner.name, self.work.owner.uid),
            now=self.work.clock.now(),
            rejected=rejected_message(
                self.work.status, self.work.desired.spec_hash, version, self.work.clock.now()
            ),
        )

    def _task_id(self, run: Run) -> str:
        return task_id_of(run.task_id, self.work.desired.runs)

    def _recorded(self, runs: Sequence[Run], run: Run) -> tuple[Run, ...]:
        return record(runs, run, limit=self.work.policies.run.history)

    async def _look(self, run: Run) -> ObservedTask:
        api, task_id = self.work.connection.api, self._task_id(run)
        try:
            status = await api.task_status(task_id)
        except errors.NotFound:
            return ObservedTask(found=False)
        duration = status.duration if status.duration >= 0 else None
        rows = None
        if status.state == "SUCCESS":
            report = await api.task_report(task_id)
            rows = report.rows.processed if report is not None else None
        return ObservedTask(True, status.state, duration, redact_text(status.error), rows)

    async def _act(self, decision: RunDecision, runs: Sequence[Run], version: str) -> Facts:
        match decision.action:
            case "Submit":
                return await self._submit(runs, version)
            case "Track":
                assert decision.run is not None
                return self._tracked(decision.run, runs, version)
            case "Stop":
                return await self._stop(decision, runs)
            case "Wait":
                return self._facts(runs, requeue=decision.delay or self._pace(runs[0]))
            case "Done":
                return self._facts(runs)
            case "Hold":
                return self._held(decision, runs)
            case "Choose":
                raise AssertionError("a chosen run is submitted, tracked or held, not chosen again")
            case _:
                assert_never(decision.action)

    async def _submit(self, runs: Sequence[Run], version: str) -> Facts:
        run = runs[0]
        try:
            await self._send(run)
        except errors.Rejected as error:
            return self._rejected(error, runs, version)
        started = attrs.evolve(run, state="Running", started=self.work.clock.now())
        remember, event = self._submitted(run, runs, version)
        return self._facts(
            self._recorded(runs, started), requeue=FIRST_LOOK, remember=remember, events=(event,)
        )

    async def _send(self, run: Run) -> None:
        api, desired, comment = self.work.connection.api, self.work.desired, self.work.comment
        document = with_marker(desired.sendable, self.work.owner)
        if desired.runs == "sql":
            await api.submit_sql_task(run.task_id, document, comment=comment)
        else:
            await api.submit_task({**document, "id": run.task_id}, comment=comment)

    async def _stop(self, decision: RunDecision, runs: Sequence[Run]) -> Facts:
        task_id = self._task_id(runs[0])
        await self.work.connection.api.shutdown_task(task_id, comment=self.work.comment)
        event = Event("Warning", EventReason.SHUT_DOWN, "Run", f"Shut down: {decision.message}")
        return self._facts(runs, requeue=FIRST_LOOK, events=(event,))

    def _submitted(self, run: Run, runs: Sequence[Run], version: str) -> tuple[JSON, Event]:
        """What the status keeps and what is told of a run that Druid took."""
        first = len(runs) == 1
        task_id = self._task_id(run)
        words = CREATE_SUCCESS if first else UPDATE_SUCCESS
        reason = EventReason.CREATED if first else EventReason.UPDATED
        remember = {
            "taskId": task_id,
            "specHash": run.spec_hash,
            "druidVersion": version,
            "rejected": None,
            "type": words,
            "message": words,
            "status": "True",
            "reason": f'{{"task":"{task_id}"}}',
            "lastUpdateTime": rfc3339(self.work.clock.now()),
            **self._go_spec(run),
        }
        return remember, Event("Normal", reason, "Submit", f"Submitted task {task_id}")

    def _go_spec(self, run: Run) -> JSON:
        """Nothing for a run of an older document, which is not at hand any more."""
        if run.spec_hash != self.work.desired.spec_hash:
            return {}
        return {"currentIngestionSpec.json": spec_text_that_fits(self.work.desired.raw)}

    def _tracked(self, run: Run, runs: Sequence[Run], version: str) -> Facts:
        remember: JSON = {"specHash": run.spec_hash, **self._go_spec(run)}
        events: list[Event] = []
        if runs[0].state == "Chosen" and run.state != "Withdrawn":
            # Druid took it and its answer was lost, with our process or on the way.
            remember, submitted = self._submitted(run, runs, version)
            events.append(submitted)
        requeue: float | None = FIRST_LOOK
        if run.state == "Succeeded":
            note = f"Task {run.task_id} succeeded"
            events.append(Event("Normal", EventReason.RUN_ENDED, "Run", note))
            requeue = None
        elif run.state in ("Failed", "Lost"):
            # Looked at again at once: the policy may allow a retry.
            detail = run.error or "Druid has forgotten it"
            note = f"Task {run.task_id} {run.state.lower()}: {detail}"
            events.append(Event("Warning", EventReason.RUN_FAILED, "Run", note))
        return self._facts(
            self._recorded(runs, run), requeue=requeue, remember=remember, events=tuple(events)
        )

    def _held(self, decision: RunDecision, runs: Sequence[Run]) -> Facts:
        if decision.reason == "Suspended":
            return Facts(desired=self.work.desired, runs=runs, suspended=True)
        trouble = Trouble(decision.reason, decision.message, stalled=True)
        return Facts(desired=self.work.desired, runs=runs, trouble=trouble, synced=False)

    def _rejected(self, error: errors.Rejected, runs: Sequence[Run], version: str) -> Facts:
        message = redact_text(error.message)
        return Facts(
            desired=self.work.desired,
            runs=runs,
            trouble=Trouble("SpecRejected", message, stalled=True),
            synced=False,
            remember={
                "rejected": {
                    "specHash": self.work.desired.spec_hash,
                    "druidVersion": version,
                    "message": message,
                    "time": rfc3339(self.work.clock.now()),
                }
            },
            events=(Event("Warning", EventReason.CREATE_FAILED, "Submit", message),),
        )

    def _facts(
        self,
        runs: Sequence[Run],
        *,
        requeue: float | None = None,
        remember: JSON | None = None,
        events: tuple[Event, ...] = (),
    ) -> Facts:
        return Facts(
            desired=self.work.desired,
            runs=runs,
            synced=bool(runs) and runs[0].spec_hash == self.work.desired.spec_hash,
            remember=remember or {},
            events=events,
            requeue_after=requeue,
        )

    def _pace(self, run: Run) -> float:
        if run.started is None:
            return FIRST_LOOK
        elapsed = (self.work.clock.now() - run.started).total_seconds()
        return min(max(elapsed / 8, FIRST_LOOK), LAST_LOOK)
