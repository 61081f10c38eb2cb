"""Supervisors: decide from what is wanted, remembered and there; act on Druid at most once a pass.

Guarantees: nothing is sent while nothing changed; after a mutation Druid is asked what became of
it, so the status speaks of the world and not of the request; a mutation of unknown outcome is
followed by a read, never by the same mutation.
"""

from __future__ import annotations

from typing import assert_never

import attrs

from druid_operator.internal.controller.druidingestion.events import EventReason
from druid_operator.internal.controller.druidingestion.facts import Facts, Trouble
from druid_operator.internal.controller.druidingestion.memory import supervisor_memory
from druid_operator.internal.controller.druidingestion.work import Work
from druid_operator.internal.controller.reporting import Event
from druid_operator.internal.druidconn import SupervisorFacts
from druid_operator.internal.ingestion.baseline import baseline_hash
from druid_operator.internal.ingestion.document import DesiredDocument
from druid_operator.internal.ingestion.go_status import (
    CREATE_SUCCESS,
    UPDATE_SUCCESS,
    go_spec_text,
)
from druid_operator.internal.ingestion.redact import redact_text
from druid_operator.internal.ingestion.supervisor import (
    Decision,
    ObservedSupervisor,
    SupervisorPolicy,
    decide_supervisor,
)
from druid_operator.pkg.clock import rfc3339
from druid_operator.pkg.druidapi import errors
from druid_operator.pkg.meta import JSON

#: Seconds between looks at a supervisor that is on its way to another state.
SETTLE_PERIOD = 1.0


@attrs.frozen
class StreamingPass:
    """One pass over a streaming ingestion."""

    work: Work
    policy: SupervisorPolicy = attrs.field(factory=SupervisorPolicy)

    async def run(self) -> Facts:
        """Raises ``DruidError`` when Druid does not answer or fails."""
        facts = await self._facts()
        version = (await self.work.connection.capabilities()).version
        memory = supervisor_memory(self.work.status, self.work.desired)
        decision = decide_supervisor(
            self.work.desired,
            ObservedSupervisor(facts.spec, version),
            memory,
            self.work.owner,
            self.policy,
        )
        return await self._act(decision, facts, version)

    async def _facts(self) -> SupervisorFacts:
        """What is known; asked anew while the supervisor is on its way somewhere."""
        view, id_ = self.work.connection.view, self.work.desired.supervisor_id
        view.follow(id_)
        known = view.facts(id_)
        now = self.work.clock.monotonic()
        if known is None or (
            _settling(known, self.work.desired) and now - known.observed_at >= 0.5
        ):
            return await view.refresh(self.work.connection.api, id_, now)
        return known

    async def _act(self, decision: Decision, facts: SupervisorFacts, version: str) -> Facts:
        match decision.action:
            case "Create" | "Update":
                return await self._submit(decision, version)
            case "Suspend" | "Resume":
                return await self._switch(decision)
            case "InSync":
                return self._done(facts, {}, synced=True)
            case "Rebaseline":
                return self._rebaselined(decision, facts, version)
            case "Adopt":
                return self._adopted(decision, facts, version)
            case "Drift":
                trouble = Trouble(decision.reason, decision.message)
                return Facts(
                    desired=self.work.desired, supervisor=facts, trouble=trouble, synced=False
                )
            case "Conflict" | "Refuse" | "Recreate":
                # Recreate needs an explicit consent, for which there is no field yet.
                trouble = Trouble(decision.reason, decision.message, stalled=True)
                return Facts(
                    desired=self.work.desired, supervisor=facts, trouble=trouble, synced=False
                )
            case _:
                assert_never(decision.action)

    async def _submit(self, decision: Decision, version: str) -> Facts:
        assert decision.submit is not None
        created = decision.action == "Create"
        id_ = self.work.desired.supervisor_id
        if self.work.status.get("supervisorId") != id_:
            # Before the first side effect: whoever deletes the object must know what to look for.
            await self.work.remember({"supervisorId": id_})
        try:
            answer = await self.work.connection.api.submit_supervisor(
                decision.submit, comment=self.work.comment
            )
        except errors.Rejected as error:
            return self._rejected(error, version, created=created)
        except errors.OutcomeUnknown:
            self.work.connection.view.forget(id_, self.work.clock.monotonic())
            raise
        facts = await self._look(answer.id)
        remember = self._taken(baseline_hash(facts.spec or {}), version)
        remember |= self._answered(answer.id, created=created)
        return self._done(facts, remember, synced=True, events=(self._submitted(decision),))

    def _answered(self, supervisor_id: str, *, created: bool) -> JSON:
        """What the status keeps of Druid's consent to a document."""
        words = CREATE_SUCCESS if created else UPDATE_SUCCESS
        return {
            "supervisorId": supervisor_id,
            "taskId": supervisor_id,
            "type": words,
            "message": words,
            "status": "True",
            "reason": f'{{"id":"{supervisor_id}"}}',
            "lastUpdateTime": rfc3339(self.work.clock.now()),
        }

    def _rebaselined(self, decision: Decision, facts: SupervisorFacts, version: str) -> Facts:
        id_ = self.work.desired.supervisor_id
        remember = self._taken(decision.live_baseline, version)
        known = self.work.status.get("specHash")
        if known == self.work.desired.spec_hash:
            return self._done(facts, remember, synced=True)
        # Druid took the document and its answer was lost, with our process or on the way.
        remember |= self._answered(id_, created=not known)
        reason, action = (
            (EventReason.UPDATED, "Update") if known else (EventReason.CREATED, "Create")
        )
        note = f"Supervisor {id_} has the document; the answer to its submission was lost"
        event = Event("Normal", reason, action, note)
        return self._done(facts, remember, synced=True, events=(event,))

    def _submitted(self, decision: Decision) -> Event:
        id_ = self.work.desired.supervisor_id
        if decision.action == "Create":
            note = f"Submitted supervisor {id_}: {decision.message}"
            return Event("Normal", EventReason.CREATED, "Create", note)
        if decision.reason == "DriftCorrected":
            note = f"Supervisor {id_} was changed by somebody else: {decision.message}"
            return Event("Warning", EventReason.DRIFT_CORRECTED, "Update", note)
        note = f"Updated supervisor {id_}: {decision.message or 'the document changed'}"
        return Event("Normal", EventReason.UPDATED, "Update", note)

    def _rejected(self, error: errors.Rejected, version: str, *, created: bool) -> Facts:
        message = redact_text(error.message)
        reason = EventReason.CREATE_FAILED if created else EventReason.UPDATE_FAILED
        return Facts(
            desired=self.work.desired,
            supervisor=self.work.connection.view.facts(self.work.desired.supervisor_id),
            trouble=Trouble("SpecRejected", message, stalled=True),
            synced=False,
            remember={
                "rejected": {
                    "specHash": self.work.desired.spec_hash,
                    "druidVersion": version,
                    "message": message,
                }
            },
            events=(Event("Warning", reason, "Create" if created else "Update", message),),
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
        facts = await self._look(id_)
        return self._done(facts, {}, synced=True, events=(event,))

    async def _look(self, supervisor_id: str) -> SupervisorFacts:
        view = self.work.connection.view
        view.follow(supervisor_id)
        return await view.refresh(
            self.work.connection.api, supervisor_id, self.work.clock.monotonic()
        )

    def _adopted(self, decision: Decision, facts: SupervisorFacts, version: str) -> Facts:
        id_ = self.work.desired.supervisor_id
        remember = self._taken(decision.live_baseline, version)
        note = f"Adopted supervisor {id_} without a restart: {decision.message}"
        event = Event("Normal", EventReason.ADOPTED, "Adopt", note)
        return self._done(facts, remember, synced=True, events=(event,))

    def _taken(self, baseline: str, version: str) -> JSON:
        """What to remember of a document that Druid has."""
        id_ = self.work.desired.supervisor_id
        return {
            "supervisorId": id_,
            "taskId": id_,
            "specHash": self.work.desired.spec_hash,
            "liveBaseline": baseline,
            "druidVersion": version,
            "rejected": None,
            "currentIngestionSpec.json": go_spec_text(self.work.desired.raw),
        }

    def _done(
        self,
        facts: SupervisorFacts,
        remember: JSON,
        *,
        synced: bool,
        events: tuple[Event, ...] = (),
    ) -> Facts:
        settling = _settling(facts, self.work.desired)
        return Facts(
            desired=self.work.desired,
            supervisor=facts,
            remember=remember,
            synced=synced,
            events=events,
            requeue_after=SETTLE_PERIOD if settling else None,
        )


def _settling(facts: SupervisorFacts, desired: DesiredDocument) -> bool:
    """Whether Druid is about to report another state by itself."""
    if not facts.exists:
        return False
    if desired.suspended:
        return facts.suspended and facts.state not in ("SUSPENDED", "UNHEALTHY_SUPERVISOR")
    return facts.state in ("PENDING", "SUSPENDED", "STOPPING", "")
