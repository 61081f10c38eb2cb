"""The supervisors of the fake: stored specs, their history, and the streaming tasks they run.

As with tasks, everything that passes with time is computed when somebody asks (``refresh``).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import attrs

from druid_operator.pkg.clock import Clock
from druid_operator.pkg.druidapi.fake.behaviour import Behaviour, Kafka
from druid_operator.pkg.druidapi.fake.jackson import JSON, seconds
from druid_operator.pkg.druidapi.fake.task_store import (
    FAILED,
    SUCCESS,
    StoredTask,
    TaskStore,
    stamp,
)
from druid_operator.pkg.druidapi.fake.versions import Version

STREAMS = ("kafka", "kinesis", "rabbit")

#: Seconds between the deaths of tasks that fail at once, as seen on 33.0.0.
_RESPAWN = 2.0


@attrs.define
class StoredSupervisor:
    """One supervisor.

    Attributes:
        spec: normalised, as GET answers it.
        started: monotonic time of the last (re)start.
        generation: how many times it was started; a test counts restarts with it.
        task_ids: the streaming tasks of this generation, once they exist.
    """

    id: str
    type: str
    data_source: str
    spec: JSON
    started: float
    generation: int = 1
    task_ids: list[str] = attrs.field(factory=list)
    respawned: int = 0

    @property
    def suspended(self) -> bool:
        return self.spec.get("suspended") is True

    @property
    def is_stream(self) -> bool:
        return self.type in STREAMS

    @property
    def io(self) -> JSON:
        config: JSON = self.spec["spec"]["ioConfig"]
        return config


class SupervisorStore:
    """All supervisors, and the history of all that ever were."""

    def __init__(
        self, clock: Clock, version: Version, behaviour: Behaviour, tasks: TaskStore
    ) -> None:
        self._clock = clock
        self._version = version
        self._behaviour = behaviour
        self._tasks = tasks
        self._supervisors: dict[str, StoredSupervisor] = {}
        self.history: dict[str, list[JSON]] = {}

    def __iter__(self) -> Iterator[StoredSupervisor]:
        return iter(list(self._supervisors.values()))

    def __len__(self) -> int:
        return len(self._supervisors)

    def __contains__(self, supervisor_id: object) -> bool:
        return supervisor_id in self._supervisors

    def __getitem__(self, supervisor_id: str) -> StoredSupervisor:
        return self._supervisors[supervisor_id]

    def get(self, supervisor_id: str) -> StoredSupervisor | None:
        return self._supervisors.get(supervisor_id)

    # --- changes -------------------------------------------------------------------------------

    def put(
        self, supervisor_id: str, data_source: str, spec: JSON, *, skip_unmodified: bool
    ) -> tuple[bool, bool]:
        """Create or replace; answers whether the spec was modified and the supervisor restarted."""
        old = self._supervisors.get(supervisor_id)
        modified = old is None or old.spec != spec
        if not modified and skip_unmodified and self._version.skips_unmodified:
            return False, False
        if modified or not self._version.skips_unmodified:
            self._record(supervisor_id, spec)
        generation = 1
        if old is not None:
            self._stop_tasks(old)
            generation = old.generation + 1
        self._supervisors[supervisor_id] = StoredSupervisor(
            id=supervisor_id,
            type=spec["type"],
            data_source=data_source,
            spec=spec,
            started=self._clock.monotonic(),
            generation=generation,
        )
        return modified, True

    def switch(self, supervisor_id: str, *, suspended: bool) -> StoredSupervisor:
        old = self._supervisors[supervisor_id]
        spec = {**old.spec, "suspended": suspended}
        self.put(supervisor_id, old.data_source, spec, skip_unmodified=False)
        return self._supervisors[supervisor_id]

    def remove(self, supervisor_id: str) -> None:
        """Terminate: the tombstone stays in the history."""
        old = self._supervisors.pop(supervisor_id)
        self._stop_tasks(old)
        tombstone = {
            "type": "noop", "id": None, "dataSources": [old.data_source],
            "suspended": False, "source": "noop",
        }  # fmt: skip
        self._record(supervisor_id, tombstone)

    def restart(self, supervisor_id: str, why: str) -> None:
        """What a reset does: tasks die, and new ones start from other offsets."""
        supervisor = self._supervisors[supervisor_id]
        for task_id in supervisor.task_ids:
            self._tasks.stop(task_id, outcome=FAILED, error=why)
        supervisor.task_ids = []
        supervisor.started = self._clock.monotonic()
        supervisor.generation += 1

    def forget_volatile(self) -> None:
        """What an Overlord's restart loses: the tombstone type."""
        for supervisor in self:
            if supervisor.type == "noop":
                del self._supervisors[supervisor.id]

    def _record(self, supervisor_id: str, spec: JSON) -> None:
        entry = {"spec": spec, "version": stamp(self._clock.now())}
        self.history.setdefault(supervisor_id, []).insert(0, entry)

    def _stop_tasks(self, supervisor: StoredSupervisor) -> None:
        for task_id in supervisor.task_ids:
            self._tasks.stop(task_id, outcome=SUCCESS, error=None)

    # --- what time brings ----------------------------------------------------------------------

    def age(self, supervisor: StoredSupervisor) -> float:
        """Seconds since its first run; negative until then."""
        delay = self._behaviour.start_delay
        if delay is None:
            delay = seconds(supervisor.io.get("startDelay")) if supervisor.is_stream else 0.0
        return self._clock.monotonic() - supervisor.started - delay

    def kafka(self, supervisor: StoredSupervisor) -> Kafka:
        if self._behaviour.kafka is not None:
            return self._behaviour.kafka
        consumer = supervisor.io.get("consumerProperties") or {}
        servers = str(consumer.get("bootstrap.servers", "")).split(",")
        hosts = [s.strip().rpartition(":") for s in servers]
        if all(host.endswith(".invalid") for host, _, _ in hosts):
            return "unresolvable"
        return "unreachable" if all(port == "1" for _, _, port in hosts) else "reachable"

    def fails_tasks(self, supervisor: StoredSupervisor) -> bool:
        # 33.0.0 kills every task of a supervisor whose taskDuration is below a minute.
        short = seconds(supervisor.io.get("taskDuration")) < 60
        return short or supervisor.data_source in self._behaviour.failing_tasks

    def refresh(self) -> None:
        """Start the tasks that should have started by now, and bury those that died."""
        for supervisor in self:
            if not supervisor.is_stream or supervisor.suspended or self.age(supervisor) < 0:
                continue
            if self.kafka(supervisor) != "reachable":
                continue
            if self.fails_tasks(supervisor):
                self._respawn(supervisor)
            elif not supervisor.task_ids:
                count = supervisor.io["taskCount"] * supervisor.io["replicas"]
                supervisor.task_ids = [self._spawn(supervisor, n).id for n in range(count)]

    def _respawn(self, supervisor: StoredSupervisor) -> None:
        due = int(self.age(supervisor) / _RESPAWN) + 1
        for number in range(supervisor.respawned, due):
            task = self._spawn(supervisor, number)
            words = "Failed with exception [null]. See indexer logs for details."
            self._tasks.stop(task.id, outcome=FAILED, error=words)
        supervisor.respawned = max(due, supervisor.respawned)

    def _spawn(self, supervisor: StoredSupervisor, number: int) -> StoredTask:
        group = f"index_{supervisor.type}_{supervisor.id}"
        seed = f"{supervisor.id}/{supervisor.generation}"
        spec_hash = hashlib.sha1(seed.encode(), usedforsecurity=False).hexdigest()[:15]
        suffix = "".join(chr(97 + int(d, 16)) for d in f"{number:08x}")
        task_id = f"{group}_{spec_hash}_{suffix}"
        now = self._clock.monotonic()
        task = StoredTask(
            id=task_id,
            type=f"index_{supervisor.type}",
            data_source=supervisor.data_source,
            payload=self._payload(supervisor, task_id),
            created=self._clock.now(),
            begins=now,
            ends=None,
            group=group,
        )
        self._tasks.add(task)
        return task

    def _payload(self, supervisor: StoredSupervisor, task_id: str) -> JSON:
        spec = supervisor.spec["spec"]
        return {
            "type": f"index_{supervisor.type}",
            "id": task_id,
            "resource": {"availabilityGroup": task_id, "requiredCapacity": 1},
            "dataSchema": spec["dataSchema"],
            "tuningConfig": spec["tuningConfig"],
            "ioConfig": spec["ioConfig"],
            "context": dict(supervisor.spec.get("context") or {}),
            "dataSource": supervisor.data_source,
        }
