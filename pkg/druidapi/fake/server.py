"""The fake Druid as a server: routing, who may ask, what goes wrong, and a log of requests."""

from __future__ import annotations

import base64
import ssl
from collections import deque
from collections.abc import Awaitable, Callable

import attrs
from aiohttp import web

from druid_operator.pkg.clock import Clock, SystemClock
from druid_operator.pkg.druidapi.fake import answers
from druid_operator.pkg.druidapi.fake.behaviour import Behaviour
from druid_operator.pkg.druidapi.fake.cluster import Cluster
from druid_operator.pkg.druidapi.fake.compaction_routes import CompactionRoutes
from druid_operator.pkg.druidapi.fake.coordinator_routes import CoordinatorRoutes
from druid_operator.pkg.druidapi.fake.faults import Fault
from druid_operator.pkg.druidapi.fake.service_routes import ServiceRoutes
from druid_operator.pkg.druidapi.fake.sql_routes import SqlRoutes
from druid_operator.pkg.druidapi.fake.supervisor_routes import SupervisorRoutes
from druid_operator.pkg.druidapi.fake.supervisor_store import SupervisorStore
from druid_operator.pkg.druidapi.fake.task_routes import TaskRoutes
from druid_operator.pkg.druidapi.fake.task_store import TaskStore
from druid_operator.pkg.druidapi.fake.versions import Version

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

#: Answered without credentials, and by a process that leads nothing.
_OPEN = ("/status/health", "/status/ready")
_MANAGEMENT = ("/druid/indexer/", "/druid/coordinator/", "/proxy/")


@attrs.frozen
class LoggedRequest:
    """One request, in the order of arrival. ``status`` 0: no answer was given."""

    method: str
    path: str
    status: int
    author: str = ""
    comment: str = ""

    @property
    def mutates(self) -> bool:
        return self.method != "GET" and not self.path.startswith("/druid/v2/")


class FakeDruid:
    """A Druid cluster behind one address: a router with its Coordinator-Overlord, or that alone.

    Use it as an async context manager. ``behaviour``, ``supervisors``, ``tasks`` and ``cluster``
    may be read and changed while it runs, from the same loop; ``requests`` is what it was asked.

        async with FakeDruid(version="33.0.0") as druid:
            client = DruidClient(druid.url)

    Args:
        version: which Druid to imitate.
        clock: what time is; a test moves a ``FakeClock``.
        port: 0 for any free one.
        tls: serve https with it.
    """

    def __init__(
        self,
        *,
        version: str = "33.0.0",
        behaviour: Behaviour | None = None,
        clock: Clock | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.behaviour = behaviour or Behaviour()
        self._cluster = Cluster(clock or SystemClock(), Version(version), self.behaviour)
        self._host, self._port = host, port
        self._tls = tls
        self._faults: list[Fault] = []
        #: The last hundred thousand, which is days of one cluster's polling.
        self.requests: deque[LoggedRequest] = deque(maxlen=100_000)
        self._runner: web.AppRunner | None = None

    # --- running -------------------------------------------------------------------------------

    async def __aenter__(self) -> FakeDruid:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> None:
        # A cancelled client must cancel its handler, or a held request would hold the shutdown.
        self._runner = web.AppRunner(
            self._application(), handler_cancellation=True, access_log=None, shutdown_timeout=0.1
        )
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._host, self._port, ssl_context=self._tls)
        await site.start()
        self._port = self._runner.addresses[0][1]
        self._cluster.address = self.url

    async def stop(self) -> None:
        """Connections are refused from now on; what was stored stays. ``start`` opens again."""
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()

    async def restart(self) -> None:
        """What a restart of the Coordinator-Overlord leaves: all but the tombstone type."""
        await self.stop()
        self._cluster.supervisors.forget_volatile()
        await self.start()

    @property
    def url(self) -> str:
        scheme = "https" if self._tls else "http"
        return f"{scheme}://{self._host}:{self._port}"

    # --- inspection and control ----------------------------------------------------------------

    @property
    def supervisors(self) -> SupervisorStore:
        return self._cluster.supervisors

    @property
    def tasks(self) -> TaskStore:
        self._cluster.supervisors.refresh()
        return self._cluster.tasks

    @property
    def cluster(self) -> Cluster:
        return self._cluster

    def fault(self, fault: Fault) -> Fault:
        """Install one; its own counter starts now. Answers it, to look at ``seen`` later."""
        self._faults.append(fault)
        return fault

    def clear_faults(self) -> None:
        self._faults.clear()

    def mutations(self) -> list[LoggedRequest]:
        return [r for r in self.requests if r.mutates]

    def count(self, method: str, path_prefix: str) -> int:
        return sum(r.method == method and r.path.startswith(path_prefix) for r in self.requests)

    # --- the pipeline --------------------------------------------------------------------------

    def _application(self) -> web.Application:
        app = web.Application(
            middlewares=[self._log, self._break, self._guard], client_max_size=64 * 1024 * 1024
        )
        for part in (
            ServiceRoutes, SupervisorRoutes, TaskRoutes, SqlRoutes, CoordinatorRoutes,
            CompactionRoutes,
        ):  # fmt: skip
            app.add_routes(part(self._cluster).routes())
        app.router.add_route("*", "/{rest:.*}", _nothing)
        app.on_response_prepare.append(_drop_type)
        return app

    @web.middleware
    async def _log(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        status = 0
        try:
            response = await handler(request)
            status = response.status if request.transport else 0
            return response
        finally:
            headers = request.headers
            self.requests.append(
                LoggedRequest(
                    request.method, request.path_qs, status,
                    headers.get("X-Druid-Author", ""), headers.get("X-Druid-Comment", ""),
                )
            )  # fmt: skip

    @web.middleware
    async def _break(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        struck = [f for f in self._faults if f.strikes(request)]
        if not struck:
            return await handler(request)
        if struck[0].after:
            await handler(request)
        return await struck[0].strike(request)

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            self._check(request)
            return await handler(request)
        except answers.Refusal as refusal:
            return refusal.answer

    def _check(self, request: web.Request) -> None:
        path = request.path
        if path in _OPEN:
            return
        direct_leader = not self.behaviour.router and path.endswith("/isLeader")
        if not direct_leader:
            self._authenticate(request)
        if path.startswith("/druid/v2/") and not self.behaviour.broker:
            raise answers.Refusal(_no_broker(self._cluster, request))
        if not path.startswith(_MANAGEMENT) or path == "/proxy/enabled":
            return
        if self.behaviour.router and not self.behaviour.proxy:
            # The servlet is not mapped at all, so this is the container's own 404.
            raise answers.Refusal(self._cluster.page(request, 404, "Not Found", cause=False))
        self._check_leader(request)

    def _check_leader(self, request: web.Request) -> None:
        leader = self.behaviour.leader
        if leader == "here":
            return
        if self.behaviour.router:
            words = f"Unable to determine destination[{request.path}]"
            words += "; is your coordinator/overlord running?"
            raise answers.Refusal(answers.ok({"error": words}, status=503, content_type=None))
        if request.path.endswith(("/isLeader", "/leader")):
            return
        if leader == "none":
            raise answers.Refusal(
                self._cluster.page(request, 503, "Service Unavailable", cause=False)
            )
        moved = answers.empty(307)
        moved.headers["Location"] = self.behaviour.leader_url + request.path_qs
        raise answers.Refusal(moved)

    def _authenticate(self, request: web.Request) -> None:
        scheme, _, given = request.headers.get("Authorization", "").partition(" ")
        if self.behaviour.bearer_token is not None:
            if (scheme, given) != ("Bearer", self.behaviour.bearer_token):
                raise answers.Refusal(answers.raw(401, "Unauthorized", "text/plain"))
            return
        if self.behaviour.basic_auth is None:
            return
        if scheme != "Basic":
            body = {"error": "Unauthorized request", "errorMessage": None}
            body.update(errorClass=None, host="localhost")
            refusal = answers.ok(body, status=401, content_type="application/json;charset=utf-8")
            refusal.headers["WWW-Authenticate"] = "Basic"
            raise answers.Refusal(refusal)
        user, password = self.behaviour.basic_auth
        if given == base64.b64encode(f"{user}:{password}".encode()).decode():
            return
        same_user = _user(given) == user
        words = "User authentication failed." if same_user else "Unauthorized"
        raise answers.Refusal(self._cluster.page(request, 401, words, cause=False))


def _no_broker(cluster: Cluster, request: web.Request) -> web.Response:
    words = (
        "There are no available brokers. Please check that your brokers are running and healthy."
    )
    java = "org.apache.druid.java.util.common.ISE"
    if request.method == "GET":
        return cluster.page(request, 500, f"{java}: {words}")
    body = {"error": "Unknown exception", "errorMessage": words, "errorClass": java, "host": None}
    return answers.ok(body, status=500, content_type=None)


def _user(given: str) -> str:
    try:
        return base64.b64decode(given).decode().partition(":")[0]
    except ValueError:
        return ""


async def _nothing(request: web.Request) -> web.StreamResponse:
    return answers.empty(404)


async def _drop_type(request: web.Request, response: web.StreamResponse) -> None:
    if response.headers.get("Content-Type") == answers.NO_TYPE:
        del response.headers["Content-Type"]
