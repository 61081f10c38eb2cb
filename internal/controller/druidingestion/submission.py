"""What is remembered and told once Druid has, takes or refuses a supervisor's document. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import attrs

from druid_operator.internal.controller.druidingestion.events import EventReason
from druid_operator.internal.controller.reporting import Event
from druid_operator.internal.druidconn import SupervisorFacts
from druid_operator.internal.ingestion.compare import baseline_of, differences_from
from druid_operator.internal.ingestion.document import DesiredDocument
from druid_operator.internal.ingestion.go_status import (
    CREATE_SUCCESS,
    UPDATE_SUCCESS,
    spec_text_that_fits,
)
from druid_operator.internal.ingestion.verdict import Decision
from druid_operator.pkg.clock import rfc3339
from druid_operator.pkg.meta import JSON

#: Fields that the status names; a document with more of them has another problem.
MAX_IGNORED = 20

#: Status fields, and events.
Words = tuple[JSON, tuple[Event, ...]]


@attrs.frozen
class Submission:
    """Args:
    version: of the Druid that was asked.
    status: of the object, as stored.
    cluster: name of the ``Druid``.
    secrets: versions of the Secrets whose values were sent, by name.
    """

    desired: DesiredDocument
    status: JSON
    version: str
    now: datetime
    cluster: str
    secrets: Mapping[str, str] = attrs.field(factory=dict)

    def taken(self, decision: Decision, facts: SupervisorFacts) -> Words:
        """Druid answered 200, and this is what it made of the document."""
        live = facts.spec or {}
        remember = self._has(baseline_of(self.desired, live)) | self._answered(
            created=decision.action == "Create"
        )
        # What is not there right after our own words was dropped: Druid never says so itself.
        kinds = ("ignored", "missing")
        differences = differences_from(self.desired, live) if live else ()
        ignored = [d.path for d in differences if d.kind in kinds]
        told = self._ignored(ignored)
        remember["ignoredFields"] = ignored[:MAX_IGNORED]
        return remember, (self._submitted(decision), *told)

    def found(self, decision: Decision) -> Words:
        """The document is in Druid already: a new version of Druid, or an answer that was lost."""
        remember = self._has(decision.live_baseline)
        known = self.status.get("specHash")
        if known == self.desired.spec_hash:
            return remember, ()
        # Druid took the document and its answer was lost, with our process or on the way.
        remember |= self._answered(created=not known)
        reason, action = (
            (EventReason.UPDATED, "Update") if known else (EventReason.CREATED, "Create")
        )
        note = f"Supervisor {self._id} has the document; the answer to its submission was lost"
        return remember, (Event("Normal", reason, action, note),)

    def adopted(self, decision: Decision) -> Words:
        note = f"Adopted supervisor {self._id} without a restart: {decision.message}"
        return self._has(decision.live_baseline), (
            Event("Normal", EventReason.ADOPTED, "Adopt", note),
        )

    def rejected(self, message: str, *, created: bool) -> Words:
        reason = EventReason.CREATE_FAILED if created else EventReason.UPDATE_FAILED
        remember = {
            "rejected": {
                "specHash": self.desired.spec_hash,
                "druidVersion": self.version,
                "message": message,
                "time": rfc3339(self.now),
            }
        }
        event = Event("Warning", reason, "Create" if created else "Update", message)
        return remember, (event,)

    @property
    def _id(self) -> str:
        return self.desired.supervisor_id

    def _has(self, baseline: str) -> JSON:
        """What to remember of a document that Druid has."""
        return {
            "druidCluster": self.cluster,
            "supervisorId": self._id,
            "taskId": self._id,
            "specHash": self.desired.spec_hash,
            "liveBaseline": baseline,
            "druidVersion": self.version,
            "rejected": None,
            "secretVersions": dict(self.secrets) or None,
            "currentIngestionSpec.json": spec_text_that_fits(self.desired.raw),
        }

    def _answered(self, *, created: bool) -> JSON:
        """Druid's consent, in the Go operator's words."""
        words = CREATE_SUCCESS if created else UPDATE_SUCCESS
        return {
            "type": words,
            "message": words,
            "status": "True",
            "reason": f'{{"id":"{self._id}"}}',
            "lastUpdateTime": rfc3339(self.now),
        }

    def _submitted(self, decision: Decision) -> Event:
        if decision.action == "Create":
            note = f"Submitted supervisor {self._id}: {decision.message}"
            return Event("Normal", EventReason.CREATED, "Create", note)
        if decision.reason == "SecretChanged":
            note = f"Updated supervisor {self._id}: a Secret that the document names has changed"
            return Event("Normal", EventReason.UPDATED, "Update", note)
        if decision.reason == "DriftCorrected":
            note = f"Supervisor {self._id} was changed by somebody else: {decision.message}"
            return Event("Warning", EventReason.DRIFT_CORRECTED, "Update", note)
        note = f"Updated supervisor {self._id}: {decision.message or 'the document changed'}"
        return Event("Normal", EventReason.UPDATED, "Update", note)

    def _ignored(self, paths: list[str]) -> tuple[Event, ...]:
        if not paths or paths[:MAX_IGNORED] == self.status.get("ignoredFields"):
            return ()
        note = f"Druid does not know these fields and dropped them: {', '.join(paths[:5])}"
        return (Event("Warning", EventReason.FIELDS_IGNORED, "Submit", note),)
