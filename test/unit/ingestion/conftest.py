"""A Kafka document as a user writes it, and what Druid makes of it."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from druid_operator.api.v1alpha1.druidingestion_types import IngestionSpec
from druid_operator.internal.ingestion.document import DesiredDocument, build_document
from druid_operator.pkg.druidapi.fake.stream_spec import stream_spec
from druid_operator.pkg.druidapi.fake.versions import Version

JSON = dict[str, Any]

KAFKA: JSON = {
    "type": "kafka",
    "spec": {
        "dataSchema": {
            "dataSource": "wiki",
            "timestampSpec": {"column": "t", "format": "iso"},
            "dimensionsSpec": {"dimensions": ["page", {"type": "long", "name": "n"}]},
            "granularitySpec": {"segmentGranularity": "day", "queryGranularity": "none"},
        },
        "ioConfig": {
            "type": "kafka",
            "topic": "wiki",
            "inputFormat": {"type": "json"},
            "consumerProperties": {"bootstrap.servers": "kafka:9092", "ssl.key.password": "hush"},
            "taskDuration": "PT1H",
        },
        "tuningConfig": {"type": "kafka", "maxRowsInMemory": 50000},
    },
}


@pytest.fixture
def kafka() -> JSON:
    return copy.deepcopy(KAFKA)


@pytest.fixture
def as_druid_says() -> Callable[..., JSON]:
    def answer(document: JSON, version: str = "33.0.0") -> JSON:
        return stream_spec(copy.deepcopy(document), Version(version))

    return answer


@pytest.fixture
def build() -> Callable[..., DesiredDocument]:
    def make(
        document: JSON, *, kind: str = "kafka", suspend: bool | None = None
    ) -> DesiredDocument:
        return build_document(IngestionSpec(type=kind, native_spec=document), suspend=suspend)

    return make
