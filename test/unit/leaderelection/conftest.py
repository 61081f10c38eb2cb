"""Virtual time, and a server that keeps one Lease."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Callable
from typing import Any

import pytest

from druid_operator.pkg.client.interface import Client
from druid_operator.pkg.envtest.virtualtime import LoopClock, VirtualTimeLoop
from druid_operator.pkg.errors import AlreadyExists, Conflict, NotFound, RequestNotSent
from druid_operator.pkg.leaderelection import LeaderElectionOptions, LeaderElector
from druid_operator.pkg.meta import JSON


def pytest_asyncio_loop_factories(config: object, item: object) -> dict[str, Any]:
    return {"virtual": VirtualTimeLoop}


class LeaseServer:
    """The API server's laws for one object; every client of it may be cut off or made to hang."""

    def __init__(self) -> None:
        self.lease: JSON | None = None
        self.version = 0
        self.history: list[tuple[float, str]] = []  # (time, holder) of every stored write

    @property
    def holder(self) -> str:
        return self.lease["spec"]["holderIdentity"] if self.lease else ""

    def store(self, lease: JSON) -> JSON:
        self.version += 1
        self.lease = copy.deepcopy(lease)
        self.lease["metadata"]["resourceVersion"] = str(self.version)
        self.history.append((asyncio.get_running_loop().time(), self.holder))
        return copy.deepcopy(self.lease)


class LeaseClient:
    """One candidate's way to the server. ``fault`` is awaited before each request."""

    def __init__(self, server: LeaseServer) -> None:
        self.server = server
        self.fault: Callable[[], Any] | None = None
        self._healed = asyncio.Event()
        self.lose_answers = False
        self.answer_delay = 0.0
        self.requests: list[str] = []

    async def _request(self, verb: str) -> None:
        self.requests.append(verb)
        await asyncio.sleep(0.001)
        if self.fault is not None:
            await self.fault()

    async def _answer(self, lease: JSON) -> JSON:
        if self.lose_answers:
            await asyncio.Event().wait()
        await asyncio.sleep(self.answer_delay)
        return lease

    async def get(self, kind: object, key: object, /) -> JSON:
        await self._request("get")
        if self.server.lease is None:
            raise NotFound("no lease")
        return copy.deepcopy(self.server.lease)

    async def create(self, obj: JSON, /, **_: object) -> JSON:
        await self._request("create")
        if self.server.lease is not None:
            raise AlreadyExists("there is one")
        return await self._answer(self.server.store(obj))

    async def update(self, obj: JSON, /, **_: object) -> JSON:
        await self._request("update")
        if self.server.lease is None:
            raise NotFound("no lease")
        current = self.server.lease["metadata"]["resourceVersion"]
        if obj["metadata"].get("resourceVersion") != current:
            raise Conflict("changed meanwhile")
        return await self._answer(self.server.store(obj))

    def cut(self) -> None:
        async def refuse() -> None:
            raise RequestNotSent("connection refused")

        self.fault = refuse

    def hang(self) -> None:
        """Requests wait until ``heal``: those that are on their way, too."""
        self._healed = asyncio.Event()
        self.fault = self._healed.wait

    def heal(self) -> None:
        self.fault = None
        self._healed.set()


class Candidate:
    """An elector with its client; ``lead`` counts as leading until it is stopped or cancelled."""

    def __init__(
        self, server: LeaseServer, name: str, *, skew: float = 0.0, **options: Any
    ) -> None:
        self.client = LeaseClient(server)
        self.exits: list[int] = []
        self.events: list[str] = []
        self.leads = asyncio.Event()
        self.stop = asyncio.Event()
        self.led_from: float | None = None
        self.led_until: float | None = None
        self.elector = LeaderElector(
            as_client(self.client),
            LeaderElectionOptions(
                **{
                    "name": "lease",
                    "namespace": "ns",
                    "identity": name,
                    "watchdog": False,
                    **options,
                }
            ),
            clock=LoopClock(skew=skew),
            exit_=self.exits.append,
            on_event=lambda lease, note: self.events.append(note),
            uniform=lambda: 0.5,
        )

    async def lead(self) -> None:
        loop = asyncio.get_running_loop()
        self.led_from = loop.time()
        self.leads.set()
        try:
            await self.stop.wait()
        finally:
            self.led_until = loop.time()

    async def run(self) -> None:
        await self.elector.run(self.lead)


def as_client(client: Any) -> Client:
    return client


@pytest.fixture
def server() -> LeaseServer:
    return LeaseServer()


@pytest.fixture
def candidate(server: LeaseServer) -> Callable[..., Candidate]:
    def make(name: str, **options: Any) -> Candidate:
        return Candidate(server, name, **options)

    return make
