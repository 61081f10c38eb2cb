"""Virtual time, and a writer that keeps events and validates them as the API server does."""

from __future__ import annotations

import asyncio
import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from druid_operator.pkg.client.interface import Patch
from druid_operator.pkg.envtest.virtualtime import LoopClock, VirtualTimeLoop
from druid_operator.pkg.errors import AlreadyExists, Invalid, NotFound
from druid_operator.pkg.meta import JSON, NamespacedName
from druid_operator.pkg.metrics import Metrics
from druid_operator.pkg.recorder import Recorder


def pytest_asyncio_loop_factories(config: object, item: object) -> dict[str, Any]:
    return {"virtual": VirtualTimeLoop}


class EventStore:
    """``fail`` is called before each write and may raise; ``writes`` counts what arrived."""

    def __init__(self) -> None:
        self.events: dict[NamespacedName, JSON] = {}
        self.writes = 0
        self.fail: Callable[[], Any] = lambda: None
        self.lose_answers = False

    async def _arrive(self) -> None:
        await asyncio.sleep(0.001)
        self.writes += 1
        self.fail()

    async def create(self, obj: JSON, /, **_: object) -> JSON:
        await self._arrive()
        key = NamespacedName.of(obj)
        if key in self.events:
            raise AlreadyExists(str(key))
        for field, limit in (("reason", 128), ("action", 128), ("note", 1024)):
            if len(obj[field].encode()) > limit or not obj[field]:
                raise Invalid(field)
        self.events[key] = copy.deepcopy(obj)
        if self.lose_answers:
            raise ConnectionResetError
        return obj

    async def patch(self, kind: object, key: NamespacedName, patch: Patch, /, **_: object) -> JSON:
        await self._arrive()
        if key not in self.events:
            raise NotFound(str(key))
        self.events[key] |= json.loads(patch.body)
        return self.events[key]

    def by_reason(self) -> dict[str, int]:
        """The count that each series has at the server."""
        return {
            event["reason"]: event.get("series", {}).get("count", 1)
            for event in self.events.values()
        }


@pytest.fixture
def store() -> EventStore:
    return EventStore()


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture
def recorder(store: EventStore, metrics: Metrics) -> Recorder:
    return Recorder(
        as_writer(store),
        "example.com/test",
        instance="pod-1",
        clock=LoopClock(),
        metrics=metrics,
        uniform=lambda: 0.5,
    )


@pytest.fixture
async def running(recorder: Recorder) -> Any:
    task = asyncio.ensure_future(recorder.start())
    yield recorder
    task.cancel()
    await asyncio.wait([task])


def as_writer(store: Any) -> Any:
    return store
