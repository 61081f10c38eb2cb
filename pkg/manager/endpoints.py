"""What the manager serves over HTTP: metrics, probes, debugging, each on its own address."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import ClassVar

import attrs
from aiohttp import web
from aiohttp.typedefs import Middleware

from druid_operator.pkg.certwatcher import CertWatcher
from druid_operator.pkg.listen import HTTPServer, parse_bind
from druid_operator.pkg.metrics import Metrics

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@attrs.frozen(kw_only=True)
class MetricsOptions:
    """How metrics are served; the address is ``metrics_bind``.

    Args:
        cert_dir: serve with TLS, with the certificate ``tls.crt`` and its key ``tls.key`` in there,
            which are loaded anew when they change. Plain HTTP without.
        authorize: ask the API server about the caller's token, and whether it may ``get`` the path
            (``nonResourceURLs`` of a ClusterRole). Tokens then travel, so serve with TLS.
        handlers: further paths on the same address, guarded alike.
    """

    cert_dir: Path | None = None
    authorize: bool = False
    handlers: Mapping[str, Handler] = attrs.field(factory=dict)


class Endpoints:
    """A runnable that needs no lease: probes and metrics of a standby are wanted too."""

    need_leader_election = False
    runnable_group: ClassVar = "http"

    def __init__(self) -> None:
        self._servers: dict[str, HTTPServer] = {}
        self._watchers: list[CertWatcher] = []
        self._started = asyncio.Event()

    def __repr__(self) -> str:
        return "HTTP servers"

    def add(
        self, name: str, bind: str, app: web.Application, *, tls: CertWatcher | None = None
    ) -> None:
        """Serve ``app``, unless ``bind`` says not to. Before the start.

        Raises ``ValueError`` for an address that is none (see
        :func:`~druid_operator.pkg.listen.parse_bind`).
        """
        address = parse_bind(bind)
        if address is None:
            return
        context: ssl.SSLContext | None = None
        if tls is not None:
            self._watchers.append(tls)
            context = tls.context
        self._servers[name] = HTTPServer(name, app, address, tls=context)

    async def start(self) -> None:
        try:
            for server in self._servers.values():
                await server.start()
            self._started.set()
            async with asyncio.TaskGroup() as tasks:
                for watcher in self._watchers:
                    tasks.create_task(watcher.start())
                await asyncio.Event().wait()
        finally:
            for server in self._servers.values():
                await server.stop()

    async def wait_started(self) -> None:
        await self._started.wait()

    @property
    def addresses(self) -> dict[str, str]:
        """Name to ``host:port``, for those that are served."""
        return {name: server.address for name, server in self._servers.items()}


def metrics_app(
    metrics: Metrics, handlers: Mapping[str, Handler], guard: Middleware | None
) -> web.Application:
    """``/metrics`` and what else is served beside it."""
    app = web.Application(middlewares=[guard] if guard is not None else [])

    async def serve(request: web.Request) -> web.Response:
        body, content_type = await metrics.render(request.headers.get("Accept", ""))
        return web.Response(body=body, headers={"Content-Type": content_type})

    app.router.add_get("/metrics", serve)
    for path, handler in handlers.items():
        app.router.add_get(path, handler)
    return app
