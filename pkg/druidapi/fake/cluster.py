"""One fake Druid cluster: its clock, version, manners and everything it stores."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from aiohttp import web

from druid_operator.pkg.clock import Clock
from druid_operator.pkg.druidapi.fake import answers
from druid_operator.pkg.druidapi.fake.behaviour import Behaviour
from druid_operator.pkg.druidapi.fake.config_store import ConfigStore
from druid_operator.pkg.druidapi.fake.supervisor_store import SupervisorStore
from druid_operator.pkg.druidapi.fake.task_store import TaskStore
from druid_operator.pkg.druidapi.fake.versions import Version


class Cluster:
    """Shared by all handlers."""

    def __init__(self, clock: Clock, version: Version, behaviour: Behaviour) -> None:
        self.clock = clock
        self.version = version
        self.behaviour = behaviour
        self.tasks = TaskStore(clock)
        self.supervisors = SupervisorStore(clock, version, behaviour, self.tasks)
        self.config = ConfigStore(clock, version)
        self.address = ""
        self.worker = "127.0.0.1:8091"
        self.worker_disabled = False
        #: Supervisor mutations take Druid's one lock, one after the other.
        self.lock = asyncio.Lock()

    @property
    def compaction_supervisors(self) -> bool:
        return self.config.compaction_cluster["useSupervisors"] is True

    def rows(self, data_source: str) -> int:
        """What a query would count: batch tasks' rows and those that streams were told to have."""
        return self.tasks.rows_of(data_source) + self.behaviour.stream_rows.get(data_source, 0)

    async def body(self, request: web.Request) -> Any:
        """The request's JSON. Druid answers text that is none with a 500, and nothing with null."""
        if request.content_type != "application/json":
            raise answers.Refusal(answers.empty(415))
        text = await request.text()
        if not text:
            return None
        try:
            return json.loads(text)
        except ValueError as error:
            words = f"com.fasterxml.jackson.core.JsonParseException: {error}"
            refusal = self.page(request, 500, f"javax.servlet.ServletException: {words}", words)
            raise answers.Refusal(refusal) from None

    def page(
        self,
        request: web.Request,
        status: int,
        message: str,
        root: str = "",
        *,
        cause: bool = True,
    ) -> web.Response:
        """The container's error page; ``root`` is the exception below the first one."""
        return answers.page(
            status, message, request.path, jetty12=self.version.jetty12, cause=cause, root=root
        )

    def authorize(self, data_source: str) -> None:
        if data_source in self.behaviour.forbidden:
            refusal = answers.ok({"Access-Check-Result": "Unauthorized"}, status=403)
            raise answers.Refusal(refusal)
