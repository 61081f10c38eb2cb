"""What is told about an ingestion: status, in one write at most, events, and figures."""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from druid_operator.api.v1alpha1 import DRUID_INGESTION
from druid_operator.api.v1alpha1.keys import FIELD_MANAGER_INGESTION
from druid_operator.internal.controller.druidingestion.events import EventReason
from druid_operator.internal.controller.druidingestion.facts import Facts
from druid_operator.internal.controller.druidingestion.metrics import IngestionMetrics
from druid_operator.internal.controller.druidingestion.reasons import ConditionReason as Reason
from druid_operator.internal.controller.druidingestion.reasons import ConditionType
from druid_operator.internal.controller.druidingestion.status import build_status
from druid_operator.internal.controller.reporting import Event, status_patch
from druid_operator.pkg.client import Client, merge_patch
from druid_operator.pkg.clock import Clock
from druid_operator.pkg.errors import NotFound
from druid_operator.pkg.meta import JSON, NamespacedName, find_condition
from druid_operator.pkg.recorder import EventRecorder


@attrs.frozen
class Reporter:
    """The only writer of an ingestion's status.

    It writes on top of the version that it last saw: an object that was deleted and made anew under
    the same name is another ingestion. A precondition on the uid would say just that, but the API
    server ignores one in a merge patch of a status.
    """

    client: Client
    recorder: EventRecorder
    metrics: IngestionMetrics
    clock: Clock

    async def remember(self, ingestion: JSON, fields: JSON) -> None:
        """Write some status fields now; return when the API server has them.

        Raises:
            NotFound, Conflict: the object is gone or was changed, and whatever needed it remembered
                must not happen in this pass.
        """
        await self._patch(await self._current(ingestion), {"status": fields})

    async def report(self, ingestion: JSON, facts: Facts) -> None:
        """Write what a pass found out, and tell its events. Raises ``Conflict``: another pass."""
        try:
            # What was remembered on the way is part of what is compared.
            current = await self._current(ingestion)
        except NotFound:
            return
        status = build_status(
            {**ingestion, "status": current.get("status")}, facts, now=self.clock.now()
        )
        self.record(ingestion, [*facts.events, *_news(current.get("status"), facts)])
        self.metrics.observe(NamespacedName.of(ingestion), status, facts)
        await self.write(current, status)

    async def write(self, ingestion: JSON, status: JSON) -> None:
        """One write, none when nothing changed. Raises ``Conflict``."""
        body = status_patch(ingestion.get("status"), status)
        if body is None:
            return
        try:
            await self._patch(ingestion, body)
        except NotFound:
            return  # deleted meanwhile: nobody is left to read it

    def record(self, ingestion: JSON, events: Iterable[Event]) -> None:
        for event in events:
            self.recorder.event(ingestion, event.type, event.reason, event.action, event.note)

    async def _current(self, ingestion: JSON) -> JSON:
        """The same object as it is now, own writes included. Raises ``NotFound``."""
        key = NamespacedName.of(ingestion)
        found = await self.client.get(DRUID_INGESTION, key)
        if found["metadata"]["uid"] != ingestion["metadata"]["uid"]:
            raise NotFound(f"{key} is another object now")
        return found

    async def _patch(self, seen: JSON, body: JSON) -> None:
        version = seen["metadata"]["resourceVersion"]
        await self.client.patch(
            DRUID_INGESTION,
            NamespacedName.of(seen),
            merge_patch({"metadata": {"resourceVersion": version}, **body}),
            subresource="status",
            field_owner=FIELD_MANAGER_INGESTION,
        )


def _news(old: JSON | None, facts: Facts) -> Iterable[Event]:
    """A trouble is told once, when its reason or its words are new, and not with every pass."""
    trouble = facts.trouble
    if trouble is None or not trouble.stalled or facts.events:
        return
    before = find_condition((old or {}).get("conditions"), ConditionType.STALLED)
    told = (before.get("reason"), before.get("message")) if before else None
    if told == (trouble.reason, trouble.message):
        return
    known: dict[str, EventReason] = {
        Reason.INVALID_SPEC: EventReason.INVALID,
        Reason.CONFLICT: EventReason.CONFLICT,
    }
    reason = known.get(trouble.reason, EventReason.OPERATION_FAILED)
    yield Event("Warning", reason, "Reconcile", trouble.message)
