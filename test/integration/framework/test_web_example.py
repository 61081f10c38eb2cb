"""The example operator of the documentation runs, and nothing in it is about Druid."""

from __future__ import annotations

import asyncio
import importlib.util
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import ModuleType

import pytest
import pytest_asyncio

from druid_operator.pkg.client import merge_patch
from druid_operator.pkg.envtest.environment import Environment
from druid_operator.pkg.envtest.eventually import eventually
from druid_operator.pkg.manager import Manager, ManagerOptions
from druid_operator.pkg.meta import JSON, NamespacedName
from druid_operator.pkg.schema.embedded import EmbeddedTypes
from druid_operator.pkg.schema.generator import custom_resource_definition
from druid_operator.pkg.scheme import Scheme
from druid_operator.pkg.scheme.builtin import CONFIG_MAP, DEPLOYMENT, SERVICE

EXAMPLE = Path(__file__).parents[3] / "docs" / "framework" / "examples" / "web" / "web.py"


@pytest.fixture(scope="module")
def web() -> ModuleType:
    spec = importlib.util.spec_from_file_location("web_example", EXAMPLE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["web_example"] = module  # attrs resolves annotations through it
    spec.loader.exec_module(module)
    return module


def _no_embedded_types(name: str) -> JSON:
    raise KeyError(name)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def web_env(web: ModuleType, request: pytest.FixtureRequest) -> AsyncIterator[Environment]:
    crd = custom_resource_definition(web.KINDS[0], EmbeddedTypes(_no_embedded_types))
    backend = request.config.getoption("--envtest-backend")
    async with Environment([crd], backend=backend) as environment:
        yield environment


@asynccontextmanager
async def operator(web: ModuleType, env: Environment) -> AsyncIterator[Manager]:
    options = ManagerOptions(user_agent=web.MANAGER, install_signal_handlers=False)
    manager = Manager(env.rest_config(), Scheme(web.KINDS), options)
    web.setup(manager, concurrency=4)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(manager.run())
        try:
            yield manager
        finally:
            manager.stop()


def a_web(namespace: str, *, message: str = "hello", replicas: int = 1) -> JSON:
    return {
        "apiVersion": "bench.example.com/v1", "kind": "Web",
        "metadata": {"name": "site", "namespace": namespace},
        "spec": {"message": message, "replicas": replicas},
    }  # fmt: skip


@pytest.mark.asyncio(loop_scope="session")
async def test_children_status_repair_and_change(web: ModuleType, web_env: Environment) -> None:
    env = web_env
    namespace = await env.add_namespace()
    key = NamespacedName(namespace, "site")
    await env.client.create(a_web(namespace))

    async def ready() -> bool:
        status = (await env.client.get(web.WEB, key)).get("status") or {}
        return bool(status.get("ready")) and status["observedGeneration"] == 1

    async def says(text: str) -> bool:
        return bool((await env.client.get(CONFIG_MAP, key))["data"]["message"] == text)

    async with operator(web, env):
        await eventually(ready)
        for resource in (CONFIG_MAP, SERVICE, DEPLOYMENT):
            child = await env.client.get(resource, key)
            assert child["metadata"]["ownerReferences"][0]["kind"] == "Web"

        await env.client.delete(SERVICE, key)
        await eventually(lambda: env.client.get(SERVICE, key), what="the Service is back")
        await env.client.patch(CONFIG_MAP, key, merge_patch({"data": {"message": "forged"}}))
        await eventually(lambda: says("hello"), what="the edit is repaired")
        await env.client.patch(web.WEB, key, merge_patch({"spec": {"message": "bye"}}))
        await eventually(lambda: says("bye"), what="the change arrives")


@pytest.mark.asyncio(loop_scope="session")
async def test_restart_over_an_unchanged_world_writes_nothing(
    web: ModuleType, web_env: Environment
) -> None:
    env = web_env
    namespace = await env.add_namespace()
    key = NamespacedName(namespace, "site")
    await env.client.create(a_web(namespace, replicas=0))

    async def settled() -> bool:
        return bool(((await env.client.get(web.WEB, key)).get("status") or {}).get("ready"))

    async with operator(web, env):
        await eventually(settled)
    async with operator(web, env) as again:
        await eventually(lambda: _passes(again) >= 1)
        writes = [
            sample.value
            for metric in again.metrics.rest_client_requests_total.collect()
            for sample in metric.samples
            if sample.name.endswith("_total") and sample.labels["method"] not in ("GET", "WATCH")
        ]
    assert sum(writes) == 0


def _passes(manager: Manager) -> float:
    labels = {"controller": "web", "result": "success"}
    return (
        manager.metrics.registry.get_sample_value("controller_runtime_reconcile_total", labels) or 0
    )
