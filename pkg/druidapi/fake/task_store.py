"""The tasks of the fake: what was submitted, and what has become of it by now.

A task's state is computed from the clock when somebody asks, so nothing runs in the background and
a test moves time by moving its clock.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from uuid import uuid4

import attrs

from druid_operator.pkg.clock import Clock
from druid_operator.pkg.druidapi.fake.jackson import JSON

RUNNING, SUCCESS, FAILED = "RUNNING", "SUCCESS", "FAILED"

_HOST = {"host": "127.0.0.1", "port": 8091, "tlsPort": -1}
_NOWHERE = {"host": None, "port": -1, "tlsPort": -1}


@attrs.define
class StoredTask:
    """One task.

    Attributes:
        begins: monotonic time at which a worker takes it.
        ends: monotonic time at which it ends by itself; ``None`` for a streaming task.
        outcome: what it ends as, with ``error`` for a failure.
        stopped: monotonic time at which somebody ended it.
    """

    id: str
    type: str
    data_source: str
    payload: JSON
    created: datetime
    begins: float
    ends: float | None
    group: str = ""
    outcome: str = SUCCESS
    error: str | None = None
    stopped: float | None = None
    rows: int = 0
    unparseable: int = 0
    input_bytes: int = 0

    def state(self, now: float) -> str:
        if self.stopped is not None:
            return self.outcome
        if self.ends is None or now < self.ends:
            return RUNNING
        return self.outcome

    def ended(self, now: float) -> bool:
        return self.state(now) != RUNNING

    def runner_state(self, now: float) -> str:
        if self.ended(now):
            return "NONE"
        return "PENDING" if now < self.begins else "RUNNING"

    def duration(self, now: float) -> int:
        if not self.ended(now) or self.ends is None or (self.stopped is not None):
            return -1
        return round((self.ends - self.begins) * 1000)

    def row(self, now: float, *, listed: bool) -> JSON:
        """As ``/status`` gives it, or as a listing does: they differ for a finished task."""
        state = self.state(now)
        runner = self.runner_state(now)
        if not listed and runner == "NONE":
            runner = "WAITING"
        return {
            "id": self.id,
            "groupId": self.group or self.id,
            "type": self.type,
            "createdTime": stamp(self.created),
            # Only the task queue knows this time, and neither answer asks it.
            "queueInsertionTime": "1970-01-01T00:00:00.000Z",
            "statusCode": state,
            "status": state,
            "runnerStatusCode": runner,
            "duration": self.duration(now),
            "location": _NOWHERE if runner == "PENDING" else _HOST,
            "dataSource": self.data_source,
            "errorMsg": self.error if state == FAILED else None,
        }


def stamp(moment: datetime) -> str:
    """Joda's way to write an instant: milliseconds, ``Z``."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


class TaskStore:
    """All tasks, in the order they came."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._tasks: dict[str, StoredTask] = {}

    def __iter__(self) -> Iterator[StoredTask]:
        return iter(list(self._tasks.values()))

    def __len__(self) -> int:
        return len(self._tasks)

    def get(self, task_id: str) -> StoredTask | None:
        return self._tasks.get(task_id)

    def add(self, task: StoredTask) -> None:
        self._tasks[task.id] = task

    def forget(self, task_id: str) -> None:
        """What cleaning up the metadata store does to old tasks."""
        self._tasks.pop(task_id, None)

    def active(self) -> list[StoredTask]:
        now = self._clock.monotonic()
        return [t for t in self if not t.ended(now)]

    def stop(self, task_id: str, *, outcome: str, error: str | None) -> None:
        task = self._tasks[task_id]
        now = self._clock.monotonic()
        if not task.ended(now):
            task.stopped, task.outcome, task.error = now, outcome, error

    def new_id(self, prefix: str) -> str:
        return f"{prefix}_{stamp(self._clock.now())}_{uuid4()}"

    def rows_of(self, data_source: str) -> int:
        """Rows that finished batch tasks left in a datasource; appending adds, else the last one
        counts."""
        now = self._clock.monotonic()
        total = 0
        for task in self:
            if task.data_source != data_source or task.state(now) != SUCCESS or task.ends is None:
                continue
            appends = task.payload.get("spec", {}).get("ioConfig", {}).get("appendToExisting")
            total = total + task.rows if appends else task.rows
        return total


def count_rows(spec: JSON) -> tuple[int, int, int]:
    """Rows, unparseable rows and bytes of an inline JSON source; nothing for any other source."""
    source = spec.get("ioConfig", {}).get("inputSource") or {}
    text = source.get("data") if source.get("type") == "inline" else None
    if not isinstance(text, str):
        return 0, 0, 0
    good = bad = 0
    for line in filter(None, text.split("\n")):
        try:
            json.loads(line)
        except ValueError:
            bad += 1
        else:
            good += 1
    return good, bad, len(text.encode())
