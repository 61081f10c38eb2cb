"""What the fake's Coordinator keeps beside segments: rules, compaction, dynamic configs, audit."""

from __future__ import annotations

import json
from typing import Any

from aiohttp import web

from druid_operator.pkg.clock import Clock
from druid_operator.pkg.druidapi.fake.jackson import JSON
from druid_operator.pkg.druidapi.fake.task_store import stamp
from druid_operator.pkg.druidapi.fake.versions import Version

_COORDINATOR_DEFAULTS: JSON = {
    "millisToWaitBeforeDeleting": 900000,
    "maxSegmentsToMove": 100,
    "replicantLifetime": 15,
    "replicationThrottleLimit": 500,
    "balancerComputeThreads": 1,
    "killDataSourceWhitelist": [],
    "killTaskSlotRatio": 0.1,
    "maxKillTaskSlots": 2147483647,
    "killPendingSegmentsSkipList": [],
    "maxSegmentsInNodeLoadingQueue": 500,
    "decommissioningNodes": [],
    "pauseCoordination": False,
    "replicateAfterLoadTimeout": False,
    "useRoundRobinSegmentAssignment": True,
    "smartSegmentLoading": True,
    "debugDimensions": None,
    "turboLoadingNodes": [],
}


class ConfigStore:
    """Plain data; the routes know the manners."""

    def __init__(self, clock: Clock, version: Version) -> None:
        self._clock = clock
        self._version = version
        default = {"type": "loadForever", "tieredReplicants": {"_default_tier": 2}}
        self.rules: dict[str, list[JSON]] = {
            "_default": [{**default, "useDefaultTierForNull": True}]
        }
        self.compaction: dict[str, JSON] = {}
        self.compaction_history: dict[str, list[JSON]] = {}
        self.compaction_cluster = self.default_compaction_cluster()
        self.coordinator: JSON = dict(_COORDINATOR_DEFAULTS)
        if version.explicit_ids:
            self.coordinator["cloneServers"] = {}
        self.workers: JSON | None = None
        self.audit: dict[str, list[JSON]] = {}

    def default_compaction_cluster(self) -> JSON:
        policy: JSON = {"type": "newestSegmentFirst"}
        if not self._version.since(37):
            policy["priorityDatasource"] = None
        cluster: JSON = {
            "compactionTaskSlotRatio": 0.1,
            "maxCompactionTaskSlots": 2147483647,
            "compactionPolicy": policy,
            "useSupervisors": self._version.compaction_supervisors_by_default,
            "engine": "native",
        }
        if self._version.since(37):
            cluster["storeCompactionStatePerSegment"] = True
        return cluster

    def audit_of(self, request: web.Request) -> JSON:
        return {
            "author": request.headers.get("X-Druid-Author", ""),
            "identity": "allowAll",
            "comment": request.headers.get("X-Druid-Comment", ""),
            "ip": "127.0.0.1",
        }

    def record(self, request: web.Request, key: str, kind: str, payload: Any) -> None:
        """One row of the audit table, newest first."""
        row = {
            "key": key,
            "type": kind,
            "auditInfo": self.audit_of(request),
            "request": None,
            "payload": json.dumps(payload, separators=(",", ":")),
            "auditTime": self.now(),
        }
        self.audit.setdefault(f"{kind}/{key}", []).insert(0, row)

    def now(self) -> str:
        return stamp(self._clock.now())
