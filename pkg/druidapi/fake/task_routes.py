"""``/druid/indexer/v1/task*``."""

from __future__ import annotations

from collections.abc import Iterable

from aiohttp import web

from druid_operator.pkg.druidapi.fake import answers
from druid_operator.pkg.druidapi.fake.batch_spec import (
    TASK_TYPES,
    check_task_id,
    index_payload,
    noop_payload,
)
from druid_operator.pkg.druidapi.fake.cluster import Cluster
from druid_operator.pkg.druidapi.fake.jackson import JSON, type_id
from druid_operator.pkg.druidapi.fake.sql_routes import sql_report
from druid_operator.pkg.druidapi.fake.task_store import (
    FAILED,
    SUCCESS,
    StoredTask,
    count_rows,
)

_BASE = "/druid/indexer/v1"
_STATES = ("pending", "waiting", "running", "complete")


class TaskRoutes:
    """Handlers over the cluster's task store."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._tasks = cluster.tasks

    def routes(self) -> list[web.RouteDef]:
        task = f"{_BASE}/task/{{id}}"
        return [
            web.post(f"{_BASE}/task", self.submit),
            web.get(task, self.payload),
            web.get(f"{task}/status", self.status),
            web.get(f"{task}/reports", self.reports),
            web.get(f"{task}/log", self.log),
            web.post(f"{task}/shutdown", self.shutdown),
            web.post(f"{_BASE}/taskStatus", self.bulk_status),
            web.get(f"{_BASE}/tasks", self.listing),
        ]

    def _known(self, request: web.Request) -> StoredTask:
        self._cluster.supervisors.refresh()
        task = self._tasks.get(request.match_info["id"])
        if task is None:
            raise answers.Refusal(answers.unknown("task", request.match_info["id"]))
        self._cluster.authorize(task.data_source)
        return task

    async def submit(self, request: web.Request) -> web.Response:
        sent = await self._cluster.body(request)
        if sent is None:
            why = 'Cannot invoke "Task.getDestinationResource()" because "task" is null'
            return self._cluster.page(request, 500, f"java.lang.NullPointerException: {why}")
        kind = type_id(sent, "org.apache.druid.indexing.common.task.Task", TASK_TYPES)
        task = self._build(kind, sent)
        self._cluster.authorize(task.data_source)
        if self._tasks.get(task.id) is not None:
            words = f"Task[{task.id}] already exists"
            return answers.druid_exception(400, words, code="entryAlreadyExists")
        self._check_capacity()
        self._tasks.add(task)
        return answers.ok({"task": task.id})

    def _build(self, kind: str, sent: JSON) -> StoredTask:
        given = sent.get("id")
        task_id = given if given is not None else self._tasks.new_id(kind)
        check_task_id(task_id, kind)
        if kind in ("index_parallel", "index"):
            return self._index(sent, task_id)
        payload = noop_payload(sent, task_id) if kind == "noop" else {**sent, "id": task_id}
        seconds = payload["runTime"] / 1000 if kind == "noop" else self._batch_seconds
        return self._new(payload, seconds)

    @property
    def _batch_seconds(self) -> float:
        return self._cluster.behaviour.batch_seconds

    def _index(self, sent: JSON, task_id: str) -> StoredTask:
        payload = index_payload(sent, task_id, self._cluster.version)
        spec = payload["spec"]
        task = self._new(payload, self._batch_seconds)
        task.rows, task.unparseable, task.input_bytes = count_rows(spec)
        allowed = spec["tuningConfig"]["maxParseExceptions"]
        words = self._cluster.behaviour.failing_batches.get(task.data_source)
        if words is None and task.unparseable > allowed:
            words = (
                f"org.apache.druid.java.util.common.RE: Max parse exceptions[{allowed}] exceeded"
                "\n\tat org.apache.druid.segment.incremental.ParseExceptionHandler.handle"
                "(ParseExceptionHandler.java:96)\n"
            )
        if words is not None:
            task.outcome, task.error = FAILED, words
        return task

    def _new(self, payload: JSON, seconds: float) -> StoredTask:
        clock = self._cluster.clock
        # A worker takes a task a moment after the queue has it: the first answer says PENDING.
        begins = clock.monotonic() + 0.02
        return StoredTask(
            id=payload["id"],
            type=payload["type"],
            data_source=str(payload.get("dataSource") or "none"),
            payload=payload,
            created=clock.now(),
            begins=begins,
            ends=begins + seconds,
            group=str(payload.get("groupId") or payload["id"]),
        )

    def _check_capacity(self) -> None:
        slots = self._cluster.behaviour.task_slots
        if slots is None or len(self._tasks.active()) < slots:
            return
        words = f"Too many tasks are in the queue (Limit = {slots})."
        if self._cluster.version.since(31):
            code, category = "capacityExceeded", "CAPACITY_EXCEEDED"
            refusal = answers.druid_exception(429, words, code=code, category=category)
        else:
            refusal = answers.error(500, f"Too many tasks (max = {slots})")
        raise answers.Refusal(refusal)

    async def payload(self, request: web.Request) -> web.Response:
        task = self._known(request)
        return answers.ok({"task": task.id, "payload": task.payload})

    async def status(self, request: web.Request) -> web.Response:
        task = self._known(request)
        row = task.row(self._cluster.clock.monotonic(), listed=False)
        return answers.ok({"task": task.id, "status": row})

    async def bulk_status(self, request: web.Request) -> web.Response:
        ids = await self._cluster.body(request)
        if not ids:
            return answers.raw(400, "No Task IDs provided.")
        now = self._cluster.clock.monotonic()
        keys = ("id", "status", "duration", "errorMsg", "location")
        found = {i: task.row(now, listed=True) for i in ids if (task := self._tasks.get(i))}
        return answers.ok({i: {k: row[k] for k in keys} for i, row in found.items()})

    async def reports(self, request: web.Request) -> web.Response:
        task = self._known(request)
        now = self._cluster.clock.monotonic()
        if task.ends is None:
            return answers.ok({"ingestionStatsAndErrors": self._live_report(task)})
        if task.type == "query_controller":
            state = task.state(now)
            return answers.ok({"multiStageQuery": sql_report(task, state)})
        if not task.ended(now):
            return answers.ok({"error": f"Can't find chatHandler for handler[{task.id}]"})
        if task.type == "noop" or task.stopped is not None:
            words = (
                "No task reports were found for this task. The task may not exist, or it may not "
                "have completed yet."
            )
            return answers.raw(404, words)
        return answers.ok(self._final_report(task, now))

    def _live_report(self, task: StoredTask) -> JSON:
        rows = self._rows(task)
        means = {name: dict.fromkeys(rows, 0.0) for name in ("1m", "5m", "15m")}
        payload = {
            "unparseableEvents": {},
            "rowStats": {
                "movingAverages": {"buildSegments": means},
                "totals": {"buildSegments": rows},
            },
            "ingestionState": "BUILD_SEGMENTS",
        }
        return {"type": "ingestionStatsAndErrors", "taskId": task.id, "payload": payload}

    def _rows(self, task: StoredTask) -> JSON:
        return {
            "processed": task.rows,
            "processedBytes": task.input_bytes,
            "processedWithError": 0,
            "thrownAway": 0,
            "unparseable": task.unparseable,
        }

    def _final_report(self, task: StoredTask, now: float) -> JSON:
        good = task.state(now) == SUCCESS
        rows = self._rows(task)
        tuning = task.payload.get("spec", {}).get("tuningConfig", {})
        awaited = bool(tuning.get("awaitSegmentAvailabilityTimeoutMillis"))
        payload = {
            "ingestionState": "COMPLETED" if good else "DETERMINE_PARTITIONS",
            "unparseableEvents": {},
            "rowStats": {
                "determinePartitions": rows,
                "buildSegments": rows if good else dict.fromkeys(rows, 0),
            },
            "errorMsg": None if good else task.error,
            "segmentAvailabilityConfirmed": good and awaited,
            "segmentAvailabilityWaitTimeMs": 0,
            "recordsProcessed": {},
        }
        if good:
            payload["segmentsPublished"] = 1 if task.rows else 0
        stats = {"type": "ingestionStatsAndErrors", "taskId": task.id, "payload": payload}
        context = {"type": "taskContext", "taskId": task.id, "payload": task.payload["context"]}
        return {"ingestionStatsAndErrors": stats, "taskContext": context}

    async def log(self, request: web.Request) -> web.Response:
        if "json" in request.headers.get("Accept", ""):
            return answers.empty(406)
        self._known(request)
        words = (
            "No log was found for this task. The task may not exist, or it may not have begun "
            "running yet."
        )
        return answers.raw(404, words, "text/plain;charset=utf-8")

    async def shutdown(self, request: web.Request) -> web.Response:
        task = self._known(request)
        self._tasks.stop(task.id, outcome=FAILED, error="Shutdown request from user")
        return answers.ok({"task": task.id})

    async def listing(self, request: web.Request) -> web.Response:
        query = request.query
        state = query.get("state")
        if state is not None and state not in _STATES:
            words = f"Invalid task state[{state}]. Must be one of [{', '.join(_STATES)}]."
            return answers.raw(400, words, "text/plain")
        self._cluster.supervisors.refresh()
        rows = self._matching(query.get("datasource"), query.get("type"))
        now = self._cluster.clock.monotonic()
        groups: dict[str, list[JSON]] = {name: [] for name in _STATES}
        for task in rows:
            runner = task.runner_state(now)
            name = {"NONE": "complete", "PENDING": "pending"}.get(runner, "running")
            groups[name].append(task.row(now, listed=True))
        limit = query.get("max")
        if limit is not None:
            groups["complete"] = groups["complete"][: int(limit)]
        wanted = (state,) if state else ("complete", "running", "pending", "waiting")
        return answers.ok([row for name in wanted for row in groups[name]])

    def _matching(self, data_source: str | None, kind: str | None) -> Iterable[StoredTask]:
        for task in reversed(list(self._tasks)):
            wanted = data_source in (None, task.data_source) and kind in (None, task.type)
            if wanted and task.data_source not in self._cluster.behaviour.forbidden:
                yield task
