"""Each contract test runs on the fake, and with ``--real-druid`` on a real one.

``DRUID_URL`` may name one that runs already. It must have the Kafka extension: names below are our
own, and each test removes what it made.
"""

from __future__ import annotations

import asyncio
import os
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from druid_operator.pkg.druidapi import DruidClient, errors
from druid_operator.pkg.druidapi.fake import FakeDruid

JSON = dict[str, Any]


@pytest.fixture(params=["fake", pytest.param("real", marks=pytest.mark.real_druid)])
def druid_url(request: pytest.FixtureRequest) -> str:
    """Empty for the fake. The session's Druid is only booted where ``DRUID_URL`` names none."""
    if request.param == "fake":
        return ""
    given = os.environ.get("DRUID_URL")
    return given or str(request.getfixturevalue("real_druid").router_url)


@pytest.fixture
async def druid(druid_url: str) -> AsyncIterator[DruidClient]:
    if druid_url:
        async with DruidClient(druid_url) as client:
            yield client
    else:
        async with FakeDruid() as fake, DruidClient(fake.url) as client:
            yield client


@pytest.fixture
def name() -> str:
    """A datasource, supervisor or task that nobody else has."""
    return f"contract_{uuid.uuid4().hex[:10]}"


@pytest.fixture
def eventually() -> Callable[..., Awaitable[Any]]:
    async def wait(read: Callable[[], Awaitable[Any]], *, within: float = 60.0) -> Any:
        """Call ``read`` until it answers something true."""
        async with asyncio.timeout(within):
            while True:
                value = await read()
                if value:
                    return value
                await asyncio.sleep(0.05)

    return wait


@pytest.fixture
async def supervisor(druid: DruidClient, name: str) -> AsyncIterator[JSON]:
    """A Kafka document whose stream does not exist: it can be created, kept and removed."""
    schema = {
        "dataSource": name,
        "timestampSpec": {"column": "t", "format": "iso"},
        "dimensionsSpec": {"dimensions": ["a"]},
        "granularitySpec": {"segmentGranularity": "day"},
    }
    io = {
        "type": "kafka",
        "topic": name,
        "inputFormat": {"type": "json"},
        "consumerProperties": {
            "bootstrap.servers": "127.0.0.1:1",
            "default.api.timeout.ms": "2000",
            "request.timeout.ms": "1000",
        },
        "taskDuration": "PT1H",
    }
    tuning = {"type": "kafka", "shutdownTimeout": "PT2S"}
    spec = {"dataSchema": schema, "ioConfig": io, "tuningConfig": tuning}
    yield {"type": "kafka", "spec": spec, "suspended": True}
    try:
        await druid.terminate_supervisor(name)
    except errors.NotFound:
        pass


@pytest.fixture
def batch(name: str) -> JSON:
    """Two rows, inline."""
    rows = '{"t":"2024-01-01T00:00:00Z","a":"x"}\n{"t":"2024-01-02T00:00:00Z","a":"y"}'
    schema = {
        "dataSource": name,
        "timestampSpec": {"column": "t", "format": "iso"},
        "dimensionsSpec": {"dimensions": ["a"]},
        "granularitySpec": {"segmentGranularity": "day", "rollup": False},
    }
    io = {
        "type": "index_parallel",
        "inputSource": {"type": "inline", "data": rows},
        "inputFormat": {"type": "json"},
        "appendToExisting": False,
    }
    tuning = {"type": "index_parallel", "partitionsSpec": {"type": "dynamic"}}
    spec = {"dataSchema": schema, "ioConfig": io, "tuningConfig": tuning}
    return {"type": "index_parallel", "id": name, "spec": spec, "context": {"k8sOwner": "me"}}
