"""Automatic compaction on both of its APIs: the Coordinator's, and (from 33) the Overlord's."""

from __future__ import annotations

from aiohttp import web

from druid_operator.pkg.druidapi.fake import answers
from druid_operator.pkg.druidapi.fake.cluster import Cluster
from druid_operator.pkg.druidapi.fake.compaction_spec import compaction_config
from druid_operator.pkg.druidapi.fake.jackson import JSON
from druid_operator.pkg.druidapi.fake.supervisor_state import compaction_snapshot

_LEGACY = "/druid/coordinator/v1/config/compaction"
_STATUS = "/druid/coordinator/v1/compaction"
_UNIFIED = "/druid/indexer/v1/compaction"


class CompactionRoutes:
    """Handlers over the same configuration, whichever API wrote it."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._config = cluster.config

    def routes(self) -> list[web.RouteDef]:
        routes = [
            web.get(_LEGACY, self.legacy_all),
            web.post(_LEGACY, self.legacy_set),
            web.post(f"{_LEGACY}/taskslots", self.task_slots),
            web.post(f"{_LEGACY}/cluster", self.legacy_cluster),
            web.get(f"{_LEGACY}/{{ds}}", self.get),
            web.delete(f"{_LEGACY}/{{ds}}", self.legacy_delete),
            web.get(f"{_LEGACY}/{{ds}}/history", self.legacy_history),
            web.get(f"{_STATUS}/status", self.legacy_status),
            web.get(f"{_STATUS}/progress", self.legacy_status),
        ]
        if not self._cluster.version.unified_compaction:
            return routes
        one = f"{_UNIFIED}/config/datasources/{{ds}}"
        return [
            *routes,
            web.get(f"{_UNIFIED}/isSupervisorEnabled", self.supervisors_enabled),
            web.get(f"{_UNIFIED}/config/cluster", self.cluster),
            web.post(f"{_UNIFIED}/config/cluster", self.set_cluster),
            web.get(f"{_UNIFIED}/config/datasources", self.unified_all),
            web.get(one, self.unified_get),
            web.post(one, self.unified_set),
            web.delete(one, self.unified_delete),
            web.get(f"{one}/history", self.unified_history),
            web.get(f"{_UNIFIED}/status/datasources", self.unified_status_all),
            web.get(f"{_UNIFIED}/status/datasources/{{ds}}", self.unified_status),
            web.post(f"{_UNIFIED}/simulate", self.simulate),
        ]

    def _name(self, request: web.Request) -> str:
        name = request.match_info["ds"]
        self._cluster.authorize(name)
        return name

    def _done(self) -> web.Response:
        if self._cluster.version.unified_compaction:
            return answers.ok({"success": True})
        return answers.empty(200)

    def _missing(self, words: str = "Datasource compaction config does not exist") -> web.Response:
        if not self._cluster.version.unified_compaction:
            return answers.empty(404)
        return answers.druid_exception(404, words, code="notFound", category="NOT_FOUND")

    # --- both ----------------------------------------------------------------------------------

    async def get(self, request: web.Request) -> web.Response:
        config = self._config.compaction.get(self._name(request))
        return self._missing() if config is None else answers.ok(config)

    async def unified_get(self, request: web.Request) -> web.Response:
        name = self._name(request)
        if not self._cluster.compaction_supervisors:
            return await self.get(request)
        supervisor = self._cluster.supervisors.get(f"autocompact__{name}")
        if supervisor is None:
            return self._missing(f"Compaction supervisor for datasource[{name}] does not exist")
        return answers.ok(supervisor.spec["spec"])

    def _store(self, request: web.Request, config: JSON) -> None:
        name = config["dataSource"]
        self._config.compaction[name] = config
        entry = {
            "globalConfig": dict(self._config.compaction_cluster),
            "compactionConfig": config,
            "auditInfo": self._config.audit_of(request),
            "auditTime": self._config.now(),
        }
        self._config.compaction_history.setdefault(name, []).insert(0, entry)

    # --- the Coordinator's API -----------------------------------------------------------------

    async def legacy_all(self, request: web.Request) -> web.Response:
        configs = list(self._config.compaction.values())
        return answers.ok({"compactionConfigs": configs, **self._config.compaction_cluster})

    async def legacy_set(self, request: web.Request) -> web.Response:
        config = compaction_config(await self._cluster.body(request) or {})
        self._cluster.authorize(config["dataSource"])
        if config["engine"] == "msq" and not self._cluster.compaction_supervisors:
            words = "MSQ engine is supported only with supervisor-based compaction on the Overlord."
            return answers.druid_exception(400, words)
        self._store(request, config)
        return self._done()

    async def legacy_delete(self, request: web.Request) -> web.Response:
        if self._config.compaction.pop(self._name(request), None) is None:
            return self._missing()
        return self._done()

    async def legacy_history(self, request: web.Request) -> web.Response:
        return answers.ok(self._config.compaction_history.get(self._name(request), []))

    async def task_slots(self, request: web.Request) -> web.Response:
        cluster = self._config.compaction_cluster
        if "ratio" in request.query:
            cluster["compactionTaskSlotRatio"] = float(request.query["ratio"])
        if "max" in request.query:
            cluster["maxCompactionTaskSlots"] = int(request.query["max"])
        return self._done()

    async def legacy_cluster(self, request: web.Request) -> web.Response:
        if self._cluster.version.unified_compaction:
            return answers.empty(405)
        return await self.set_cluster(request)

    async def legacy_status(self, request: web.Request) -> web.Response:
        if "dataSource" not in request.query:
            return answers.ok({"latestStatus": []})
        return self._missing("Unknown DataSource")

    # --- the Overlord's API --------------------------------------------------------------------

    async def supervisors_enabled(self, request: web.Request) -> web.Response:
        return answers.ok(self._cluster.compaction_supervisors)

    async def cluster(self, request: web.Request) -> web.Response:
        return answers.ok(self._config.compaction_cluster)

    async def set_cluster(self, request: web.Request) -> web.Response:
        """Replaces: what is not sent goes back to its default."""
        sent = await self._cluster.body(request) or {}
        default = self._config.default_compaction_cluster()
        known = {k: v for k, v in sent.items() if k in default}
        self._config.compaction_cluster = {**default, **known}
        return self._done()

    async def unified_all(self, request: web.Request) -> web.Response:
        configs = list(self._config.compaction.values())
        if self._cluster.compaction_supervisors:
            mine = [s for s in self._cluster.supervisors if s.type == "autocompact"]
            configs = [supervisor.spec["spec"] for supervisor in mine]
        return answers.ok({"compactionConfigs": configs})

    async def unified_set(self, request: web.Request) -> web.Response:
        name = self._name(request)
        config = compaction_config(await self._cluster.body(request) or {})
        if config["dataSource"] != name:
            words = f"DataSource in spec[{config['dataSource']}] does not match DataSource in path"
            return answers.druid_exception(400, f"{words}[{name}]")
        if not self._cluster.compaction_supervisors:
            self._store(request, config)
        else:  # the supervisor is the configuration now; the other API does not see it
            spec = {"type": "autocompact", "spec": config, "suspended": False}
            self._cluster.supervisors.put(f"autocompact__{name}", name, spec, skip_unmodified=True)
        return self._done()

    async def unified_delete(self, request: web.Request) -> web.Response:
        name = self._name(request)
        supervisor = f"autocompact__{name}"
        if self._cluster.compaction_supervisors:
            if supervisor not in self._cluster.supervisors:
                words = f"Compaction supervisor for datasource[{name}] does not exist"
                return self._missing(words)
            self._cluster.supervisors.remove(supervisor)
        elif self._config.compaction.pop(name, None) is None:
            return self._missing()
        return self._done()

    async def unified_history(self, request: web.Request) -> web.Response:
        entries = self._config.compaction_history.get(self._name(request), [])
        return answers.ok({"entries": entries})

    async def unified_status_all(self, request: web.Request) -> web.Response:
        return answers.ok({"latestStatus": []})

    async def unified_status(self, request: web.Request) -> web.Response:
        name = self._name(request)
        supervisor = self._cluster.supervisors.get(f"autocompact__{name}")
        if supervisor is None and not self._cluster.compaction_supervisors:
            return self._missing("Unknown DataSource")
        return answers.ok(compaction_snapshot(self._cluster, name, supervisor))

    async def simulate(self, request: web.Request) -> web.Response:
        return answers.ok({"compactionStates": {}})
