"""``DruidAPI`` over HTTP, through a router or straight to the Coordinator and Overlord."""

from __future__ import annotations

import json
import ssl
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

from druid_operator.pkg.druidapi import errors
from druid_operator.pkg.druidapi.api import Capabilities, CompactionAPI, TaskState
from druid_operator.pkg.druidapi.decoding import an_object, body_of, list_of, understand
from druid_operator.pkg.druidapi.transport import (
    TLS,
    Answer,
    Credentials,
    Deadlines,
    Observer,
    Redirect,
    Request,
    Transport,
)
from druid_operator.pkg.druidapi.types import (
    JSON,
    ServerStatus,
    SupervisorListing,
    SupervisorState,
    SupervisorStatus,
    SupervisorSubmitted,
    TaskReport,
    TaskStatus,
    TaskSubmitted,
)

T = TypeVar("T")

_OVERLORD = "/druid/indexer/v1"
_COORDINATOR = "/druid/coordinator/v1"

#: Who acts, in Druid's audit log.
AUTHOR = "druid-operator"


class DruidClient:
    """A :class:`~druid_operator.pkg.druidapi.api.DruidAPI`.

    Args:
        base_url: scheme, host, port, and a path prefix if there is one.
        via_router: whether the address is a router (whose management proxy must be on).
        credentials: read before each call, again after a 401; ``None`` for an open Druid.
        tls: the context for https; ``None`` verifies against the system's authorities.
        redirect: approves the target of a leader's redirect; ``None`` approves none.
        observer: told each exchange (operation, status, seconds), for metrics.
    """

    def __init__(
        self,
        base_url: str,
        *,
        via_router: bool = True,
        credentials: Credentials | None = None,
        tls: TLS | ssl.SSLContext | None = None,
        deadlines: Deadlines | None = None,
        redirect: Redirect | None = None,
        observer: Observer | None = None,
    ) -> None:
        self._transport = Transport(
            base_url, credentials=credentials, tls=tls, deadlines=deadlines,
            redirect=redirect, observer=observer,
        )  # fmt: skip
        self._via_router = via_router

    async def __aenter__(self) -> DruidClient:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        await self._transport.aclose()

    # --- the cluster ---------------------------------------------------------------------------

    async def check_ready(self) -> None:
        await self._check_leader(_OVERLORD)

    async def server_status(self) -> ServerStatus:
        path = "/proxy/overlord/status" if self._via_router else "/status"
        return await self._get("server_status", path, ServerStatus.decode)

    async def capabilities(self) -> Capabilities:
        status = await self.server_status()
        unified = await self._exists("compaction_probe", f"{_OVERLORD}/compaction/config/cluster")
        return Capabilities(
            version=status.version,
            modules=status.modules,
            compaction_api="unified" if unified else "legacy",
            sql_tasks=await self._sql_tasks(),
        )

    async def _sql_tasks(self) -> bool | None:
        """The one question that goes to a Broker: nothing else may fail because none is there."""
        try:
            return await self._exists("sql_task_probe", "/druid/v2/sql/task/enabled")
        except errors.NotReady:
            return None

    async def sql(self, query: str, *, parameters: Sequence[JSON] = ()) -> list[JSON]:
        body: JSON = {"query": query, "resultFormat": "object"}
        if parameters:
            body["parameters"] = list(parameters)
        return await self._post("sql", "/druid/v2/sql", body, "", list_of(an_object))

    # --- supervisors ---------------------------------------------------------------------------

    async def supervisor_states(self) -> list[SupervisorState]:
        path = f"{_OVERLORD}/supervisor?state=true"
        return await self._get("supervisor_states", path, list_of(SupervisorState.decode))

    async def supervisor_listing(self) -> list[SupervisorListing]:
        path = f"{_OVERLORD}/supervisor?system"
        return await self._get("supervisor_listing", path, list_of(SupervisorListing.decode))

    async def supervisor_spec(self, supervisor_id: str) -> JSON:
        return await self._get("supervisor_spec", _supervisor(supervisor_id), an_object)

    async def supervisor_status(self, supervisor_id: str) -> SupervisorStatus:
        path = _supervisor(supervisor_id, "status")
        return await self._get("supervisor_status", path, SupervisorStatus.decode)

    async def submit_supervisor(
        self, spec: Mapping[str, Any], *, comment: str = "", skip_restart_if_unmodified: bool = True
    ) -> SupervisorSubmitted:
        # Druid before 33 does not know the flag and restarts regardless.
        flag = "?skipRestartIfUnmodified=true" if skip_restart_if_unmodified else ""
        return await self._mutate_supervisor(
            "submit_supervisor", f"{_OVERLORD}/supervisor{flag}", spec, comment,
            SupervisorSubmitted.decode,
        )  # fmt: skip

    async def suspend_supervisor(self, supervisor_id: str, *, comment: str = "") -> bool:
        return await self._switch(supervisor_id, "suspend", "already suspended", comment)

    async def resume_supervisor(self, supervisor_id: str, *, comment: str = "") -> bool:
        return await self._switch(supervisor_id, "resume", "already running", comment)

    async def _switch(self, supervisor_id: str, verb: str, already: str, comment: str) -> bool:
        try:
            await self._mutate_supervisor(
                f"{verb}_supervisor", _supervisor(supervisor_id, verb), {}, comment, _ignored
            )
        except errors.Rejected as error:
            # Druid's refusal of a switch that is already as wanted is a 400 in these words.
            if error.status == 400 and already in error.message:
                return False
            raise
        return True

    async def terminate_supervisor(self, supervisor_id: str, *, comment: str = "") -> None:
        await self._mutate_supervisor(
            "terminate_supervisor", _supervisor(supervisor_id, "terminate"), {}, comment, _ignored
        )

    async def reset_supervisor(self, supervisor_id: str, *, comment: str = "") -> None:
        await self._mutate_supervisor(
            "reset_supervisor", _supervisor(supervisor_id, "reset"), {}, comment, _ignored
        )

    async def reset_offsets(
        self, supervisor_id: str, offsets: Mapping[str, Any], *, comment: str = ""
    ) -> None:
        if not offsets:
            raise ValueError("offsets must not be empty: Druid would reset everything")
        await self._mutate_supervisor(
            "reset_offsets", _supervisor(supervisor_id, "resetOffsets"), offsets, comment, _ignored
        )

    # --- tasks ---------------------------------------------------------------------------------

    async def submit_task(self, task: Mapping[str, Any], *, comment: str = "") -> TaskSubmitted:
        try:
            return await self._post(
                "submit_task", f"{_OVERLORD}/task", task, comment,
                lambda body: TaskSubmitted(str(body["task"])),
            )  # fmt: skip
        except errors.Rejected as rejected:
            # The wording of "already exists" changed three times (24, 29, 30): ask instead.
            task_id = task.get("id")
            if not isinstance(task_id, str) or not await self._task_exists(task_id):
                raise rejected from None
            return TaskSubmitted(task_id, existed=True)

    async def _task_exists(self, task_id: str) -> bool:
        try:
            await self.task_status(task_id)
        except errors.NotFound:
            return False
        return True

    async def task_status(self, task_id: str) -> TaskStatus:
        return await self._get(
            "task_status", _task(task_id, "status"), lambda body: TaskStatus.decode(body["status"])
        )

    async def tasks(
        self,
        *,
        data_source: str = "",
        state: TaskState | None = None,
        task_type: str = "",
        limit: int | None = None,
    ) -> list[TaskStatus]:
        query = {"datasource": data_source, "state": state, "type": task_type, "max": limit}
        given = {k: v for k, v in query.items() if v not in ("", None)}
        text = urlencode(given, quote_via=quote)
        path = f"{_OVERLORD}/tasks" + (f"?{text}" if text else "")
        return await self._get("tasks", path, list_of(TaskStatus.decode))

    async def task_report(self, task_id: str) -> TaskReport | None:
        try:
            return await self._get("task_report", _task(task_id, "reports"), _report)
        except errors.NotFound:
            return None

    async def shutdown_task(self, task_id: str, *, comment: str = "") -> None:
        await self._post("shutdown_task", _task(task_id, "shutdown"), {}, comment, _ignored)

    async def submit_sql_task(
        self, query_id: str, query: Mapping[str, Any], *, comment: str = ""
    ) -> TaskSubmitted:
        context = {**(query.get("context") or {}), "sqlQueryId": query_id}
        body = {**query, "context": context}
        try:
            return await self._post(
                "submit_sql_task", "/druid/v2/sql/task", body, comment,
                lambda answer: TaskSubmitted(str(answer["taskId"])),
            )  # fmt: skip
        except (errors.Rejected, errors.ServerError) as refused:
            # A second submission is a 500 with the Overlord's refusal inside its text.
            task_id = f"query-{query_id}"
            if not await self._task_exists(task_id):
                raise refused from None
            return TaskSubmitted(task_id, existed=True)

    # --- datasources ---------------------------------------------------------------------------

    async def rules(self, data_source: str) -> list[JSON]:
        path = f"{_COORDINATOR}/rules/{_segment(data_source)}"
        return await self._get("rules", path, list_of(an_object))

    async def set_rules(
        self, data_source: str, rules: Sequence[Mapping[str, Any]], *, comment: str = ""
    ) -> None:
        path = f"{_COORDINATOR}/rules/{_segment(data_source)}"
        await self._post("set_rules", path, list(rules), comment, _ignored)

    async def all_rules(self) -> dict[str, list[JSON]]:
        return await self._get("all_rules", f"{_COORDINATOR}/rules", an_object)

    async def all_compaction(self, api: CompactionAPI) -> dict[str, JSON]:
        return await self._get(
            "all_compaction", _compaction(api, ""),
            lambda body: {str(c["dataSource"]): c for c in body["compactionConfigs"]},
        )  # fmt: skip

    async def compaction(self, api: CompactionAPI, data_source: str) -> JSON:
        return await self._get("compaction", _compaction(api, data_source), an_object)

    async def set_compaction(
        self, api: CompactionAPI, config: Mapping[str, Any], *, comment: str = ""
    ) -> None:
        data_source = str(config["dataSource"])
        path = _compaction(api, data_source if api == "unified" else "")
        await self._post("set_compaction", path, config, comment, _ignored)

    async def delete_compaction(
        self, api: CompactionAPI, data_source: str, *, comment: str = ""
    ) -> None:
        request = self._request(
            "delete_compaction", "DELETE", _compaction(api, data_source), comment=comment
        )
        await self._send(request)

    # --- one exchange --------------------------------------------------------------------------

    async def _get(self, operation: str, path: str, decode: Callable[[Any], T]) -> T:
        request = self._request(operation, "GET", path)
        return understand(request, await self._send(request), decode)

    async def _post(
        self, operation: str, path: str, body: Any, comment: str, decode: Callable[[Any], T]
    ) -> T:
        request = self._request(operation, "POST", path, body=body, comment=comment)
        return understand(request, await self._send(request), decode)

    async def _mutate_supervisor(
        self, operation: str, path: str, body: Any, comment: str, decode: Callable[[Any], T]
    ) -> T:
        deadline = self._transport.deadlines.supervisor
        request = self._request(
            operation, "POST", path, body=body, comment=comment, deadline=deadline
        )
        return understand(request, await self._send(request), decode)

    async def _exists(self, operation: str, path: str) -> bool:
        try:
            await self._get(operation, path, an_object)
        except errors.NotFound:
            return False
        return True

    def _request(
        self,
        operation: str,
        method: str,
        path: str,
        *,
        body: Any = None,
        comment: str = "",
        deadline: float | None = None,
    ) -> Request:
        deadlines = self._transport.deadlines
        headers: dict[str, str] = {}
        if method != "GET":
            headers["X-Druid-Author"] = AUTHOR
            if comment:
                headers["X-Druid-Comment"] = comment
        return Request(
            operation=operation,
            method=method,
            path=path,
            deadline=deadline or (deadlines.read if method == "GET" else deadlines.mutation),
            body=None if body is None else _encode(body),
            headers=headers,
        )

    async def _send(self, request: Request) -> Answer:
        try:
            return await self._transport.send(request)
        except errors.NotFound:
            # Worth nothing alone: a router without its proxy answers 404 to everything.
            service = _COORDINATOR if request.path.startswith(_COORDINATOR) else _OVERLORD
            await self._check_leader(service)
            raise

    async def _check_leader(self, service: str) -> None:
        path = f"{service}/isLeader"
        request = self._request("is_leader", "GET", path)
        try:
            answer = await self._transport.send(request)
        except errors.NotFound as error:
            if self._via_router and not await self._proxy_enabled():
                raise errors.ProxyDisabled(
                    "the router does not forward management calls: set "
                    "druid.router.managementProxy.enabled=true",
                    status=404,
                    call=request.call,
                ) from None
            raise errors.NotReady("no leader yet", status=404, call=request.call) from error
        body = body_of(answer)
        if not (isinstance(body, dict) and body.get("leader") is True):
            raise errors.NotReady("no leader yet", status=answer.status, call=request.call)

    async def _proxy_enabled(self) -> bool:
        try:
            answer = await self._transport.send(
                self._request("proxy_enabled", "GET", "/proxy/enabled")
            )
        except errors.NotFound:
            return False
        body = body_of(answer)
        return isinstance(body, dict) and body.get("enabled") is True


def _segment(text: str) -> str:
    """Percent-encode one path segment, once: ids hold spaces, colons and any letter."""
    return quote(text, safe="")


def _supervisor(supervisor_id: str, verb: str = "") -> str:
    path = f"{_OVERLORD}/supervisor/{_segment(supervisor_id)}"
    return f"{path}/{verb}" if verb else path


def _task(task_id: str, verb: str) -> str:
    return f"{_OVERLORD}/task/{_segment(task_id)}/{verb}"


def _compaction(api: CompactionAPI, data_source: str) -> str:
    base = (
        f"{_OVERLORD}/compaction/config/datasources"
        if api == "unified"
        else f"{_COORDINATOR}/config/compaction"
    )
    return f"{base}/{_segment(data_source)}" if data_source else base


def _encode(body: Any) -> bytes:
    # The standard library keeps integers of any size, which a faster encoder refuses.
    text = json.dumps(body, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
    return text.encode()


def _report(body: Any) -> TaskReport | None:
    # A running task without a chat handler answers 200 and an error.
    if not isinstance(body, dict) or "error" in body:
        return None
    return TaskReport.decode(body)


def _ignored(_: Any) -> None:
    """What Druid answers to a change says nothing: it is read back."""
