"""A Druid that says what it is told to, and counts."""

from __future__ import annotations

import copy
import json
from collections import Counter
from collections.abc import Callable
from typing import Any

import attrs
import pytest

from druid_operator.pkg.druidapi import errors
from druid_operator.pkg.druidapi.api import Capabilities
from druid_operator.pkg.druidapi.types import (
    SupervisorListing,
    SupervisorState,
    SupervisorStatus,
    TaskStatus,
)

JSON = dict[str, Any]


@attrs.define
class Druid:
    """Supervisors by id: spec and state. ``down`` is raised by every call."""

    specs: dict[str, JSON] = attrs.field(factory=dict)
    states: dict[str, tuple[str, bool]] = attrs.field(factory=dict)
    lag: dict[str, int] = attrs.field(factory=dict)
    own_rules: dict[str, list[JSON]] = attrs.field(factory=dict)
    active: dict[str, tuple[str, ...]] = attrs.field(factory=dict)
    finished: list[TaskStatus] = attrs.field(factory=list)
    down: Exception | None = None
    calls: Counter[str] = attrs.field(factory=Counter)
    asked: list[str] = attrs.field(factory=list)

    def add(self, id_: str, state: str = "RUNNING", *, healthy: bool = True, **spec: Any) -> None:
        self.specs[id_] = {"type": "kafka", **spec}
        self.states[id_] = (state, healthy)

    def _called(self, name: str) -> None:
        self.calls[name] += 1
        if self.down is not None:
            raise self.down

    async def check_ready(self) -> None:
        self._called("check_ready")

    async def tasks(self, *, data_source: str, limit: int) -> list[TaskStatus]:
        self._called("tasks")
        return self.finished[:limit]

    async def capabilities(self) -> Capabilities:
        self._called("capabilities")
        return Capabilities("33.0.0", frozenset(), "unified", True)

    async def rules(self, data_source: str) -> list[JSON]:
        return self.own_rules.get(data_source, [])

    async def all_rules(self) -> dict[str, list[JSON]]:
        self._called("rules")
        return self.own_rules

    async def compaction(self, api: str, data_source: str) -> JSON:
        raise errors.NotFound("none")

    async def all_compaction(self, api: str) -> dict[str, JSON]:
        self._called("compaction")
        return {}

    async def supervisor_states(self) -> list[SupervisorState]:
        self._called("states")
        return [SupervisorState(i, s, s, h) for i, (s, h) in self.states.items()]

    async def supervisor_listing(self) -> list[SupervisorListing]:
        self._called("listing")
        return [
            SupervisorListing(
                i, s, s, h, "kafka", "t", self.specs[i].get("suspended", False),
                json.dumps(self.specs[i]),
            )
            for i, (s, h) in self.states.items()
        ]  # fmt: skip

    async def supervisor_spec(self, id_: str) -> JSON:
        self._called("spec")
        if id_ not in self.specs:
            raise errors.NotFound("no such supervisor")
        return copy.deepcopy(self.specs[id_])

    async def supervisor_status(self, id_: str) -> SupervisorStatus:
        self._called("status")
        self.asked.append(id_)
        if id_ not in self.specs:
            raise errors.NotFound("no such supervisor")
        state, healthy = self.states[id_]
        return SupervisorStatus(
            id_, "", state, state, healthy, False, aggregate_lag=self.lag.get(id_, 0),
            active_tasks=self.active.get(id_, ("t",)), offsets_updated="now",
        )  # fmt: skip


@pytest.fixture
def druid() -> Druid:
    return Druid()


@pytest.fixture
def make_druid() -> Callable[[], Druid]:
    return Druid
