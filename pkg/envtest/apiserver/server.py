"""The embedded API server: an aiohttp server in the caller's event loop, on loopback."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable
from pathlib import Path

import orjson
from aiohttp import web

from druid_operator.pkg.apistore.store import APIStore
from druid_operator.pkg.clock import Clock, SystemClock
from druid_operator.pkg.envtest.apiserver.call import Call
from druid_operator.pkg.envtest.apiserver.faults import (
    Cut,
    Fault,
    Faults,
    Hold,
    Kill,
    Reply,
    Slow,
)
from druid_operator.pkg.envtest.apiserver.replies import error_reply
from druid_operator.pkg.envtest.apiserver.requestlog import Request, RequestLog
from druid_operator.pkg.envtest.apiserver.resource_handlers import ResourceHandlers
from druid_operator.pkg.envtest.apiserver.reviews import Reviews
from druid_operator.pkg.envtest.apiserver.system_handlers import SystemHandlers
from druid_operator.pkg.envtest.apiserver.target import parse_target
from druid_operator.pkg.envtest.apiserver.watches import WatchServer
from druid_operator.pkg.errors import APIError, InternalError, RequestTooLarge
from druid_operator.pkg.meta import JSON, Resource
from druid_operator.pkg.scheme.builtin import NAMESPACE

log = logging.getLogger(__name__)

_MAX_BODY = 3 * 1024 * 1024  # the real server's limit for one request


def _nothing() -> None:
    pass


class EmbeddedAPIServer:
    """Serves an :class:`APIStore`; an async context manager.

        async with EmbeddedAPIServer() as server:
            server.kubeconfig(path)     # for kubectl, or an operator in another process
            server.store                # the same objects, in this process
            server.requests.count(verb="apply", kind="StatefulSet")
            server.faults.inject(Cut(after=True), match=lambda r: r.verb == "create")

        Args: store: what to serve; a new one by default. It survives the server. clock: for ages in
        tables, and for a store made here. host, port: where to listen; port 0 takes a free one,
        kept across restarts. bookmark_period: seconds between bookmarks of a watch. housekeeping:
        collect garbage, empty deleted namespaces, make service accounts; off, the server is a
        kube-apiserver without its controller manager.

    Guarantees: a request is carried out in one step of the event loop, so the requests have an
    order, and it is that of the request log's ``executed``. Garbage is collected right after each
    delete and each removed finalizer, not seconds later as on a cluster.
    """

    def __init__(
        self,
        store: APIStore | None = None,
        *,
        clock: Clock | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        bookmark_period: float = 60.0,
        housekeeping: bool = True,
    ) -> None:
        self._clock = clock or SystemClock()
        self.store = store or APIStore(clock=self._clock)
        self.requests = RequestLog()
        self.watches = WatchServer(self.store, self._clock, bookmark_period)
        self.faults = Faults(self)
        self._handlers = ResourceHandlers(self.store, self._clock)
        self.reviews = Reviews()
        self._system = SystemHandlers(self.store, self.reviews)
        self._housekeeping = housekeeping
        self._host, self._port = host, port
        self._runner: web.ServerRunner | None = None
        self._connections: set[asyncio.Transport] = set()
        self._housekeeping_due = False
        self._unsubscribe: Callable[[], None] = _nothing

    async def __aenter__(self) -> EmbeddedAPIServer:
        self._unsubscribe = self.store.subscribe(self._on_commit)
        if self._housekeeping:
            self._keep_house()
        await self.start_listening()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._unsubscribe()
        await self.stop_listening()

    @property
    def url(self) -> str:
        return f"http://{self._host}:{self._port}"

    def kubeconfig(self, path: Path | str) -> Path:
        """Write a kubeconfig for this server and answer its path. It holds no credentials."""
        document = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "embedded",
            "clusters": [{"name": "embedded", "cluster": {"server": self.url}}],
            "users": [{"name": "embedded", "user": {}}],
            "contexts": [
                {"name": "embedded", "context": {"cluster": "embedded", "user": "embedded"}}
            ],
        }
        written = Path(path)
        written.write_text(json.dumps(document, indent=1))
        return written

    async def start_listening(self) -> None:
        """Accept connections. Idempotent."""
        if self._runner is not None:
            return
        # Without cancellation the watch of a client that was killed stays open until its next
        # bookmark, and the server waits for it when it stops.
        runner = web.ServerRunner(
            web.Server(self._serve, access_log=None, handler_cancellation=True)
        )
        await runner.setup()
        site = web.TCPSite(runner, self._host, self._port, reuse_address=True)
        await site.start()
        self._port = runner.addresses[0][1]
        self._runner = runner

    async def stop_listening(self) -> None:
        """Break every connection and accept no more. The store keeps its state."""
        runner, self._runner = self._runner, None
        if runner is None:
            return
        for transport in tuple(self._connections):
            transport.abort()
        await runner.cleanup()

    def _on_commit(self, type_: str, resource: Resource, obj: JSON) -> None:
        if not self._housekeeping:
            return
        metadata = obj["metadata"]
        due = type_ == "DELETED" or "deletionTimestamp" in metadata or resource == NAMESPACE
        if not (due or "ownerReferences" in metadata) or self._housekeeping_due:
            return
        # After the write that caused it, so that its answer is what it did and no more.
        self._housekeeping_due = True
        asyncio.get_running_loop().call_soon(self._keep_house)

    def _keep_house(self) -> None:
        """The work of kube-controller-manager that every namespace and every owner rely on."""
        try:
            self.store.collect_garbage()
            self.store.ensure_service_accounts()
        except Exception:
            log.exception("garbage collection failed")
        finally:
            self._housekeeping_due = False

    async def _serve(self, http: web.BaseRequest) -> web.StreamResponse:
        transport = http.transport
        if transport is not None:
            self._connections.add(transport)
        try:
            # Not http.read(), which ends at one mebibyte.
            body = await http.content.read()
            if len(body) > _MAX_BODY:
                words = f"Request entity too large: limit is {_MAX_BODY}"
                return error_reply(RequestTooLarge(words))
            target = parse_target(http.method, http.path, http.query, self.store.registry)
            call = Call(
                target,
                http.query,
                body,
                http.content_type,
                http.headers.get("Accept", ""),
                http.headers.get("User-Agent", ""),
            )
            request = self.requests.begin(
                target,
                verb="apply" if call.is_apply else target.verb,
                user_agent=call.user_agent,
                field_manager=call.manager,
                dry_run=call.dry_run,
                name=_name(call),
            )
            return await self._with_faults(http, call, request)
        finally:
            if transport is not None:
                self._connections.discard(transport)

    async def _with_faults(
        self, http: web.BaseRequest, call: Call, request: Request
    ) -> web.StreamResponse:
        fault = self.faults.decide(request)
        before = await self._before(http, fault)
        if before is not None:
            if isinstance(fault, Reply):
                request.status = before.status
            return before
        request.executed = True
        if call.target.verb == "watch" and call.target.served is not None:
            try:
                request.status = 200
                return await self.watches.serve(http, call, self.faults.flowing)
            except APIError as error:
                response: web.StreamResponse = error_reply(error)
        else:
            response = self._answer(call)
        if isinstance(fault, Hold) and fault.after:
            await fault.until.wait()
        elif isinstance(fault, Cut | Kill) and fault.after:
            return self._vanish(http, fault)
        request.status = response.status
        return response

    async def _before(self, http: web.BaseRequest, fault: Fault | None) -> web.Response | None:
        """What a fault does before the request is carried out; an answer ends it there."""
        match fault:
            case Slow(seconds):
                await asyncio.sleep(seconds)
            case Hold(until, after=False):
                await until.wait()
            case Reply():
                return fault.response()
            case Cut(after=False) | Kill(after=False):
                return self._vanish(http, fault)
        return None

    @staticmethod
    def _vanish(http: web.BaseRequest, fault: Cut | Kill) -> web.Response:
        if isinstance(fault, Kill):
            fault.strike()
        if http.transport is not None:
            http.transport.abort()
        # aiohttp wants an answer; the connection is gone before it could be sent.
        return web.Response(status=499)

    def _answer(self, call: Call) -> web.Response:
        try:
            if call.target.served is not None:
                return self._handlers.handle(call)
            return self._system.handle(call)
        except APIError as error:
            return error_reply(error)
        except Exception:
            log.exception("%s %s", call.target.method, call.target.path)
            return error_reply(InternalError("the embedded API server failed; see its log"))


def _name(call: Call) -> str:
    """The object's name; a POST has it in its body, or not at all if it is to be generated."""
    if call.target.verb != "create":
        return call.target.name
    try:
        return str(orjson.loads(call.body)["metadata"]["name"])
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return ""
