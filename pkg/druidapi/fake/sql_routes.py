"""``/druid/v2/sql``: counting rows, and SQL ingestion as tasks. Queries are read, not evaluated."""

from __future__ import annotations

import json
import re
from uuid import uuid4

from aiohttp import web

from druid_operator.pkg.druidapi.fake import answers
from druid_operator.pkg.druidapi.fake.cluster import Cluster
from druid_operator.pkg.druidapi.fake.jackson import JSON
from druid_operator.pkg.druidapi.fake.task_store import FAILED, StoredTask

_COUNT = re.compile(
    r'^\s*SELECT\s+COUNT\(\*\)\s+(?:AS\s+"?(\w+)"?\s+)?FROM\s+"?([^"\s;]+)"?\s*$', re.IGNORECASE
)
_EXPLAIN = re.compile(r"^\s*EXPLAIN\s+PLAN\s+FOR\s+", re.IGNORECASE)
_WRITE = re.compile(
    r'^\s*(INSERT|REPLACE)\s+INTO\s+"?([^"\s(]+)"?\s*(.*)$', re.IGNORECASE | re.DOTALL
)
_SQL = "/druid/v2/sql"


class SqlRoutes:
    """What a Broker answers."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post(_SQL, self.query),
            web.get(f"{_SQL}/task/enabled", self.enabled),
            web.post(f"{_SQL}/task", self.submit),
        ]

    async def query(self, request: web.Request) -> web.Response:
        sent = await self._sent(request)
        query = _EXPLAIN.sub("", str(sent.get("query", "")))
        write = _WRITE.match(query)
        if write is not None:
            words = f"{write[1].upper()} operations are not supported by the requested SQL engine"
            return _refused_query(f"{words} [native].  Consider using MSQ.")
        found = _COUNT.match(query)
        if found is None:
            return _refused_query("The fake understands SELECT COUNT(*) FROM <datasource> only")
        return answers.ok([{found[1] or "EXPR$0": self._cluster.rows(found[2])}])

    async def enabled(self, request: web.Request) -> web.Response:
        loaded = self._cluster.behaviour.sql_tasks
        return answers.ok({"enabled": True}) if loaded else answers.empty(404)

    async def submit(self, request: web.Request) -> web.Response:
        if not self._cluster.behaviour.sql_tasks:
            return answers.empty(405)
        sent = await self._sent(request)
        query, context = str(sent["query"]), sent.get("context") or {}
        name = str(context.get("sqlQueryId") or uuid4())
        plan = _EXPLAIN.sub("", query)
        reason = _refusal(plan, context)
        if reason:
            return _failed(400, name, reason, source="PARTITIONED BY" in reason)
        if plan != query:
            return answers.ok([{"PLAN": "[]", "RESOURCES": "[]", "ATTRIBUTES": "{}"}])
        write = _WRITE.match(query)
        target = write[2] if write else "__query_select"
        if target in self._cluster.behaviour.forbidden:
            return _failed(403, "forbidden", "Unauthorized", code="general", category="FORBIDDEN")
        task = self._task(f"query-{name}", target, query, context)
        if self._cluster.tasks.get(task.id) is not None:
            return _failed(500, name, _duplicate(task.id), code="general", category="UNCATEGORIZED")
        self._cluster.tasks.add(task)
        return answers.ok({"taskId": task.id, "state": "RUNNING"}, status=202)

    async def _sent(self, request: web.Request) -> JSON:
        """The Broker's own way to refuse what is no query."""
        problem, java = "", "com.fasterxml.jackson.databind.exc.ValueInstantiationException"
        sent: JSON = {}
        try:
            sent = json.loads(await request.text() or "{}")
            if not sent.get("query"):
                sql = "org.apache.druid.sql.http.SqlQuery"
                problem = f"Cannot construct instance of `{sql}`, problem: query"
        except ValueError as error:
            problem, java = str(error), "com.fasterxml.jackson.core.JsonParseException"
        if problem:
            body = {"error": "Unknown exception", "errorMessage": problem, "errorClass": java}
            raise answers.Refusal(answers.ok({**body, "host": None}, status=400))
        return sent

    def _task(self, task_id: str, target: str, query: str, context: JSON) -> StoredTask:
        clock, behaviour = self._cluster.clock, self._cluster.behaviour
        begins = clock.monotonic() + 0.02
        words = behaviour.failing_batches.get(target)
        task = StoredTask(
            id=task_id,
            type="query_controller",
            data_source=target,
            payload={
                "type": "query_controller",
                "id": task_id,
                "sqlQuery": query,
                "sqlQueryContext": context,
                "context": {},
                "groupId": task_id,
                "dataSource": target,
                "resource": {"availabilityGroup": task_id, "requiredCapacity": 1},
            },
            created=clock.now(),
            begins=begins,
            ends=begins + behaviour.batch_seconds,
            rows=1,
        )
        if words is not None:
            task.outcome, task.error = FAILED, words
        return task


def sql_report(task: StoredTask, state: str) -> JSON:
    """``multiStageQuery`` of a task's reports; the stages are left empty."""
    status: JSON = {"status": state, "durationMs": 1, "workers": {}, "pendingTasks": 0}
    status["runningTasks"] = 1
    if state == FAILED:
        code, _, words = str(task.error).partition(": ")
        error = {"errorCode": code, "errorMessage": words or code}
        status["errorReport"] = {"taskId": task.id, "host": "127.0.0.1:8091", "error": error}
    rows = dict.fromkeys(("rowsProcessed", "rowsPersisted", "rowsMerged", "rowsPushed"), task.rows)
    progress = {"type": "segmentGenerationProgress", **rows}
    counters = {"0": {"0": {"segmentGenerationProgress": progress}}} if state != FAILED else {}
    payload = {"status": status, "stages": [], "counters": counters}
    return {"type": "multiStageQuery", "taskId": task.id, "payload": payload}


def _refusal(query: str, context: JSON) -> str:
    write = _WRITE.match(query)
    if write is None:
        is_select = query.lstrip().upper().startswith("SELECT")
        return "" if is_select else "Received an unexpected token"
    if not write[3].strip():
        return "Received an unexpected token [<EOF>] (line [1], column [14])"
    if "PARTITIONED BY" not in write[3].upper():
        return (
            f"Operation [{write[1].upper()}] requires a PARTITIONED BY to be explicitly defined, "
            "but none was found."
        )
    tasks = context.get("maxNumTasks")
    if isinstance(tasks, int) and tasks < 2:
        return (
            f"MSQ context maxNumTasks [{tasks}] cannot be less than 2, since at least 1 controller "
            "and 1 worker is necessary"
        )
    return ""


def _duplicate(task_id: str) -> str:
    inner = {
        "error": "druidException", "errorCode": "entryAlreadyExists", "persona": "USER",
        "category": "INVALID_INPUT", "errorMessage": f"Task[{task_id}] already exists",
        "context": {},
    }  # fmt: skip
    body = json.dumps(inner, separators=(",", ":"))
    java = "org.apache.druid.rpc.HttpResponseException"
    return f"{java}: Server error [400 Bad Request]; body: {body}"


def _failed(
    status: int,
    name: str,
    words: str,
    *,
    code: str = "invalidInput",
    category: str = "INVALID_INPUT",
    source: bool = False,
) -> web.Response:
    error = {
        "error": "druidException", "errorCode": code, "persona": "USER", "category": category,
        "errorMessage": words, "context": {"sourceType": "sql"} if source else {},
    }  # fmt: skip
    return answers.ok({"taskId": name, "state": "FAILED", "error": error}, status=status)


def _refused_query(words: str) -> web.Response:
    return answers.druid_exception(400, words, context={"sourceType": "sql"})
