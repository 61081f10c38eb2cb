"""Rows to send, documents that read them, and how many can be queried."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
import pytest_asyncio

from druid_operator.cmd.demo.realdruid.launcher import RealDruid
from druid_operator.pkg.druidapi import DruidClient, errors
from druid_operator.pkg.envtest.eventually import eventually

JSON = dict[str, Any]
# A task starts within seconds of its submission; on a busy machine within a minute.
WAIT = 120.0


class Documents:
    """What is sent to Druid. The name is datasource, topic and id at once."""

    def rows(self, count: int) -> list[JSON]:
        return [{"time": f"2026-01-01T00:00:{n:02d}Z", "page": f"page-{n}"} for n in range(count)]

    def batch(self, name: str, rows: list[JSON]) -> JSON:
        """A task without an id: whoever submits it gives one."""
        io = {
            "type": "index_parallel",
            "inputSource": {"type": "inline", "data": "\n".join(map(json.dumps, rows))},
            "inputFormat": {"type": "json"},
            "appendToExisting": False,
        }
        tuning = {"type": "index_parallel", "partitionsSpec": {"type": "dynamic"}}
        return self._document("index_parallel", name, io, tuning)

    def stream(self, name: str, bootstrap: str) -> JSON:
        io = {
            "type": "kafka",
            "topic": name,
            "inputFormat": {"type": "json"},
            "consumerProperties": {"bootstrap.servers": bootstrap},
            "useEarliestOffset": True,
            # Less than a minute kills every task of Druid 33.
            "taskDuration": "PT1H",
            # By default the first task starts after 5 s, and the supervisor looks every 30 s.
            "startDelay": "PT1S",
            "period": "PT5S",
        }
        return self._document("kafka", name, io, {"type": "kafka"})

    def _document(self, type_: str, name: str, io: JSON, tuning: JSON) -> JSON:
        schema = {
            "dataSource": name,
            "timestampSpec": {"column": "time", "format": "iso"},
            "dimensionsSpec": {"dimensions": ["page"]},
            "granularitySpec": {"segmentGranularity": "day", "rollup": False},
        }
        return {
            "type": type_,
            "spec": {"dataSchema": schema, "ioConfig": io, "tuningConfig": tuning},
        }


@pytest.fixture
def documents() -> Documents:
    return Documents()


@pytest_asyncio.fixture(loop_scope="session")
async def druid(real_druid: RealDruid) -> AsyncIterator[DruidClient]:
    async with DruidClient(real_druid.router_url) as client:
        yield client


@pytest.fixture
def until_counted(druid: DruidClient) -> Callable[[str, int], Awaitable[None]]:
    """Wait until a query counts so many rows in a table."""

    async def count(table: str) -> int:
        try:
            (row,) = await druid.sql(f'SELECT COUNT(*) AS "rows" FROM "{table}"')
        except errors.Rejected:
            return 0  # no such table yet
        return int(row["rows"])

    async def wait(table: str, rows: int) -> None:
        async def counted() -> bool:
            return await count(table) == rows

        await eventually(counted, timeout=WAIT, interval=0.3, what=f"{rows} rows in {table}")

    return wait
