"""Supervisors: decide from what is wanted, remembered and there; act on Druid at most once a pass.

Guarantees: nothing is sent while nothing changed; after a mutation Druid is asked what became of
it, so the status speaks of the world and not of the request; a mutation of unknown outcome is
followed by a read, never by the same mutation.
"""

from __future__ import annotations

from datetime import datetime
from typing import assert_never

import attrs

from druid_operator.internal.controller.druidingestion.events import EventReason
from druid_operator.internal.controller.druidingestion.facts import Facts, Trouble
from druid_operator.internal.controller.druidingestion.memory import supervisor_memory
from druid_operator.internal.controller.druidingestion.recreation import Recreation
from druid_operator.internal.controller.druidingestion.requests import RequestsPass
from druid_operator.internal.controller.druidingestion.submission import Submission
from druid_operator.internal.controller.druidingestion.work import Work
from druid_operator.internal.controller.reporting import Event
from druid_operator.internal.druidconn import SupervisorFacts
from druid_operator.internal.ingestion.document import DesiredDocument
from druid_operator.internal.ingestion.redact import redact_text
from druid_operator.internal.ingestion.requests import (
    RequestRecord,
    consent,
    find_record,
    read_records,
    recorded,
    write_records,
)
from druid_operator.internal.ingestion.supervisor import decide_supervisor
from druid_operator.internal.ingestion.verdict import Decision, ObservedSupervisor, SupervisorMemory
from druid_operator.pkg.clock import parse_rfc3339
from druid_operator.pkg.druidapi import errors
from druid_operator.pkg.meta import JSON

#: Seconds between looks at a supervisor that is on its way to another state: soon at first, rarer
#: as it goes on, because one that waits for its stream may wait for ever.
FIRST_LOOK, LAST_LOOK = 1.0, 30.0


@attrs.frozen
class StreamingPass:
    """One pass over a streaming ingestion."""

    work: Work

    async def run(self) -> Facts:
        """Raises ``DruidError`` when Druid does not answer or fails."""
        facts = await self._facts()
        version = (await self.work.connection.capabilities()).version
        records = read_records(self.work.status)
        allowed = consent(self.work.spec.requests, records, self.work.generation)
        decision = decide_supervisor(
            self.work.desired,
            ObservedSupervisor(facts.spec, version),
            self._memory(),
            self.work.owner,
            self.work.policies.of_supervisor(recreate=allowed is not None),
        )
        if decision.action == "Recreate":
            assert allowed is not None
            return await Recreation(self.work, decision, allowed).step()
        after = await self._act(decision, facts, version)
        return attrs.evolve(after, remember={**self._consented(allowed), **after.remember})

    def _memory(self) -> SupervisorMemory:
        status = self.work.status
        memory = supervisor_memory(status, self.work.desired, self.work.clock.now())
        changed = dict(self.work.secrets) != (status.get("secretVersions") or {})
        return attrs.evolve(memory, secrets_changed=changed and memory.supervisor_id != "")

    def _consented(self, record: RequestRecord | None) -> JSON:
        """A consent is recorded when it is first seen, and done once nothing is left to recreate.

        Only a process that died between the two finds one in use here.
        """
        if record is None:
            return {}
        records = read_records(self.work.status)
        if record.state == "Given" and find_record(records, "recreate", record.id) is not None:
            return {}
        ended = attrs.evolve(record, state="Done") if record.state == "Sent" else record
        return {"requests": write_records(recorded(records, ended, self.work.clock.now()))}

    async def _facts(self) -> SupervisorFacts:
        """What is known; asked anew while the supervisor is on its way somewhere."""
        view, id_ = self.work.connection.view, self.work.desired.supervisor_id
        view.follow(id_)
        known = view.facts(id_)
        now = self.work.clock.monotonic()
        if known is None or (
            _settling(known, self.work.desired) and now - known.observed_at >= FIRST_LOOK / 2
        ):
            return await view.refresh(self.work.connection.api, id_, now)
        return known

    async def _act(self, decision: Decision, facts: SupervisorFacts, version: str) -> Facts:
        submission = self._submission(version)
        match decision.action:
            case "Create" | "Update":
                return await self._submit(decision, submission)
            case "Suspend" | "Resume":
                return await self._switch(decision)
            case "InSync":
                return await self._in_sync(facts)
            case "Rebaseline":
                return self._done(facts, *submission.found(decision))
            case "Adopt":
                return self._done(facts, *submission.adopted(decision))
            case "Drift":
                # The policy says to leave it: how the supervisor is, is another question.
                drift = Trouble(decision.reason, decision.message)
                return attrs.evolve(self._done(facts), drift=drift, synced=False)
            case "Conflict" | "Refuse" | "Recreate":
                trouble = Trouble(decision.reason, decision.message, stalled=True)
                return attrs.evolve(self._done(facts), trouble=trouble, synced=False)
            case _:
                assert_never(decision.action)

    def _submission(self, version: str) -> Submission:
        work = self.work
        return Submission(
            work.desired, work.status, version, work.clock.now(), work.cluster, work.secrets
        )

    async def _submit(self, decision: Decision, submission: Submission) -> Facts:
        assert decision.submit is not None
        id_ = self.work.desired.supervisor_id
        if self.work.status.get("supervisorId") != id_:
            # Before the first side effect: whoever deletes the object must know what to look for.
            await self.work.remember({"supervisorId": id_, "druidCluster": self.work.cluster})
        try:
            answer = await self.work.connection.api.submit_supervisor(
                decision.submit, comment=self.work.comment
            )
        except errors.Rejected as error:
            return self._rejected(error, submission, created=decision.action == "Create")
        except errors.OutcomeUnknown:
            self.work.connection.view.forget(id_, self.work.clock.monotonic())
            raise
        facts = await self._look(answer.id)
        return self._done(facts, *submission.taken(decision, facts))

    def _rejected(self, error: errors.Rejected, submission: Submission, *, created: bool) -> Facts:
        message = redact_text(error.message)
        remember, events = submission.rejected(message, created=created)
        return Facts(
            desired=self.work.desired,
            supervisor=self.work.connection.view.facts(self.work.desired.supervisor_id),
            trouble=Trouble("SpecRejected", message, stalled=True),
            synced=False,
            remember=remember,
            events=events,
        )

    async def _switch(self, decision: Decision) -> Facts:
        api, id_ = self.work.connection.api, self.work.desired.supervisor_id
        try:
            if decision.action == "Suspend":
                await api.suspend_supervisor(id_, comment=self.work.comment)
                event = Event("Normal", EventReason.SUSPENDED, "Suspend", f"Suspended {id_}")
            else:
                await api.resume_supervisor(id_, comment=self.work.comment)
                event = Event("Normal", EventReason.RESUMED, "Resume", f"Resumed {id_}")
        except errors.OutcomeUnknown:
            self.work.connection.view.forget(id_, self.work.clock.monotonic())
            raise
        return self._done(await self._look(id_), {}, (event,))

    async def _in_sync(self, facts: SupervisorFacts) -> Facts:
        remember, events = await RequestsPass(self.work).run()
        if events:
            facts = await self._look(self.work.desired.supervisor_id)
        return self._done(facts, remember, events)

    async def _look(self, supervisor_id: str) -> SupervisorFacts:
        view = self.work.connection.view
        view.follow(supervisor_id)
        return await view.refresh(
            self.work.connection.api, supervisor_id, self.work.clock.monotonic()
        )

    def _done(
        self,
        facts: SupervisorFacts,
        remember: JSON | None = None,
        events: tuple[Event, ...] = (),
    ) -> Facts:
        settling = _settling(facts, self.work.desired)
        return Facts(
            desired=self.work.desired,
            supervisor=facts,
            remember=remember or {},
            synced=True,
            events=events,
            requeue_after=pace(self.work.status, self.work.clock.now()) if settling else None,
        )


def pace(status: JSON, now: datetime) -> float:
    """Seconds until the next look at something that has been as it is since ``stateSince``."""
    since = status.get("stateSince")
    elapsed = (now - parse_rfc3339(since)).total_seconds() if since else 0.0
    return min(max(elapsed / 8, FIRST_LOOK), LAST_LOOK)


def _settling(facts: SupervisorFacts, desired: DesiredDocument) -> bool:
    """Whether Druid is about to report another state by itself."""
    if not facts.exists:
        return False
    if desired.suspended:
        return facts.suspended and facts.state not in ("SUSPENDED", "UNHEALTHY_SUPERVISOR")
    return facts.state in ("PENDING", "SUSPENDED", "STOPPING", "")
