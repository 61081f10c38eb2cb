"""An object, what Druid says, and the status that comes of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from druid_operator.internal.druidconn import SupervisorFacts
from druid_operator.internal.ingestion.document import DesiredDocument
from druid_operator.pkg.druidapi.types import StreamError, SupervisorStatus

JSON = dict[str, Any]
NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def now() -> datetime:
    return NOW


@pytest.fixture
def ingestion() -> Callable[..., JSON]:
    def make(name: str = "wiki", generation: int = 3, **fields: Any) -> JSON:
        meta = {
            "name": name, "namespace": "ns", "uid": f"uid-{name}", "generation": generation,
            "creationTimestamp": "2026-01-01T00:00:00Z",
        }  # fmt: skip
        return {"metadata": meta, **fields}

    return make


@pytest.fixture
def desired() -> Callable[..., DesiredDocument]:
    def make(**fields: Any) -> DesiredDocument:
        given: JSON = {
            "type": "kafka", "runs": "supervisor", "druid_type": "kafka", "data_source": "wiki",
            "supervisor_id": "wiki", "stream": "topic:wiki", "suspended": False, "appends": False,
            "body": {"type": "kafka"}, "spec_hash": "h1", "raw": {"type": "kafka"}, "path": "p",
            **fields,
        }  # fmt: skip
        return DesiredDocument(**given)

    return make


@pytest.fixture
def supervisor() -> Callable[..., SupervisorFacts]:
    """As Druid describes it; ``lag=None`` for one that was not measured."""

    def make(
        state: str = "RUNNING",
        *,
        healthy: bool | None = True,
        suspended: bool = False,
        detailed: str = "",
        lag: int | None = None,
        errors: tuple[StreamError, ...] = (),
        tasks: tuple[str, ...] = ("t",),
    ) -> SupervisorFacts:
        status = SupervisorStatus(
            "wiki", "", state, detailed or state, healthy, suspended, active_tasks=tasks,
            aggregate_lag=lag or 0, offsets_updated="" if lag is None else "now",
            recent_errors=errors,
        )  # fmt: skip
        return SupervisorFacts(
            id="wiki", spec={"type": "kafka"}, suspended=suspended, state=state,
            detailed_state=detailed or state, healthy=healthy, status=status,
        )  # fmt: skip

    return make
