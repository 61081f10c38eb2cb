"""A fake Druid, an operator for one namespace that keeps ingestions in it, and documents."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any

import attrs
import pytest
import pytest_asyncio

from druid_operator.api.v1alpha1 import DRUID, DRUID_INGESTION, KINDS
from druid_operator.internal.controller import CONTROLLERS
from druid_operator.internal.controller.registry import OperatorSettings
from druid_operator.pkg.cache import CacheOptions
from druid_operator.pkg.client import merge_patch
from druid_operator.pkg.druidapi import DruidClient
from druid_operator.pkg.druidapi.fake import FakeDruid
from druid_operator.pkg.envtest.environment import Environment
from druid_operator.pkg.envtest.eventually import eventually
from druid_operator.pkg.errors import NotFound
from druid_operator.pkg.manager import Manager, ManagerOptions
from druid_operator.pkg.meta import JSON, NamespacedName, Resource
from druid_operator.pkg.meta.conditions import find_condition
from druid_operator.pkg.scheme import Scheme
from druid_operator.pkg.scheme.builtin import EVENT

CLUSTER = "example"
WAIT_SECONDS = 20.0
_WRITES = frozenset({"POST", "PUT", "PATCH", "DELETE"})

_SCHEMA: JSON = {
    "timestampSpec": {"column": "t", "format": "iso"},
    "dimensionsSpec": {"dimensions": ["page"]},
    "granularitySpec": {"segmentGranularity": "day", "queryGranularity": "none"},
}


@attrs.define
class World:
    """A namespace with one cluster, the fake Druid behind it, and a client that sees all of it."""

    env: Environment
    namespace: str
    druid: FakeDruid
    console: DruidClient
    manager: Manager | None = None

    def key(self, name: str) -> NamespacedName:
        return NamespacedName(self.namespace, name)

    # --- what users do --------------------------------------------------------------------------

    async def create(self, document: JSON, name: str = "wiki", **spec: Any) -> JSON:
        """Create an ingestion; its type is the document's. Keywords are fields of the spec."""
        kind = document.get("type", "kafka")
        ingestion = spec.pop("ingestion", {})
        kind = {"index_parallel": "native-batch", "noop": "native-batch"}.get(kind, kind)
        return await self.env.client.create({
            "apiVersion": DRUID_INGESTION.api_version,
            "kind": DRUID_INGESTION.kind,
            "metadata": {"name": name, "namespace": self.namespace},
            "spec": {
                "druidCluster": CLUSTER,
                "ingestion": {"type": kind, "nativeSpec": document, **ingestion},
                **spec,
            },
        })  # fmt: skip

    async def get(self, name: str = "wiki", resource: Resource = DRUID_INGESTION) -> JSON:
        return await self.env.client.get(resource, self.key(name))

    async def change(
        self, body: JSON, name: str = "wiki", resource: Resource = DRUID_INGESTION
    ) -> JSON:
        """Edit an object as a user would, by a merge patch."""
        patch = merge_patch(body)
        key = self.key(name)
        return await self.env.client.patch(resource, key, patch, field_owner="kubectl-edit")

    async def delete(self, name: str = "wiki", resource: Resource = DRUID_INGESTION) -> None:
        await self.env.client.delete(resource, self.key(name))

    # --- what is waited for ---------------------------------------------------------------------

    async def until(self, check: Callable[[], Any], what: str = "") -> Any:
        return await eventually(check, timeout=WAIT_SECONDS, what=what)

    async def condition(self, type_: str = "Ready", name: str = "wiki") -> JSON:
        """The condition, ``{}`` if there is none or if it speaks of an older generation."""
        obj = await self.get(name)
        found = find_condition((obj.get("status") or {}).get("conditions"), type_) or {}
        current = found.get("observedGeneration") == obj["metadata"]["generation"]
        return dict(found) if current else {}

    async def until_condition(
        self, status: str, reason: str, type_: str = "Ready", name: str = "wiki"
    ) -> JSON:
        """Returns the object once a condition of its newest generation has these words."""

        async def there() -> bool:
            found = await self.condition(type_, name)
            told = (found.get("status"), found.get("reason"))
            assert told == (status, reason), (told, found.get("message"))
            return True

        await self.until(there, f"{name} is {type_}={status}, {reason}")
        return await self.get(name)

    async def until_state(self, state: str, name: str = "wiki") -> JSON:
        """Returns the object once its status shows this state of Druid's."""

        async def there() -> bool:
            return bool(((await self.get(name)).get("status") or {}).get("state") == state)

        await self.until(there, f"{name} is {state}")
        return await self.get(name)

    async def until_gone(self, name: str = "wiki") -> None:
        async def gone() -> bool:
            try:
                await self.get(name)
            except NotFound:
                return True
            return False

        await self.until(gone, f"{name} is gone")

    async def events(self, name: str = "wiki") -> list[JSON]:
        found = await self.env.client.list(EVENT, namespace=self.namespace)
        return [event for event in found if event["regarding"]["name"] == name]

    async def until_told(self, reason: str, name: str = "wiki") -> str:
        """The note of the first event of that reason, once there is one."""

        async def told() -> list[str]:
            return [e["note"] for e in await self.events(name) if e["reason"] == reason]

        return str((await self.until(told, f"event {reason}"))[0])

    # --- what it costs --------------------------------------------------------------------------

    def mutations(self) -> list[str]:
        """``METHOD path`` of all that changed Druid, in order, the query left out."""
        return [f"{r.method} {r.path.partition('?')[0]}" for r in self.druid.mutations()]

    def posts(self) -> list[str]:
        """Submissions of documents: supervisors, tasks and SQL."""
        ends = ("/druid/indexer/v1/supervisor", "/druid/indexer/v1/task", "/druid/v2/sql/task")
        paths = [r.path.partition("?")[0] for r in self.druid.requests if r.method == "POST"]
        return [path for path in paths if path in ends]

    def writes(self) -> int:
        """Requests of the operator so far that could change something in the API server."""
        assert self.manager is not None
        return sum(
            int(sample.value)
            for sample in _samples(self.manager.metrics.rest_client_requests_total.collect())
            if sample.labels["method"] in _WRITES
        )

    def passes(self) -> int:
        assert self.manager is not None
        return sum(int(s.value) for s in _samples(self.manager.metrics.reconcile_total.collect()))

    async def quiet_passes(self, count: int) -> tuple[int, int]:
        """How many writes so many more passes make, and Druid mutations from now on.

        What is on its way already is waited for: an event is written after its pass, and a
        supervisor's tasks come a moment after it runs. A mutation of Druid counts at once.
        """
        mutations = len(self.mutations())
        await self.until_quiet()
        before, writes = self.passes(), self.writes()
        await self.until(lambda: self.passes() >= before + count, f"{count} more passes")
        return self.writes() - writes, len(self.mutations()) - mutations

    async def until_quiet(self) -> None:
        """Wait for three passes that write nothing."""

        async def quiet() -> bool:
            before, writes = self.passes(), self.writes()
            await self.until(lambda: self.passes() >= before + 3, "three more passes")
            return self.writes() == writes

        await self.until(quiet, "three passes that write nothing")


def _samples(metrics: Iterable[Any]) -> Iterable[Any]:
    return (s for metric in metrics for s in metric.samples if s.name.endswith("_total"))


StartOperator = Callable[..., Any]


@pytest.fixture
def druid_version() -> str:
    """Override it where another one behaves differently."""
    return "33.0.0"


@pytest_asyncio.fixture(loop_scope="session")
async def druid(env: Environment, druid_version: str) -> AsyncIterator[FakeDruid]:
    async with FakeDruid(version=druid_version) as fake:
        yield fake


@pytest.fixture
def cluster() -> JSON:
    """A ``Druid`` that nobody runs: only its name and its router are read."""
    router = {
        "nodeType": "router", "druid.port": 8888, "replicas": 1,
        "nodeConfigMountPath": "/opt/druid/conf/router",
        "runtime.properties": "druid.router.managementProxy.enabled=true",
        "services": [{"spec": {"type": "ClusterIP", "ports": [{"port": 8888}]}}],
    }  # fmt: skip
    return {
        "apiVersion": DRUID.api_version,
        "kind": DRUID.kind,
        "metadata": {"name": CLUSTER},
        "spec": {"common.runtime.properties": "a=b", "nodes": {"routers": router}},
    }


@pytest_asyncio.fixture(loop_scope="session")
async def kubernetes(
    env: Environment, namespace: str, druid: FakeDruid, cluster: JSON
) -> AsyncIterator[World]:
    """The cluster's object is there; no operator runs."""
    metadata = {**cluster["metadata"], "namespace": namespace}
    await env.client.create({**cluster, "metadata": metadata})
    async with DruidClient(druid.url) as console:
        yield World(env, namespace, druid, console)


@pytest.fixture
def run_operator(kubernetes: World) -> StartOperator:
    """An operator as an async context manager; keywords are settings."""

    @asynccontextmanager
    async def run(**settings: Any) -> AsyncIterator[World]:
        options = ManagerOptions(
            cache=CacheOptions(namespaces=(kubernetes.namespace,)),
            install_signal_handlers=False,
            graceful_shutdown_timeout=5.0,
        )
        manager = Manager(kubernetes.env.rest_config(), Scheme(KINDS), options)
        endpoints = {(kubernetes.namespace, CLUSTER): kubernetes.druid.url}
        chosen = {
            "reconcile_wait": 0.3, "druid_poll": 0.1, "druid_endpoints": endpoints, **settings,
        }  # fmt: skip
        for controller in CONTROLLERS:
            if controller.name == "druidingestion":
                controller.setup(manager, OperatorSettings(**chosen))
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(manager.run())
            try:
                yield attrs.evolve(kubernetes, manager=manager)
            finally:
                manager.stop()

    return run


@pytest_asyncio.fixture(loop_scope="session")
async def world(run_operator: StartOperator) -> AsyncIterator[World]:
    async with run_operator() as world:
        yield world


@pytest.fixture
def kafka() -> Callable[..., JSON]:
    """A Kafka document whose stream the fake can reach."""

    def make(data_source: str = "wiki", topic: str = "", **tuning: Any) -> JSON:
        consumer = {"bootstrap.servers": "kafka:9092"}
        return {
            "type": "kafka",
            "spec": {
                "dataSchema": {"dataSource": data_source, **copy.deepcopy(_SCHEMA)},
                "ioConfig": {
                    "type": "kafka", "topic": topic or data_source,
                    "inputFormat": {"type": "json"}, "consumerProperties": consumer,
                    "taskDuration": "PT1H",
                },
                "tuningConfig": {"type": "kafka", **tuning},
            },
        }  # fmt: skip

    return make


@pytest.fixture
def batch() -> Callable[..., JSON]:
    """Rows in the document."""

    def make(data_source: str = "wiki", rows: int = 2, **io: Any) -> JSON:
        lines = [f'{{"t":"2024-01-0{n + 1}T00:00:00Z","page":"p{n}"}}' for n in range(rows)]
        return {
            "type": "index_parallel",
            "spec": {
                "dataSchema": {"dataSource": data_source, **copy.deepcopy(_SCHEMA)},
                "ioConfig": {
                    "type": "index_parallel",
                    "inputSource": {"type": "inline", "data": "\n".join(lines)},
                    "inputFormat": {"type": "json"}, "appendToExisting": False, **io,
                },
                "tuningConfig": {
                    "type": "index_parallel", "partitionsSpec": {"type": "dynamic"},
                },
            },
        }  # fmt: skip

    return make


Check = Callable[[], Awaitable[Any]]
