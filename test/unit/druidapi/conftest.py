"""Specs for the client's tests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

JSON = dict[str, Any]


@pytest.fixture
def kafka_spec() -> Callable[..., JSON]:
    def build(name: str, **changes: Any) -> JSON:
        io = {
            "topic": "events",
            "inputFormat": {"type": "json"},
            "consumerProperties": {"bootstrap.servers": "kafka:9092"},
        }
        schema = {
            "dataSource": name,
            "timestampSpec": {"column": "t"},
            "dimensionsSpec": {"dimensions": ["page"]},
            "granularitySpec": {"segmentGranularity": "day"},
        }
        spec = {"dataSchema": schema, "ioConfig": io, "tuningConfig": {"type": "kafka"}}
        return {"type": "kafka", "spec": spec, **changes}

    return build
