"""What a supervisor of the fake says about itself: state, health, status payload."""

from __future__ import annotations

from datetime import timedelta

import attrs

from druid_operator.pkg.druidapi.fake.behaviour import (
    MEASURED_LAG_AFTER,
    MEASURED_UNHEALTHY_AFTER,
    Behaviour,
)
from druid_operator.pkg.druidapi.fake.cluster import Cluster
from druid_operator.pkg.druidapi.fake.compaction_spec import invalid_reason
from druid_operator.pkg.druidapi.fake.jackson import JSON, seconds
from druid_operator.pkg.druidapi.fake.supervisor_store import StoredSupervisor
from druid_operator.pkg.druidapi.fake.task_store import stamp


@attrs.frozen
class State:
    state: str
    detailed: str
    healthy: bool


def state_of(cluster: Cluster, supervisor: StoredSupervisor) -> State:
    if supervisor.type == "noop":
        return State("RUNNING", "RUNNING", True)
    if not supervisor.is_stream:
        return _plain(cluster, supervisor)
    age = cluster.supervisors.age(supervisor)
    kafka = cluster.supervisors.kafka(supervisor)
    if age < 0 or kafka == "unresolvable":
        # A consumer that cannot even be built leaves the supervisor pending for ever.
        return State("PENDING", "PENDING", True)
    if kafka == "unreachable":
        # Also when suspended: a supervisor that never met its stream cannot say SUSPENDED.
        if age < _unhealthy_after(cluster.behaviour):
            return State("RUNNING", "CONNECTING_TO_STREAM", True)
        return State("UNHEALTHY_SUPERVISOR", "UNABLE_TO_CONNECT_TO_STREAM", False)
    word = "SUSPENDED" if supervisor.suspended else "RUNNING"
    return State(word, word, True)


def _plain(cluster: Cluster, supervisor: StoredSupervisor) -> State:
    if supervisor.suspended:
        return State("SUSPENDED", "SUSPENDED", True)
    stopped = supervisor.type == "autocompact" and not cluster.compaction_supervisors
    word = "SCHEDULER_STOPPED" if stopped else "RUNNING"
    return State(word, word, True)


def _unhealthy_after(behaviour: Behaviour) -> float:
    after = behaviour.unhealthy_after
    return MEASURED_UNHEALTHY_AFTER if after is None else after


def status_payload(cluster: Cluster, supervisor: StoredSupervisor) -> JSON | None:
    """``payload`` of ``/status``; ``None`` while a scheduled batch has not been scheduled."""
    if supervisor.type == "autocompact":
        return compaction_snapshot(cluster, supervisor.data_source, supervisor)
    if supervisor.type == "scheduled_batch":
        return _schedule(supervisor)
    state = state_of(cluster, supervisor)
    io = supervisor.io
    active = [_task(cluster, task_id) for task_id in supervisor.task_ids]
    age = cluster.supervisors.age(supervisor)
    connected = age >= 0 and cluster.supervisors.kafka(supervisor) == "reachable"
    payload: JSON = {"id": supervisor.id} if cluster.version.explicit_ids else {}
    return {
        **payload,
        "dataSource": supervisor.data_source,
        "stream": io["stream"],
        "partitions": 1 if connected else 0,
        "replicas": io["replicas"],
        "durationSeconds": int(seconds(io["taskDuration"])),
        "activeTasks": active,
        "publishingTasks": [],
        **_lag(cluster, supervisor, connected and age >= _lag_after(cluster.behaviour)),
        "suspended": supervisor.suspended,
        "healthy": state.healthy,
        "state": state.state,
        "detailedState": state.detailed,
        "recentErrors": _recent_errors(cluster, supervisor),
    }


def _lag_after(behaviour: Behaviour) -> float:
    return MEASURED_LAG_AFTER if behaviour.lag_after is None else behaviour.lag_after


def _lag(cluster: Cluster, supervisor: StoredSupervisor, known: bool) -> JSON:
    if not known or supervisor.suspended:
        newer: JSON = {"latestOffsets": {}} if cluster.version.explicit_ids else {}
        return {**newer, "minimumLag": {}, "aggregateLag": 0}
    lag = cluster.behaviour.lag.get(supervisor.data_source, 0)
    return {
        "latestOffsets": {"0": 1000 + lag},
        "minimumLag": {"0": lag},
        "aggregateLag": lag,
        "offsetsLastUpdated": stamp(cluster.clock.now()),
    }


def _task(cluster: Cluster, task_id: str) -> JSON:
    task = cluster.tasks.get(task_id)
    started = task.created if task else cluster.clock.now()
    return {
        "id": task_id,
        "startingOffsets": {"0": 0},
        "startTime": stamp(started),
        "remainingSeconds": 3600,
        "type": "ACTIVE",
        "currentOffsets": {},
        "lag": {},
    }


def _recent_errors(cluster: Cluster, supervisor: StoredSupervisor) -> list[JSON]:
    kafka = cluster.supervisors.kafka(supervisor)
    age = cluster.supervisors.age(supervisor)
    if kafka == "reachable" or age < 0:
        return []
    if kafka == "unresolvable":
        name, words = "org.apache.kafka.common.KafkaException", "Failed to construct kafka consumer"
    else:
        name = "org.apache.kafka.common.errors.TimeoutException"
        words = f"{name}: Timeout expired while fetching topic metadata"
    # Each failed run leaves one; three make an unreachable stream unhealthy, and few are kept.
    limit = _unhealthy_after(cluster.behaviour) or 1.0
    count = min(3, int(3 * age / limit))
    now = cluster.clock.now()
    return [
        {
            "timestamp": stamp(now - timedelta(seconds=5 * (count - 1 - n))),
            "exceptionClass": name,
            "message": words,
            "streamException": kafka == "unreachable",
        }
        for n in range(count)
    ]


def compaction_snapshot(
    cluster: Cluster, data_source: str, supervisor: StoredSupervisor | None
) -> JSON:
    message, word = None, "NOT_ENABLED"
    if supervisor is not None and not supervisor.suspended:
        reason = invalid_reason(supervisor.spec["spec"])
        if reason:
            message = f"Compaction supervisor spec is invalid. Reason[{reason}]."
            word = "RUNNING"
        elif cluster.compaction_supervisors:
            word = "AWAITING_FIRST_RUN"
    counts = ("AwaitingCompaction", "Compacted", "Skipped")
    kinds = ("bytes", "segmentCount", "intervalCount")
    zeros = {f"{kind}{count}": 0 for kind in kinds for count in counts}
    return {"dataSource": data_source, "scheduleStatus": word, "message": message, **zeros}


def _schedule(supervisor: StoredSupervisor) -> JSON | None:
    if supervisor.suspended:
        return None
    report = dict.fromkeys(("totalSubmittedTasks", "totalSuccessfulTasks", "totalFailedTasks"), 0)
    return {
        "supervisorId": supervisor.id,
        "state": "RUNNING",
        "lastTaskSubmittedTime": None,
        "nextTaskSubmissionTime": None,
        "taskReport": {**report, "recentTasks": []},
    }
