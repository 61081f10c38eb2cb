"""Takes events from reconcilers without ever making them wait.

Guarantees:
    ``event`` neither awaits nor fails because of the API server. What cannot be kept is dropped and
    counted in ``controller_runtime_events_dropped_total``, by reason: ``spam`` (too many kinds of
    event for one object), ``queue_full``, ``refused`` (by the API server), ``failed`` (it could not
    be reached).
    ``flush`` ends within ``FLUSH_LIMIT``.

Does not guarantee:
    That an event is written. Events are for people; nothing may depend on them.
"""

from __future__ import annotations

import asyncio
import random
import socket
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from druid_operator.pkg.client.interface import Writer
from druid_operator.pkg.clock import Clock, SystemClock
from druid_operator.pkg.metrics import Metrics
from druid_operator.pkg.recorder.reference import ObjectReference
from druid_operator.pkg.recorder.series import MAX_WORD, EventKey, EventType, SeriesBook, cut
from druid_operator.pkg.recorder.series_writer import SeriesWriter
from druid_operator.pkg.recorder.spam import SpamFilter

#: Seconds between looks for series to refresh or to finish.
HOUSEKEEPING = 60.0


class EventRecorder(Protocol):
    """What a reconciler is given."""

    def event(
        self,
        regarding: Mapping[str, Any] | ObjectReference,
        type_: EventType,
        reason: str,
        action: str,
        note: str,
        *,
        related: Mapping[str, Any] | ObjectReference | None = None,
        annotations: Mapping[str, str] | None = None,
    ) -> None:
        """Record that something happened.

        Args:
            regarding: the object that it happened to.
            type_: ``Warning`` when somebody should look.
            reason: why, CamelCase, from a closed set: it is what people filter by.
            action: what was done or tried, CamelCase.
            note: a sentence; cut at 1024 bytes. Never holds a Secret's data.
            related: a second object that took part.
            annotations: put on the event that starts a series.

        Raises:
            ValueError: ``reason`` or ``action`` is empty, which the API server would refuse.
        """
        ...


class Recorder:
    """The :class:`EventRecorder` of one controller or manager, and the runnable that writes.

    Args:
        writer: live, and not fenced by a lease.
        controller: ``reportingController``, a qualified name: ``example.com/name``.
        instance: ``reportingInstance``; the host's name by default, which is the Pod's.
        clock: wall time for the events, monotonic time for what is measured.
        metrics: counts what was dropped.
        uniform: draws from [0, 1) to spread retries.
    """

    need_leader_election = False

    def __init__(
        self,
        writer: Writer,
        controller: str,
        *,
        instance: str = "",
        clock: Clock | None = None,
        metrics: Metrics | None = None,
        uniform: Callable[[], float] = random.random,
    ) -> None:
        self._controller = controller
        self._instance = cut(instance or socket.gethostname(), MAX_WORD)
        self._clock = clock or SystemClock()
        self._dropped = metrics.events_dropped_total if metrics else None
        self._book = SeriesBook()
        self._spam = SpamFilter()
        self._writer = SeriesWriter(
            writer, self._book, clock=self._clock, dropped=self._drop, uniform=uniform
        )

    def __repr__(self) -> str:
        return "event recorder"

    def event(
        self,
        regarding: Mapping[str, Any] | ObjectReference,
        type_: EventType,
        reason: str,
        action: str,
        note: str,
        *,
        related: Mapping[str, Any] | ObjectReference | None = None,
        annotations: Mapping[str, str] | None = None,
    ) -> None:
        """See :meth:`EventRecorder.event`. To be called from the event loop's thread."""
        if not reason or not action:
            raise ValueError("an event needs a reason and an action")
        key = EventKey(
            type_,
            cut(reason, MAX_WORD),
            cut(action, MAX_WORD),
            self._controller,
            self._instance,
            _reference(regarding),
            None if related is None else _reference(related),
        )
        now = self._clock.monotonic()
        if key not in self._book and not self._spam.allows(key.regarding, now):
            self._drop("spam")
            return
        series = self._book.observe(key, note, annotations, wall=self._clock.now(), now=now)
        if series.unwritten():
            self._writer.enqueue(series)

    async def start(self) -> None:
        """Write until cancelled. :meth:`flush` writes what is then left."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._writer.run())
            while True:
                await asyncio.sleep(HOUSEKEEPING)
                now = self._clock.monotonic()
                for series in self._book.due_for_refresh(now) + self._book.finish_silent(now):
                    self._writer.enqueue(series)

    async def flush(self) -> None:
        """Write once what the server does not know. To be called when no more events will come."""
        for series in self._book:
            if series.unwritten(flush=True):
                self._writer.enqueue(series)
        await self._writer.finish()

    def _drop(self, why: str) -> None:
        if self._dropped is not None:
            self._dropped.labels(why).inc()


class FakeRecorder:
    """Keeps what it is told, for tests of reconcilers: ``Warning Reason note``, a line each."""

    def __init__(self) -> None:
        self.events: list[str] = []

    def event(
        self,
        regarding: Mapping[str, Any] | ObjectReference,
        type_: EventType,
        reason: str,
        action: str,
        note: str,
        *,
        related: Mapping[str, Any] | ObjectReference | None = None,
        annotations: Mapping[str, str] | None = None,
    ) -> None:
        self.events.append(f"{type_} {reason} {note}")


def _reference(obj: Mapping[str, Any] | ObjectReference) -> ObjectReference:
    return obj if isinstance(obj, ObjectReference) else ObjectReference.of(obj)
