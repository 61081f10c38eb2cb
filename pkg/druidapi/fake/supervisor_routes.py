"""``/druid/indexer/v1/supervisor*``."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from uuid import uuid4

from aiohttp import web

from druid_operator.pkg.druidapi.fake import answers
from druid_operator.pkg.druidapi.fake.cluster import Cluster
from druid_operator.pkg.druidapi.fake.compaction_spec import compaction_config, invalid_reason
from druid_operator.pkg.druidapi.fake.jackson import (
    JSON,
    boolean,
    cannot_construct,
    refuse,
    type_id,
)
from druid_operator.pkg.druidapi.fake.stream_spec import stream_of, stream_spec
from druid_operator.pkg.druidapi.fake.supervisor_state import state_of, status_payload
from druid_operator.pkg.druidapi.fake.supervisor_store import STREAMS, StoredSupervisor
from druid_operator.pkg.druidapi.fake.task_store import stamp

_BASE = "/druid/indexer/v1/supervisor"
_JAVA = "org.apache.druid.indexing.overlord.supervisor.SupervisorSpec"
_SCHEDULED = "org.apache.druid.indexing.scheduledbatch.ScheduledBatchSupervisorSpec"

Handler = Callable[[web.Request], Awaitable[web.Response]]


class SupervisorRoutes:
    """Handlers over the cluster's supervisor store."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._store = cluster.supervisors

    def routes(self) -> list[web.RouteDef]:
        one = f"{_BASE}/{{id}}"
        mutations: dict[str, Handler] = {
            "suspend": self.suspend,
            "resume": self.resume,
            "terminate": self.terminate,
            "shutdown": self.terminate,
            "reset": self.reset,
            "resetOffsets": self.reset_offsets,
            "taskGroups/handoff": self.handoff,
        }
        return [
            web.get(_BASE, self.listing),
            web.post(_BASE, self._locked(self.submit)),
            web.get(f"{_BASE}/history", self.all_history),
            web.get(one, self.spec),
            web.get(f"{one}/status", self.status),
            web.get(f"{one}/health", self.health),
            web.get(f"{one}/stats", self.stats),
            web.get(f"{one}/parseErrors", self.parse_errors),
            web.get(f"{one}/history", self.history),
            *(web.post(f"{one}/{verb}", self._locked(h)) for verb, h in mutations.items()),
        ]

    def _locked(self, handler: Handler) -> Handler:
        async def locked(request: web.Request) -> web.Response:
            async with self._cluster.lock:
                if self._cluster.behaviour.mutation_seconds:
                    await asyncio.sleep(self._cluster.behaviour.mutation_seconds)
                return await handler(request)

        return locked

    def _known(self, request: web.Request) -> StoredSupervisor:
        supervisor = self._store.get(request.match_info["id"])
        if supervisor is None:
            raise answers.Refusal(answers.unknown("supervisor", request.match_info["id"]))
        self._cluster.authorize(supervisor.data_source)
        return supervisor

    # --- reads ---------------------------------------------------------------------------------

    async def listing(self, request: web.Request) -> web.Response:
        forbidden = self._cluster.behaviour.forbidden
        mine = [s for s in self._store if s.data_source not in forbidden]
        wanted = {"state", "full", "system"} & request.query.keys()
        if not wanted:
            return answers.ok([s.id for s in mine])
        return answers.ok([self._row(s, wanted) for s in mine])

    def _row(self, supervisor: StoredSupervisor, wanted: set[str]) -> JSON:
        state = state_of(self._cluster, supervisor)
        row: JSON = {"id": supervisor.id}
        if self._cluster.version.explicit_ids:
            row["dataSource"] = supervisor.data_source
        row.update(state=state.state, detailedState=state.detailed, healthy=state.healthy)
        if "system" in wanted:
            text = json.dumps(supervisor.spec, separators=(",", ":"))
            source = supervisor.io["stream"] if supervisor.is_stream else supervisor.data_source
            row.update(specString=text, type=supervisor.type, source=source)
            row["suspended"] = supervisor.suspended
            return row
        if "full" in wanted:
            row["spec"] = supervisor.spec
        # Nobody fills the field in for these two listings, so it is false for a suspended one too.
        row["suspended"] = False
        return row

    async def spec(self, request: web.Request) -> web.Response:
        return answers.ok(self._known(request).spec)

    async def status(self, request: web.Request) -> web.Response:
        supervisor = self._known(request)
        if supervisor.type == "noop":
            return answers.error(404, f"[{supervisor.id}] does not exist")
        self._store.refresh()
        payload = status_payload(self._cluster, supervisor)
        generated = stamp(self._cluster.clock.now())
        return answers.ok({"id": supervisor.id, "generationTime": generated, "payload": payload})

    async def health(self, request: web.Request) -> web.Response:
        supervisor = self._known(request)
        if not supervisor.is_stream:
            words = f"[{supervisor.id}] does not exist or health check not implemented"
            return answers.error(404, words)
        healthy = state_of(self._cluster, supervisor).healthy
        return answers.ok({"healthy": healthy}, status=200 if healthy else 503)

    async def stats(self, request: web.Request) -> web.Response:
        supervisor = self._known(request)
        self._store.refresh()
        names = ("processed", "processedBytes", "processedWithError", "thrownAway", "unparseable")
        means = {m: dict.fromkeys(names, 0.0) for m in ("1m", "5m", "15m")}
        rows = {
            "movingAverages": {"buildSegments": means},
            "totals": {"buildSegments": dict.fromkeys(names, 0)},
        }
        tasks = supervisor.task_ids
        return answers.ok({str(n): {task_id: rows} for n, task_id in enumerate(tasks)})

    async def parse_errors(self, request: web.Request) -> web.Response:
        supervisor = self._known(request)
        self._store.refresh()
        if not supervisor.task_ids:
            return answers.ok([])
        why = 'Cannot invoke "java.util.Collection.size()" because "c" is null'
        return self._cluster.page(request, 500, f"java.lang.NullPointerException: {why}")

    async def history(self, request: web.Request) -> web.Response:
        name = request.match_info["id"]
        entries = self._store.history.get(name)
        if entries is None:
            return answers.error(404, f"No history for [{name}].")
        count = request.query.get("count")
        if count is not None and self._cluster.version.bounded_history:
            if int(count) <= 0:
                words = f"Count must be greater than zero if set (count was {count})"
                return answers.error(400, words)
            entries = entries[: int(count)]
        return answers.ok(entries)

    async def all_history(self, request: web.Request) -> web.Response:
        return answers.ok(self._store.history)

    # --- mutations -----------------------------------------------------------------------------

    async def submit(self, request: web.Request) -> web.Response:
        sent = await self._cluster.body(request)
        if sent is None:
            why = 'Cannot invoke "SupervisorSpec.getDataSources()" because "spec" is null'
            return self._cluster.page(request, 500, f"java.lang.NullPointerException: {why}")
        known = frozenset({"NoopSupervisorSpec", "autocompact", "scheduled_batch"})
        kind = type_id(sent, _JAVA, known | self._cluster.behaviour.extensions)
        supervisor_id, data_source, spec = self._build(kind, sent)
        self._cluster.authorize(data_source)
        self._check_stream(request, supervisor_id, spec)
        skip = request.query.get("skipRestartIfUnmodified") == "true"
        modified, restarted = self._store.put(
            supervisor_id, data_source, spec, skip_unmodified=skip
        )
        answer: JSON = {"id": supervisor_id}
        if self._cluster.version.tells_modified:
            answer.update(modified=modified, restarted=restarted)
        return answers.ok(answer)

    def _build(self, kind: str, sent: JSON) -> tuple[str, str, JSON]:
        if kind in STREAMS:
            spec = stream_spec(sent, self._cluster.version)
            data_source = spec["spec"]["dataSchema"]["dataSource"]
            return spec.get("id") or data_source, data_source, spec
        if kind == "autocompact":
            return self._autocompact(sent)
        if kind == "scheduled_batch":
            return self._scheduled(sent)
        sources = sent.get("dataSources") or [sent.get("id")]
        spec = {
            "type": "noop", "id": sent.get("id"), "dataSources": sources,
            "suspended": False, "source": "noop",
        }  # fmt: skip
        return str(sent.get("id")), str(sources[0]), spec

    def _autocompact(self, sent: JSON) -> tuple[str, str, JSON]:
        config = compaction_config(sent.get("spec") or {})
        reason = invalid_reason(config)
        if reason and self._cluster.version.refuses_invalid_compaction:
            raise refuse(f"Invalid compaction supervisor spec: {reason}")
        # A top-level context is dropped; what tasks shall have goes into taskContext.
        suspended = boolean(sent, "suspended", False)
        spec = {"type": "autocompact", "spec": config, "suspended": suspended}
        return f"autocompact__{config['dataSource']}", config["dataSource"], spec

    def _scheduled(self, sent: JSON) -> tuple[str, str, JSON]:
        query = (sent.get("spec") or {}).get("query")
        words = str(query or "").split()
        target = words[2].strip('"') if len(words) > 2 else ""
        if not self._cluster.behaviour.sql_tasks or not target:
            raise cannot_construct(_SCHEDULED, f"Error getting datasource from query[{query}]")
        name = sent.get("id") or f"scheduled_batch__{target}__{uuid4()}"
        full = {
            "resultFormat": None, "header": False, "typesHeader": False,
            "sqlTypesHeader": False, "context": None, "parameters": None,
        }  # fmt: skip
        spec = {
            "type": "scheduled_batch",
            "spec": {**full, **sent["spec"]},
            "schedulerConfig": sent.get("schedulerConfig"),
            "suspended": boolean(sent, "suspended", False),
            "id": name,
            "dataSource": target,
        }
        return name, target, spec

    def _check_stream(self, request: web.Request, supervisor_id: str, spec: JSON) -> None:
        """From 34 a running supervisor cannot change its stream: a user's mistake, as a 500."""
        old = self._store.get(supervisor_id)
        if old is None or not old.is_stream or spec["type"] not in STREAMS:
            return
        (was_pattern, was), (is_pattern, now) = stream_of(old.spec), stream_of(spec)
        same = (was_pattern, was) == (is_pattern, now)
        if same or not self._cluster.version.explicit_ids:
            return
        if was_pattern or is_pattern:
            names = {True: "multi-topic", False: "single-topic"}
            was, now = f"({names[was_pattern]}) {was}", f"({names[is_pattern]}) {now}"
        words = (
            f"org.apache.druid.error.DruidException: Update of the input source stream from [{was}]"
            f" to [{now}] is not supported for a running supervisor.\nTo perform the update safely,"
            " follow these steps:\n(1) Suspend this supervisor, reset its offsets and then "
            "terminate it. \n(2) Create a new supervisor with the new input source stream.\nNote "
            "that doing the reset can cause data duplication or loss if any topic used in the old "
            "supervisor is included in the new one too."
        )
        raise answers.Refusal(self._cluster.page(request, 500, words))

    async def suspend(self, request: web.Request) -> web.Response:
        return self._switch(request, suspended=True, already="already suspended")

    async def resume(self, request: web.Request) -> web.Response:
        return self._switch(request, suspended=False, already="already running")

    def _switch(self, request: web.Request, *, suspended: bool, already: str) -> web.Response:
        supervisor = self._known(request)
        if supervisor.type == "noop":
            return answers.ok(supervisor.spec)
        if supervisor.suspended == suspended:
            return answers.error(400, f"[{supervisor.id}] is {already}")
        return answers.ok(self._store.switch(supervisor.id, suspended=suspended).spec)

    async def terminate(self, request: web.Request) -> web.Response:
        supervisor = self._known(request)
        self._store.remove(supervisor.id)
        return answers.ok({"id": supervisor.id})

    async def reset(self, request: web.Request) -> web.Response:
        supervisor = self._known(request)
        self._only_streams(request, supervisor, "reset")
        self._store.restart(
            supervisor.id, "DataSourceMetadata is updated while reset offsets is called"
        )
        return answers.ok({"id": supervisor.id})

    async def reset_offsets(self, request: web.Request) -> web.Response:
        supervisor = self._known(request)
        self._only_streams(request, supervisor, "resetOffsets")
        sent = await self._cluster.body(request)
        if sent is not None:  # no body at all resets everything
            java = "org.apache.druid.indexing.overlord.DataSourceMetadata"
            type_id(sent, java, frozenset(STREAMS))
            self._check_offsets(request, supervisor, sent)
        self._store.restart(
            supervisor.id, "DataSourceMetadata is updated while reset offsets is called"
        )
        return answers.ok({"id": supervisor.id})

    def _check_offsets(
        self, request: web.Request, supervisor: StoredSupervisor, sent: JSON
    ) -> None:
        partitions = sent.get("partitions")
        if not isinstance(partitions, dict):
            why = 'Cannot invoke "Object.getClass()" because "streamSequenceNumbers" is null'
            refusal = self._cluster.page(request, 500, f"java.lang.NullPointerException: {why}")
            raise answers.Refusal(refusal)
        stream, mine = partitions.get("stream"), supervisor.io["stream"]
        if stream != mine:
            words = (
                f"org.apache.druid.error.DruidException: Stream[{stream}] doesn't exist in the "
                f"supervisor[{supervisor.id}]. Supervisor is consuming stream[{mine}]."
            )
            raise answers.Refusal(self._cluster.page(request, 500, words))

    def _only_streams(
        self, request: web.Request, supervisor: StoredSupervisor, operation: str
    ) -> None:
        if supervisor.is_stream:
            return
        words = (
            f"org.apache.druid.error.DruidException: Operation[{operation}] is not supported by "
            f"supervisor[{supervisor.id}] of type[{supervisor.type}]."
        )
        raise answers.Refusal(self._cluster.page(request, 500, words))

    async def handoff(self, request: web.Request) -> web.Response:
        self._known(request)
        sent = await self._cluster.body(request) or {}
        if not sent.get("taskGroupIds"):
            return answers.error(400, "List of task groups to handoff can't be empty")
        return answers.empty(202 if self._cluster.version.since(35) else 200, "application/json")
