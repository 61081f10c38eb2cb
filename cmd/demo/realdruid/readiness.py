"""When a Druid process is ready: what each service answers once others can use it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping

import aiohttp

from druid_operator.cmd.demo.realdruid.ports import HOST
from druid_operator.pkg.errors import OperatorError

_COORDINATOR_LEADS = "/druid/coordinator/v1/isLeader"
_OVERLORD_LEADS = "/druid/indexer/v1/isLeader"
WORKERS = "/druid/indexer/v1/workers"

#: Paths that answer 200, all of them, by service.
_PATHS: Mapping[str, tuple[str, ...]] = {
    "coordinator": (_COORDINATOR_LEADS,),
    "overlord": (_OVERLORD_LEADS,),
    "indexer": ("/druid/worker/v1/enabled",),
    "middleManager": ("/druid/worker/v1/enabled",),
    "broker": ("/druid/broker/v1/readiness",),
    "historical": ("/druid/historical/v1/readiness",),
    # It has found both leaders, and its management proxy is on.
    "router": ("/proxy/enabled", _COORDINATOR_LEADS, _OVERLORD_LEADS),
}

#: Services that run tasks: the Overlord has to find them before it can assign any.
WORKER_SERVICES = ("indexer", "middleManager")

_ANSWER_TIMEOUT = 5.0


class NotReady(OperatorError, AssertionError):
    """Not yet. An ``AssertionError`` too, so that ``eventually`` asks again."""


def ready_paths(service: str, properties: Mapping[str, str]) -> tuple[str, ...]:
    """The paths of a service; those of the Overlord too, for a Coordinator that is one."""
    paths = _PATHS[service]
    if properties.get("druid.coordinator.asOverlord.enabled") == "true":
        return (*paths, _OVERLORD_LEADS)
    return paths


class Prober:
    """Asks the processes of one cluster; an async context manager."""

    def __init__(self) -> None:
        self._session = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=_ANSWER_TIMEOUT), trust_env=False
        )

    async def __aenter__(self) -> Prober:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    async def check(self, url: str, paths: tuple[str, ...]) -> None:
        """Return when each path answers 200, else raise ``NotReady``."""
        for path in paths:
            status, _ = await self._get(url + path)
            if status != 200:
                raise NotReady(f"{path} answers {status}")

    async def check_workers(self, url: str, count: int) -> None:
        """Return when the Overlord at ``url`` has found so many workers, else ``NotReady``."""
        status, body = await self._get(url + WORKERS)
        workers = json.loads(body) if status == 200 else []
        if len(workers) < count:
            raise NotReady(f"the Overlord knows {len(workers)} of {count} workers")

    async def _get(self, url: str) -> tuple[int, bytes]:
        try:
            async with self._session.get(url) as response:
                return response.status, await response.read()
        except (aiohttp.ClientError, TimeoutError) as error:
            raise NotReady(str(error) or type(error).__name__) from error


async def check_port(port: int) -> None:
    """Return when something accepts connections on 127.0.0.1, else raise ``NotReady``."""
    try:
        _, writer = await asyncio.open_connection(HOST, port)
    except OSError as error:
        raise NotReady(f"port {port}: {error.strerror}") from error
    writer.close()
    await writer.wait_closed()
