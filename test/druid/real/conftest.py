"""Rows to send, documents that read them, the ingestions that hold these, and what Druid has."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import aiohttp
import attrs
import pytest
import pytest_asyncio

from druid_operator.api.v1alpha1 import DRUID_INGESTION
from druid_operator.cmd.demo.realdruid.kafka import RealKafka
from druid_operator.cmd.demo.realdruid.launcher import RealDruid
from druid_operator.pkg.client import merge_patch
from druid_operator.pkg.druidapi import DruidClient, errors
from druid_operator.pkg.envtest.eventually import NotReached, eventually
from druid_operator.pkg.errors import NotFound
from druid_operator.pkg.meta import NamespacedName
from druid_operator.pkg.meta.conditions import find_condition
from druid_operator.pkg.scheme.builtin import EVENT

JSON = dict[str, Any]
UntilCounted = Callable[[str, int], Awaitable[None]]
# A task starts within seconds of its submission; on a busy machine within a minute.
WAIT = 120.0
SETTLED = 30.0


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
            "period": "PT2S",
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
def until_counted(druid: DruidClient) -> UntilCounted:
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


@attrs.frozen
class Ingestions:
    """The ingestions of the sample cluster, through the API server; all go when the test ends."""

    operator: Any
    _made: list[str] = attrs.field(factory=list)

    async def create(
        self, name: str, type_: str, document: JSON, *, settings: JSON | None = None, **spec: Any
    ) -> None:
        """``settings``: rules and compaction; ``spec``: everything beside ``ingestion``."""
        ingestion = {"type": type_, "nativeSpec": document, **(settings or {})}
        await self.operator.env.client.create(
            {
                "apiVersion": DRUID_INGESTION.api_version,
                "kind": DRUID_INGESTION.kind,
                "metadata": {"name": name, "namespace": self.operator.namespace},
                "spec": {"druidCluster": self.operator.cluster, "ingestion": ingestion, **spec},
            }
        )
        self._made.append(name)

    def key(self, name: str) -> NamespacedName:
        return NamespacedName(self.operator.namespace, name)

    async def get(self, name: str) -> JSON:
        found: JSON = await self.operator.env.client.get(DRUID_INGESTION, self.key(name))
        return found

    async def patch(self, name: str, spec: JSON) -> None:
        patch = merge_patch({"spec": spec})
        await self.operator.env.client.patch(DRUID_INGESTION, self.key(name), patch)

    async def patch_document(self, name: str, section: str, fields: JSON) -> None:
        """Change one section of the document, ``ioConfig`` say."""
        await self.patch(name, {"ingestion": {"nativeSpec": {"spec": {section: fields}}}})

    async def reconcile(self, name: str) -> JSON:
        """A new generation that asks for the same. The status of that generation."""
        given = (await self.get(name))["spec"].get("driftPolicy")
        await self.patch(name, {"driftPolicy": None if given else "Correct"})

        async def seen() -> JSON:
            obj = await self.get(name)
            status: JSON = obj.get("status") or {}
            generation = obj["metadata"]["generation"]
            return status if status.get("observedGeneration") == generation else {}

        found: JSON = await self.until(seen, f"{name} is looked at")
        return found

    async def delete(self, name: str) -> None:
        """Return when the object is gone: its finalizer has done its work."""
        self._made.remove(name)
        await self.operator.env.client.delete(DRUID_INGESTION, self.key(name))

        async def gone() -> bool:
            try:
                await self.get(name)
            except NotFound:
                return True
            return False

        await self.until(gone, f"{name} is gone")

    async def delete_all(self) -> None:
        for name in tuple(self._made):
            await self.delete(name)

    async def until_told(self, name: str, *reasons: str) -> None:
        """Wait until there has been an event for each of these reasons."""

        async def told() -> bool:
            events = await self.operator.env.client.list(EVENT, namespace=self.operator.namespace)
            mine = {e["reason"] for e in events if e["regarding"]["name"] == name}
            assert set(reasons) <= mine, f"only {sorted(mine)}"
            return True

        await self.until(told, f"events of {name}")

    async def until_condition(
        self, name: str, status: str, reason: str = "", *, type_: str = "Ready"
    ) -> JSON:
        """The object once a condition is so in its newest generation; empty is any reason."""

        async def so() -> JSON:
            obj = await self.get(name)
            condition = self.condition(obj, type_)
            seen = f"{condition.get('status')} {condition.get('reason')} {condition.get('message')}"
            assert condition.get("observedGeneration") == obj["metadata"]["generation"], seen
            assert condition["status"] == status, seen
            assert condition["reason"] == (reason or condition["reason"]), seen
            return obj

        found: JSON = await self.until(so, f"{type_} of {name} is {status} {reason}")
        return found

    async def until_ready(self, name: str, reason: str = "") -> JSON:
        """The status once it is Ready in its newest generation, for that reason if one is given."""
        status: JSON = (await self.until_condition(name, "True", reason))["status"]
        return status

    def condition(self, obj: JSON, type_: str = "Ready") -> JSON:
        found: JSON = find_condition((obj.get("status") or {}).get("conditions"), type_) or {}
        return found

    async def until(self, check: Callable[[], Awaitable[Any]], what: str) -> Any:
        return await eventually(check, timeout=WAIT, interval=0.2, what=what)


@pytest_asyncio.fixture(loop_scope="session")
async def ingestions(operator: Any) -> AsyncIterator[Ingestions]:
    made = Ingestions(operator)
    yield made
    await made.delete_all()


@attrs.frozen
class Streams:
    """Topics with rows, and ingestions that read them. Topic, table and object have one name."""

    ingestions: Ingestions
    druid: DruidClient
    kafka: RealKafka
    documents: Documents
    until_counted: UntilCounted
    _started: list[str] = attrs.field(factory=list)

    async def start(self, name: str, rows: int = 5, *, io: JSON | None = None, **spec: Any) -> None:
        """Create both. ``io`` is put over the document's ``ioConfig``."""
        await self.kafka.create_topic(name)
        await self.produce(name, rows)
        document = self.documents.stream(name, self.kafka.bootstrap)
        document["spec"]["ioConfig"] |= io or {}
        await self.ingestions.create(name, "kafka", document, **spec)
        self._started.append(name)

    async def read(self, name: str, rows: int = 5) -> None:
        """Create both, and wait until every row can be queried and the ingestion is Ready."""
        await self.start(name, rows)
        await self.until_counted(name, rows)
        await self.settled(name)
        await self.ingestions.until_ready(name, "Running")

    async def settled(self, name: str, timeout: float = WAIT) -> None:
        """Wait until the supervisor knows its tasks.

        It looks for them in its next period only. One that is suspended or terminated before
        "cannot find" them: they run on without it, for ever, in the few slots that there are.
        """

        async def known() -> bool:
            status = await self.druid.supervisor_status(name)
            tasks = status.payload.get("activeTasks") or []
            return bool(tasks) and all(task.get("startTime") for task in tasks)

        await eventually(known, timeout=timeout, interval=0.2, what=f"{name} knows its tasks")

    async def settle_all(self) -> None:
        """Before a test's ingestions go. After a failed test as far as may be."""
        for name in self._started:
            with contextlib.suppress(errors.DruidError, NotReached):
                if (await self.druid.supervisor_status(name)).suspended is False:
                    await self.settled(name, timeout=SETTLED)

    async def produce(self, name: str, rows: int) -> None:
        await self.kafka.produce(name, self.documents.rows(rows))


@pytest_asyncio.fixture(loop_scope="session")
async def streams(
    ingestions: Ingestions,
    druid: DruidClient,
    real_kafka: RealKafka,
    documents: Documents,
    until_counted: UntilCounted,
) -> AsyncIterator[Streams]:
    streams = Streams(ingestions, druid, real_kafka, documents, until_counted)
    yield streams
    await streams.settle_all()


@pytest.fixture
def history(real_druid: RealDruid) -> Callable[[str], Awaitable[list[JSON]]]:
    """The versions of a supervisor that Druid has taken, newest first; tombstones are some."""

    async def read(supervisor_id: str) -> list[JSON]:
        url = f"{real_druid.router_url}/druid/indexer/v1/supervisor/{supervisor_id}/history"
        async with aiohttp.ClientSession() as session, session.get(url) as answer:
            answer.raise_for_status()
            found: list[JSON] = await answer.json(content_type=None)
            return found

    return read
