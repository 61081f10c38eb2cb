"""One-shot requests: each id is carried out at most once, and what became of it is remembered.

A reset of offsets loses or repeats rows. So the record is written before Druid is asked, and a
request whose outcome is not known is reported, never repeated: that takes another id.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

import attrs

from druid_operator.api.v1alpha1.druidingestion_types import Requests
from druid_operator.pkg.clock import rfc3339
from druid_operator.pkg.meta import JSON

#: The names of the fields of ``spec.requests``.
RequestName = Literal["resetOffsets", "setOffsets", "recreate"]

#: ``Given``: a consent, not used yet. ``Sent``: written before Druid is asked.
RequestState = Literal["Given", "Sent", "Done", "Failed", "Unknown"]

#: Records kept: a request is recognised while its record is among them.
HISTORY = 10


@attrs.frozen
class RequestRecord:
    """One request, as status keeps it.

    Attributes:
        generation: of the object in which it was first seen.
    """

    name: str
    id: str
    state: RequestState
    generation: int = 0
    message: str = ""
    time: str = ""


@attrs.frozen
class Pending:
    """A request that wants something of Druid now."""

    name: RequestName
    id: str
    offsets: Mapping[str, int] = attrs.field(factory=dict)


def read_records(status: Mapping[str, Any]) -> tuple[RequestRecord, ...]:
    """Newest first."""
    return tuple(
        RequestRecord(
            name=str(row.get("name")),
            id=str(row.get("id")),
            state=row.get("state", "Unknown"),
            generation=int(row.get("generation") or 0),
            message=str(row.get("message") or ""),
            time=str(row.get("time") or ""),
        )
        for row in status.get("requests") or ()
    )


def write_records(records: Sequence[RequestRecord]) -> list[JSON]:
    return [{k: v for k, v in attrs.asdict(r).items() if v not in ("", 0)} for r in records]


def recorded(
    records: Sequence[RequestRecord], record: RequestRecord, now: datetime
) -> tuple[RequestRecord, ...]:
    """The records with ``record`` as the newest, in place of an older one of the same request."""
    others = [r for r in records if (r.name, r.id) != (record.name, record.id)]
    return (attrs.evolve(record, time=rfc3339(now)), *others)[:HISTORY]


def find_record(
    records: Sequence[RequestRecord], name: RequestName, id_: str
) -> RequestRecord | None:
    return next((r for r in records if (r.name, r.id) == (name, id_)), None)


def next_request(requests: Requests | None, records: Sequence[RequestRecord]) -> Pending | None:
    """The first request that was not seen yet; a reset before offsets are set."""
    if requests is None:
        return None
    reset, offsets = requests.reset_offsets, requests.set_offsets
    if reset is not None and find_record(records, "resetOffsets", reset.id) is None:
        return Pending("resetOffsets", reset.id)
    if offsets is not None and find_record(records, "setOffsets", offsets.id) is None:
        return Pending("setOffsets", offsets.id, offsets.partition_offset_map)
    return None


def interrupted(records: Sequence[RequestRecord]) -> RequestRecord | None:
    """One that was sent by a pass which did not live to see the answer."""
    return next((r for r in records if r.state == "Sent"), None)


def consent(
    requests: Requests | None, records: Sequence[RequestRecord], generation: int
) -> RequestRecord | None:
    """The record of a consent to a recreation that holds now, new or known; ``None``: none holds.

    A consent holds for the generation in which it is first seen: one that lies around must not
    cover a later slip of the pen. Once made use of, it holds until the work is done.
    """
    if requests is None or requests.recreate is None:
        return None
    new = RequestRecord("recreate", requests.recreate.id, "Given", generation)
    found = find_record(records, "recreate", new.id) or new
    holds = found.state == "Sent" or (found.state == "Given" and found.generation == generation)
    return found if holds else None
