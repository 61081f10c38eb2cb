"""What the manager serves over HTTP: metrics and probes, each on an address of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from aiohttp import web

from druid_operator.pkg.healthz import Checker, health_app
from druid_operator.pkg.listen import HTTPServer, parse_bind
from druid_operator.pkg.metrics import Metrics


class Endpoints:
    """A runnable that needs no lease: probes and metrics of a standby are wanted too.

    Args:
        metrics_bind, health_bind: see :func:`~druid_operator.pkg.listen.parse_bind`.
        healthz, readyz: checks by name; read anew on every probe.

    Raises ``ValueError`` for an address that is none.
    """

    need_leader_election = False

    def __init__(
        self,
        metrics_bind: str,
        health_bind: str,
        metrics: Metrics,
        healthz: Mapping[str, Checker],
        readyz: Mapping[str, Checker],
    ) -> None:
        self._metrics = metrics
        self._servers: dict[str, HTTPServer] = {}
        self._started = asyncio.Event()
        apps = {
            "metrics": (metrics_bind, self._metrics_app()),
            "health": (health_bind, health_app(healthz, readyz)),
        }
        for name, (text, app) in apps.items():
            bind = parse_bind(text)
            if bind is not None:
                self._servers[name] = HTTPServer(name, app, bind)

    def __repr__(self) -> str:
        return "HTTP servers"

    async def start(self) -> None:
        try:
            for server in self._servers.values():
                await server.start()
            self._started.set()
            await asyncio.Event().wait()
        finally:
            for server in self._servers.values():
                await server.stop()

    async def wait_started(self) -> None:
        await self._started.wait()

    @property
    def addresses(self) -> dict[str, str]:
        """``metrics`` and ``health`` to ``host:port``, for those that are served."""
        return {name: server.address for name, server in self._servers.items()}

    def _metrics_app(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/metrics", self._serve_metrics)
        return app

    async def _serve_metrics(self, request: web.Request) -> web.Response:
        body, content_type = await self._metrics.render(request.headers.get("Accept", ""))
        return web.Response(body=body, headers={"Content-Type": content_type})
