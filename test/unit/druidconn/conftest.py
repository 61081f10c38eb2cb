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
from druid_operator.pkg.druidapi.types import (
    SupervisorListing,
    SupervisorState,
    SupervisorStatus,
)

JSON = dict[str, Any]


@attrs.define
class Druid:
    """Supervisors by id: spec and state. ``down`` is raised by every call."""

    specs: dict[str, JSON] = attrs.field(factory=dict)
    states: dict[str, tuple[str, bool]] = attrs.field(factory=dict)
    lag: dict[str, int] = attrs.field(factory=dict)
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
            offsets_updated="now",
        )  # fmt: skip


@pytest.fixture
def druid() -> Druid:
    return Druid()


@pytest.fixture
def make_druid() -> Callable[[], Druid]:
    return Druid
