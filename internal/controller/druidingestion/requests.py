"""One-shot requests to a streaming supervisor: recorded, carried out, reported."""

from __future__ import annotations

import attrs

from druid_operator.internal.controller.druidingestion.events import EventReason
from druid_operator.internal.controller.druidingestion.work import Work
from druid_operator.internal.controller.reporting import Event
from druid_operator.internal.ingestion.redact import redact_text
from druid_operator.internal.ingestion.requests import (
    Pending,
    RequestRecord,
    interrupted,
    next_request,
    read_records,
    recorded,
    write_records,
)
from druid_operator.pkg.druidapi import errors
from druid_operator.pkg.meta import JSON

_LOST = "whether Druid carried it out is not known, so it is not repeated: look, and use another id"


@attrs.frozen
class RequestsPass:
    """At most one request per pass, for a supervisor that is there and in sync."""

    work: Work

    async def run(self) -> tuple[JSON, tuple[Event, ...]]:
        """Status fields to remember, and what to tell. Raises ``DruidError``."""
        records = read_records(self.work.status)
        lost = interrupted([r for r in records if r.name != "recreate"])
        if lost is not None:
            return self._ended(records, attrs.evolve(lost, state="Unknown", message=_LOST))
        pending = next_request(self.work.spec.requests, records)
        if pending is None:
            return {}, ()
        record = RequestRecord(pending.name, pending.id, "Sent", self.work.generation)
        records = recorded(records, record, self.work.clock.now())
        # The law of this file: an id that was sent once is in the status, whatever follows.
        await self.work.remember({"requests": write_records(records)})
        try:
            await self._send(pending)
        except errors.OutcomeUnknown:
            return self._ended(records, attrs.evolve(record, state="Unknown", message=_LOST))
        except errors.DruidError as error:
            words = redact_text(error.message)
            return self._ended(records, attrs.evolve(record, state="Failed", message=words))
        return self._ended(records, attrs.evolve(record, state="Done"))

    async def _send(self, pending: Pending) -> None:
        api, id_ = self.work.connection.api, self.work.desired.supervisor_id
        if pending.name == "resetOffsets":
            await api.reset_supervisor(id_, comment=self.work.comment)
            return
        stream = self.work.desired.stream.partition(":")[2]
        partitions = {
            "type": "end", "stream": stream, "partitionOffsetMap": dict(pending.offsets),
        }  # fmt: skip
        offsets = {"type": self.work.desired.type, "partitions": partitions}
        await api.reset_offsets(id_, offsets, comment=self.work.comment)

    def _ended(
        self, records: tuple[RequestRecord, ...], record: RequestRecord
    ) -> tuple[JSON, tuple[Event, ...]]:
        after = recorded(records, record, self.work.clock.now())
        words = f"Request {record.name} {record.id}: {record.message or 'carried out'}"
        if record.state == "Done":
            event = Event("Normal", EventReason.REQUEST_DONE, "Request", words)
        else:
            event = Event("Warning", EventReason.REQUEST_FAILED, "Request", words)
        return {"requests": write_records(after)}, (event,)
