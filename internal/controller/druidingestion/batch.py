"""Batch runs: an id is chosen and stored, read back, and only then sent; then it is looked up.

Whatever happens in between, the id is in the status and Druid refuses a second task under it: a run
is started once, whether the operator dies before, during or after the request.
"""

from __future__ import annotations

from collections.abc import Sequence
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
from druid_operator.internal.ingestion.go_status import (
    CREATE_SUCCESS,
    UPDATE_SUCCESS,
    go_spec_text,
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


@attrs.frozen
class BatchPass:
    """One pass over a batch ingestion."""

    work: Work
    policy: RunPolicy = attrs.field(factory=RunPolicy)

    async def run(self) -> Facts:
        """Raises ``DruidError`` when Druid does not answer or fails."""
        runs = read_runs(self.work.status, self.work.desired.spec_hash)
        version = (await self.work.connection.capabilities()).version
        decision = await self._decide(runs, version)
        if decision.action == "Choose" and decision.run is not None:
            runs = record(runs, decision.run)
            # The law of this file: the id is in the status before Druid hears of it.
            await self.work.remember({"runs": write_runs(runs), "taskId": decision.run.task_id})
            decision = await self._decide(runs, version)
        return await self._act(decision, runs, version)

    async def _decide(self, runs: Sequence[Run], version: str) -> RunDecision:
        observed = await self._look(runs[0]) if runs and not runs[0].over else None
        return decide_run(
            self.work.desired,
            runs,
            observed,
            self.policy,
            identity=(self.work.owner.namespace, self.work.owner.name, self.work.owner.uid),
            now=self.work.clock.now(),
            rejected=rejected_message(self.work.status, self.work.desired.spec_hash, version),
        )

    async def _look(self, run: Run) -> ObservedTask:
        try:
            status = await self.work.connection.api.task_status(
                task_id_of(run.task_id, self.work.desired.runs)
            )
        except errors.NotFound:
            return ObservedTask(found=False)
        duration = status.duration if status.duration >= 0 else None
        return ObservedTask(True, status.state, duration, redact_text(status.error))

    async def _act(self, decision: RunDecision, runs: Sequence[Run], version: str) -> Facts:
        match decision.action:
            case "Submit":
                return await self._submit(runs, version)
            case "Track":
                assert decision.run is not None
                return self._tracked(decision.run, runs, version)
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
        document = with_marker({**self.work.desired.body, "id": run.task_id}, self.work.owner)
        try:
            await self.work.connection.api.submit_task(document, comment=self.work.comment)
        except errors.Rejected as error:
            return self._rejected(error, runs, version)
        started = attrs.evolve(run, state="Running", started=self.work.clock.now())
        remember, event = self._submitted(run, runs, version)
        return self._facts(
            record(runs, started), requeue=FIRST_LOOK, remember=remember, events=(event,)
        )

    def _submitted(self, run: Run, runs: Sequence[Run], version: str) -> tuple[JSON, Event]:
        """What the status keeps and what is told of a run that Druid took."""
        first = len(runs) == 1
        words = CREATE_SUCCESS if first else UPDATE_SUCCESS
        reason = EventReason.CREATED if first else EventReason.UPDATED
        remember = {
            "taskId": run.task_id,
            "specHash": run.spec_hash,
            "druidVersion": version,
            "rejected": None,
            "type": words,
            "message": words,
            "status": "True",
            "reason": f'{{"task":"{run.task_id}"}}',
            "lastUpdateTime": rfc3339(self.work.clock.now()),
            **self._go_spec(run),
        }
        return remember, Event("Normal", reason, "Submit", f"Submitted task {run.task_id}")

    def _go_spec(self, run: Run) -> JSON:
        """Nothing for a run of an older document, which is not at hand any more."""
        if run.spec_hash != self.work.desired.spec_hash:
            return {}
        return {"currentIngestionSpec.json": go_spec_text(self.work.desired.raw)}

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
            record(runs, run), requeue=requeue, remember=remember, events=tuple(events)
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
