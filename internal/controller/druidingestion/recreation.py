"""A supervisor that has to be made anew: suspended, drained, reset if its stream changes, ended.

Druid would apply the old stream's offsets to the new one and skip its first rows without a word
(up to 33), or refuse the change (from 34). This is the way that its documentation gives, taken one
step per pass and only with the user's consent.
"""

from __future__ import annotations

import attrs

from druid_operator.internal.controller.druidingestion.events import EventReason
from druid_operator.internal.controller.druidingestion.facts import Facts, Trouble
from druid_operator.internal.controller.druidingestion.work import Work
from druid_operator.internal.controller.reporting import Event
from druid_operator.internal.druidconn import SupervisorFacts
from druid_operator.internal.ingestion.requests import (
    RequestRecord,
    RequestState,
    read_records,
    recorded,
    write_records,
)
from druid_operator.internal.ingestion.verdict import Decision
from druid_operator.pkg.druidapi import errors
from druid_operator.pkg.meta import JSON

#: Seconds between looks at tasks that publish their rows.
DRAIN_PERIOD = 2.0


@attrs.frozen
class Recreation:
    """One pass of it.

    Args:
        consent: the record of the user's request, which allows it.
    """

    work: Work
    decision: Decision
    consent: RequestRecord

    async def step(self) -> Facts:
        """Raises ``DruidError``. May be repeated at any point."""
        await self._make_use_of_consent()
        view, id_ = self.work.connection.view, self.decision.target
        now = self.work.clock.monotonic()
        facts = await view.refresh(self.work.connection.api, id_, now)
        try:
            return await self._step(facts)
        except errors.OutcomeUnknown:
            view.forget(id_, self.work.clock.monotonic())
            raise

    async def _step(self, facts: SupervisorFacts) -> Facts:
        api, id_ = self.work.connection.api, self.decision.target
        if not facts.exists:
            return self._on_the_way(facts, "is gone", forget=True)
        if not facts.suspended:
            await api.suspend_supervisor(id_, comment=self.work.comment)
            event = Event("Normal", EventReason.SUSPENDED, "Recreate", f"Suspended {id_}")
            return self._on_the_way(facts, "is suspended", (event,))
        status = facts.status
        if status is not None and (status.active_tasks or status.publishing_tasks):
            left = len(status.active_tasks) + len(status.publishing_tasks)
            return self._on_the_way(facts, f"is suspended; {left} tasks publish their rows")
        note = f"Terminated supervisor {id_} to make it anew: {self.decision.message}"
        if self.decision.reset:
            await api.reset_supervisor(id_, comment=self.work.comment)
            note += "; its offsets are forgotten"
        try:
            await api.terminate_supervisor(id_, comment=self.work.comment)
        except errors.NotFound:
            pass  # it is gone already
        self.work.connection.view.forget(id_, self.work.clock.monotonic())
        event = Event("Normal", EventReason.SHUT_DOWN, "Recreate", note)
        return self._on_the_way(facts, "is terminated", (event,), forget=True)

    async def _make_use_of_consent(self) -> None:
        """From here on the consent holds until the work is done, whatever else is edited."""
        if self.consent.state != "Sent":
            await self.work.remember({"requests": self._records("Sent")})

    def _records(self, state: RequestState) -> list[JSON]:
        record = attrs.evolve(self.consent, state=state)
        records = recorded(read_records(self.work.status), record, self.work.clock.now())
        return write_records(records)

    def _on_the_way(
        self,
        facts: SupervisorFacts,
        words: str,
        events: tuple[Event, ...] = (),
        *,
        forget: bool = False,
    ) -> Facts:
        remember: JSON = {}
        if forget:
            # Another id: nothing of the old one must be taken for the new one's.
            remember = dict.fromkeys(("supervisorId", "taskId", "specHash", "liveBaseline"))
            remember["requests"] = self._records("Done")
        trouble = Trouble("Recreating", f"supervisor {self.decision.target} {words}")
        return Facts(
            desired=self.work.desired,
            supervisor=facts,
            trouble=trouble,
            synced=False,
            remember=remember,
            events=events,
            requeue_after=DRAIN_PERIOD if not forget else 0.1,
        )
