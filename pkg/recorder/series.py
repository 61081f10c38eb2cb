"""Which events are one series, and what of it the server does not know yet. Pure: time is an
argument.

The first event of a series is created, the second makes a series of it, and from then on only a
count in memory goes up; it is written every half hour and when the series has ended. So a loop that
fails every second costs two writes and not a thousand.

The note is not part of what makes a series: error texts carry ids and times, and each would start a
new one. A series keeps the note of its first event.

Source: client-go ``tools/events/event_broadcaster.go``.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Literal

import attrs

from druid_operator.pkg.clock import rfc3339_micro
from druid_operator.pkg.meta import JSON, NamespacedName
from druid_operator.pkg.recorder.reference import ObjectReference

EventType = Literal["Normal", "Warning"]

#: Seconds between writes of a series that goes on, and of silence that ends one.
REFRESH_AFTER = 30 * 60.0
FINISH_AFTER = 6 * 60.0

#: Limits that the API server enforces, in bytes. Source: kubernetes ``ValidateEventCreate``.
MAX_WORD = 128
MAX_NOTE = 1024
MAX_NAME = 253


@attrs.frozen
class EventKey:
    """Events with one key are one series."""

    type: EventType
    reason: str
    action: str
    controller: str
    instance: str
    regarding: ObjectReference
    related: ObjectReference | None = None


@attrs.define(eq=False)
class Series:
    """All events of one key since the last silence.

    ``written`` is the count that the server has: 0 before the event was created.
    """

    key: EventKey
    body: JSON
    count: int
    last_observed: datetime
    seen_at: float  # monotonic
    written: int = 0
    written_at: float = 0.0

    @property
    def event(self) -> NamespacedName:
        return NamespacedName.of(self.body)

    def unwritten(self, *, flush: bool = False) -> bool:
        """Is there something to write now? With ``flush`` a count that only grew is enough."""
        if self.written == 0:
            return True
        if self.written == 1:
            return self.count > 1
        return flush and self.count > self.written

    def series_patch(self) -> JSON:
        """The merge patch with the count as it is."""
        return {
            "series": {
                "count": self.count,
                "lastObservedTime": rfc3339_micro(self.last_observed),
            }
        }


class SeriesBook:
    """All series that are going on."""

    def __init__(self) -> None:
        self._series: dict[EventKey, Series] = {}
        self._serial = itertools.count()

    def observe(
        self,
        key: EventKey,
        note: str,
        annotations: Mapping[str, str] | None,
        *,
        wall: datetime,
        now: float,
    ) -> Series:
        """Count one event in; the first of its key starts a series."""
        series = self._series.get(key)
        if series is None:
            body = build_event(key, note, annotations, wall, serial=next(self._serial))
            series = self._series[key] = Series(key, body, 1, wall, now)
        else:
            series.count += 1
            series.last_observed = wall
            series.seen_at = now
        return series

    def __contains__(self, key: EventKey) -> bool:
        return key in self._series

    def __iter__(self) -> Iterator[Series]:
        return iter(tuple(self._series.values()))

    def __len__(self) -> int:
        return len(self._series)

    def drop(self, series: Series) -> None:
        """Forget it: the next event of its key starts a new one."""
        if self._series.get(series.key) is series:
            del self._series[series.key]

    def finish_silent(self, now: float) -> list[Series]:
        """Take out what has been silent for ``FINISH_AFTER``; return what of it is unwritten."""
        silent = [s for s in self if now - s.seen_at >= FINISH_AFTER]
        for series in silent:
            self.drop(series)
        return [s for s in silent if s.unwritten(flush=True)]

    def due_for_refresh(self, now: float) -> list[Series]:
        """Those that go on and whose count on the server is ``REFRESH_AFTER`` old."""
        return [s for s in self if s.unwritten(flush=True) and now - s.written_at >= REFRESH_AFTER]


def build_event(
    key: EventKey,
    note: str,
    annotations: Mapping[str, str] | None,
    wall: datetime,
    *,
    serial: int,
) -> JSON:
    """The ``events.k8s.io/v1`` object, within the limits that the API server enforces.

    It lives in the namespace of what it is about, or in ``default`` when that has none.
    """
    metadata: JSON = {
        "name": event_name(key.regarding.name, wall, serial),
        "namespace": key.regarding.namespace or "default",
    }
    if annotations:
        metadata["annotations"] = dict(annotations)
    event: JSON = {
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": metadata,
        "eventTime": rfc3339_micro(wall),
        "type": key.type,
        "reason": key.reason,
        "action": key.action,
        "note": cut(note, MAX_NOTE),
        "reportingController": key.controller,
        "reportingInstance": key.instance,
        "regarding": key.regarding.to_json(),
    }
    if key.related is not None:
        event["related"] = key.related.to_json()
    return event


def cut(text: str, limit: int) -> str:
    """At most ``limit`` bytes of UTF-8, and no half character at the end."""
    return text.encode()[:limit].decode(errors="ignore")


def event_name(object_name: str, wall: datetime, serial: int) -> str:
    """``<object>.<hex nanoseconds>``, a legal name even where the object's own is not.

    Wall time has no nanoseconds here: ``serial`` fills them, so that a burst has no namesakes.
    """
    nanoseconds = int(wall.timestamp() * 1_000_000) * 1000 + serial % 1000
    suffix = f".{nanoseconds:x}"
    # Names of roles may hold colons and capitals.
    stem = re.sub(r"[^a-z0-9.-]", "-", object_name.lower())[: MAX_NAME - len(suffix)]
    return (stem.strip(".-") or "event") + suffix
