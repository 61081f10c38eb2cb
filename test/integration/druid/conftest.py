"""A running operator for one namespace, and the sample cluster."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import attrs
import pytest
import pytest_asyncio
import yaml

from druid_operator.api.v1alpha1 import DRUID, KINDS
from druid_operator.internal.controller.druid.setup import setup
from druid_operator.internal.controller.registry import OperatorSettings
from druid_operator.pkg.cache import CacheOptions
from druid_operator.pkg.client import merge_patch
from druid_operator.pkg.envtest.environment import Environment
from druid_operator.pkg.envtest.eventually import eventually
from druid_operator.pkg.errors import NotFound
from druid_operator.pkg.manager import Manager, ManagerOptions
from druid_operator.pkg.meta import JSON, NamespacedName, Resource
from druid_operator.pkg.meta.conditions import find_condition
from druid_operator.pkg.scheme import Scheme

SAMPLE = Path(__file__).parents[3] / "config" / "samples" / "druid.yaml"
WAIT_SECONDS = 20.0
_WRITES = frozenset({"POST", "PUT", "PATCH", "DELETE"})


@attrs.define
class World:
    """A namespace, a client that sees it as it is, and the operator that works in it."""

    env: Environment
    namespace: str
    manager: Manager

    def key(self, name: str) -> NamespacedName:
        return NamespacedName(self.namespace, name)

    async def create(self, druid: JSON) -> str:
        """Create the cluster in this namespace and answer its name."""
        metadata = {**druid["metadata"], "namespace": self.namespace}
        made = await self.env.client.create({**druid, "metadata": metadata})
        return str(made["metadata"]["name"])

    async def get(self, resource: Resource, name: str) -> JSON:
        return await self.env.client.get(resource, self.key(name))

    async def list(self, resource: Resource, **labels: str) -> list[JSON]:
        return await self.env.client.list(resource, namespace=self.namespace, labels=labels)

    async def change(self, resource: Resource, name: str, body: JSON) -> JSON:
        """Edit an object as a user would, by a merge patch."""
        patch = merge_patch(body)
        return await self.env.client.patch(
            resource, self.key(name), patch, field_owner="kubectl-edit"
        )

    async def delete(self, resource: Resource, name: str) -> None:
        await self.env.client.delete(resource, self.key(name))

    async def gone(self, resource: Resource, name: str) -> bool:
        try:
            await self.get(resource, name)
        except NotFound:
            return True
        return False

    async def until(self, check: Callable[[], Awaitable[Any]], what: str = "") -> Any:
        return await eventually(check, timeout=WAIT_SECONDS, what=what)

    async def condition(self, name: str, type_: str) -> JSON:
        """The condition, ``{}`` if there is none or if it speaks of an older generation."""
        druid = await self.get(DRUID, name)
        found = find_condition((druid.get("status") or {}).get("conditions"), type_) or {}
        current = found.get("observedGeneration") == druid["metadata"]["generation"]
        return dict(found) if current else {}

    async def until_ready(self, name: str) -> JSON:
        """Returns the object once it says that it is ready in its newest generation."""

        async def ready() -> bool:
            return (await self.condition(name, "Ready")).get("status") == "True"

        await self.until(ready, f"{name} is ready")
        return await self.get(DRUID, name)

    def writes(self) -> int:
        """Requests of the operator so far that could change something."""
        return sum(
            int(sample.value)
            for metric in self.manager.metrics.rest_client_requests_total.collect()
            for sample in metric.samples
            if sample.name.endswith("_total") and sample.labels["method"] in _WRITES
        )

    def passes(self) -> int:
        return sum(
            int(sample.value)
            for metric in self.manager.metrics.reconcile_total.collect()
            for sample in metric.samples
            if sample.name.endswith("_total")
        )

    async def quiet_passes(self, count: int) -> int:
        """Wait for so many more passes and answer how many writes they made."""
        before, writes = self.passes(), self.writes()

        async def enough() -> bool:
            return self.passes() >= before + count

        await self.until(enough, f"{count} more passes")
        return self.writes() - writes


StartOperator = Callable[..., Any]


async def release(env: Environment, namespace: str) -> None:
    """Take the finalizers off what a test leaves: nobody else would, and its namespace stayed."""
    for druid in await env.client.list(DRUID, namespace=namespace):
        if druid["metadata"].get("finalizers"):
            free = merge_patch({"metadata": {"finalizers": None}})
            await env.client.patch(DRUID, NamespacedName.of(druid), free)


@pytest.fixture
def run_operator(env: Environment, namespace: str) -> StartOperator:
    """An operator as an async context manager; keywords are settings."""

    @asynccontextmanager
    async def run(**settings: Any) -> AsyncIterator[World]:
        options = ManagerOptions(
            cache=CacheOptions(namespaces=(namespace,)),
            install_signal_handlers=False,
            graceful_shutdown_timeout=5.0,
        )
        manager = Manager(env.rest_config(), Scheme(KINDS), options)
        setup(manager, OperatorSettings(**{"reconcile_wait": 0.5, **settings}))
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(manager.run())
            try:
                yield World(env, namespace, manager)
            finally:
                manager.stop()
        await release(env, namespace)

    return run


@pytest_asyncio.fixture(loop_scope="session")
async def world(run_operator: StartOperator) -> AsyncIterator[World]:
    async with run_operator() as world:
        yield world


@pytest.fixture
def sample() -> JSON:
    """The sample in ``config/samples``: every service, two tiers of historicals with claims."""
    return dict(yaml.safe_load(SAMPLE.read_text()))


@pytest.fixture
def small() -> Callable[..., JSON]:
    """A cluster of one coordinator and two historicals; keywords are fields of its spec."""

    def node(type_: str, port: int, **fields: Any) -> JSON:
        return {
            "nodeType": type_, "druid.port": port, "replicas": 1,
            "nodeConfigMountPath": f"/opt/druid/conf/druid/cluster/{type_}",
            "runtime.properties": f"druid.service=druid/{type_}", **fields,
        }  # fmt: skip

    def make(name: str = "small", **spec: Any) -> JSON:
        claim = {
            "metadata": {"name": "data"},
            "spec": {
                "accessModes": ["ReadWriteOnce"],
                "resources": {"requests": {"storage": "1Gi"}},
            },
        }
        mount = {"name": "data", "mountPath": "/druid/data"}
        nodes = {
            "coordinator": node("coordinator", 8081),
            "historical": node(
                "historical", 8083, replicas=2, volumeClaimTemplates=[claim], volumeMounts=[mount]
            ),
        }
        return {
            "apiVersion": DRUID.api_version,
            "kind": DRUID.kind,
            "metadata": {"name": name},
            "spec": {
                "image": "apache/druid:33.0.0",
                "common.runtime.properties": "druid.zk.service.host=zk",
                "services": [{"spec": {"clusterIP": "None"}}],
                "nodes": nodes,
                **spec,
            },
        }

    return make
