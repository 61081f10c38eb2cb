"""Status, leaders and discovery of the fake's router and Coordinator-Overlord."""

from __future__ import annotations

from aiohttp import web

from druid_operator.pkg.druidapi.fake import answers
from druid_operator.pkg.druidapi.fake.cluster import Cluster
from druid_operator.pkg.druidapi.fake.jackson import JSON

_MODULES = {
    "kafka": ("org.apache.druid.indexing.kafka.KafkaIndexTaskModule", "kafka-indexing-service"),
    "kinesis": (
        "org.apache.druid.indexing.kinesis.KinesisIndexingServiceModule",
        "kinesis-indexing-service",
    ),
    "rabbit": ("org.apache.druid.indexing.rabbitstream.RabbitStreamIndexTaskModule", "rabbit"),
}
_ALWAYS = (
    ("org.apache.druid.common.aws.AWSModule", "aws-common"),
    ("org.apache.druid.common.gcp.GcpModule", "gcp-common"),
)


class ServiceRoutes:
    """What every Druid process answers, and what only a router or a leader does."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/status", self.status),
            web.get("/proxy/overlord/status", self.status),
            web.get("/proxy/coordinator/status", self.status),
            web.get("/proxy/enabled", self.proxy_enabled),
            web.get("/proxy/{name}/{rest:.*}", self.proxy_unknown),
            web.get("/status/health", self.health),
            web.get("/status/ready", self.ready),
            web.get("/status/selfDiscovered", self.self_discovered),
            web.get("/status/selfDiscovered/status", self.self_discovered_status),
            web.get("/druid/indexer/v1/leader", self.leader),
            web.get("/druid/coordinator/v1/leader", self.leader),
            web.get("/druid/indexer/v1/isLeader", self.is_leader),
            web.get("/druid/coordinator/v1/isLeader", self.is_leader),
            web.get("/druid/router/v1/brokers", self.brokers),
            web.get("/druid/coordinator/v1/cluster", self.members),
            web.get("/druid/indexer/v1/workers", self.workers),
            web.get("/druid/indexer/v1/totalWorkerCapacity", self.capacity),
            web.get("/druid/indexer/v1/scaling", self.scaling),
            web.post("/druid/indexer/v1/worker/{host}/enable", self.enable_worker),
            web.post("/druid/indexer/v1/worker/{host}/disable", self.disable_worker),
            web.get("/", self.root),
        ]

    async def status(self, request: web.Request) -> web.Response:
        version = self._cluster.version.text
        loaded = sorted(self._cluster.behaviour.extensions & _MODULES.keys())
        modules = [*_ALWAYS, *(_MODULES[name] for name in loaded)]
        return answers.ok(
            {
                "version": version,
                "modules": [
                    {"name": name, "artifact": f"druid-{artifact}", "version": version}
                    for name, artifact in modules
                ],
                "memory": dict.fromkeys(
                    ("maxMemory", "totalMemory", "freeMemory", "usedMemory", "directMemory"),
                    134217728,
                ),
            }
        )

    async def proxy_enabled(self, request: web.Request) -> web.Response:
        if not self._cluster.behaviour.router:
            return answers.empty(404)
        return answers.ok({"enabled": self._cluster.behaviour.proxy}, content_type=None)

    async def proxy_unknown(self, request: web.Request) -> web.Response:
        words = {"error": f"Unsupported proxy destination[{request.path}]"}
        return answers.ok(words, status=400, content_type=None)

    async def health(self, request: web.Request) -> web.Response:
        return answers.ok(True)

    async def ready(self, request: web.Request) -> web.Response:
        return answers.ok(True) if self._cluster.version.status_ready else answers.empty(404)

    async def self_discovered(self, request: web.Request) -> web.Response:
        return answers.empty(200, "application/json")

    async def self_discovered_status(self, request: web.Request) -> web.Response:
        return answers.ok({"selfDiscovered": True})

    async def leader(self, request: web.Request) -> web.Response:
        """The bare address, called JSON; whoever asks for plain text is refused."""
        if "json" not in request.headers.get("Accept", "json"):
            return answers.empty(406)
        return answers.raw(200, self._cluster.address)

    async def is_leader(self, request: web.Request) -> web.Response:
        leads = self._cluster.behaviour.leader == "here"
        return answers.ok({"leader": leads}, status=200 if leads else 404)

    async def brokers(self, request: web.Request) -> web.Response:
        return answers.ok({"druid/broker": ["127.0.0.1:8082"]})

    async def members(self, request: web.Request) -> web.Response:
        names = ("coordinator", "overlord", "broker", "historical", "indexer", "router")
        return answers.ok(
            {
                name: [{"host": "127.0.0.1", "service": f"druid/{name}", "plaintextPort": 8080 + n}]
                for n, name in enumerate(names)
            }
        )

    async def workers(self, request: web.Request) -> web.Response:
        self._cluster.supervisors.refresh()
        running = self._cluster.tasks.active()
        by_type: dict[str, int] = {}
        for task in running:
            by_type[task.type] = by_type.get(task.type, 0) + 1
        worker = {
            "scheme": "http",
            "host": self._cluster.worker,
            "ip": "localhost",
            "capacity": 4,
            # The version of a disabled worker is empty: that is how Druid marks it.
            "version": "" if self._cluster.worker_disabled else "0",
            "category": "_default_worker_category",
        }
        row: JSON = {
            "worker": worker,
            "currCapacityUsed": len(running),
            "currParallelIndexCapacityUsed": 0,
            "availabilityGroups": [task.id for task in running],
            "runningTasks": [task.id for task in running],
            "lastCompletedTaskTime": self._cluster.config.now(),
        }
        if by_type:
            row["currCapacityUsedByTaskType"] = by_type
        return answers.ok([row])

    async def capacity(self, request: web.Request) -> web.Response:
        used = len(self._cluster.tasks.active())
        sizes = {"currentClusterCapacity": 4, "maximumCapacityWithAutoScale": -1}
        return answers.ok({**sizes, "usedClusterCapacity": used})

    async def scaling(self, request: web.Request) -> web.Response:
        return answers.empty(200, "application/json")

    async def enable_worker(self, request: web.Request) -> web.Response:
        return self._set_worker(request, disabled=False)

    async def disable_worker(self, request: web.Request) -> web.Response:
        return self._set_worker(request, disabled=True)

    def _set_worker(self, request: web.Request, *, disabled: bool) -> web.Response:
        host = request.match_info["host"]
        if host != self._cluster.worker:
            return answers.error(500, f"Worker on host {host} does not exists")
        self._cluster.worker_disabled = disabled
        return answers.ok({host: "disabled" if disabled else "enabled"})

    async def root(self, request: web.Request) -> web.Response:
        return self._cluster.page(request, 404, "Not Found", cause=False)
