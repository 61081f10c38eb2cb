"""A real ``kubectl`` gets, applies, patches, waits, watches and deletes."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from druid_operator.pkg.envtest.environment import Environment

Kubectl = Callable[..., Awaitable[str]]

pytestmark = pytest.mark.skipif(not shutil.which("kubectl"), reason="no kubectl on PATH")


@pytest.fixture
def kubectl(env: Environment, namespace: str, tmp_path: Path) -> Kubectl:
    """Runs kubectl in the test's namespace; raises with its words when it fails."""

    async def run(*args: str, stdin: Any = None, fails: bool = False) -> str:
        argv = ["kubectl", f"--cache-dir={tmp_path}", "-n", namespace, *args]
        process = await asyncio.create_subprocess_exec(
            *argv,
            env={**os.environ, "KUBECONFIG": str(env.kubeconfig)},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        async with asyncio.timeout(60):
            text = None if stdin is None else json.dumps(stdin).encode()
            output, _ = await process.communicate(text)
        said = output.decode()
        assert (process.returncode != 0) is fails, f"kubectl {' '.join(args)}: {said}"
        return said

    return run


def items(*objects: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "List", "items": list(objects)}


CONFIG_MAP = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "k"},
    "data": {"a": "1"},
}
WIDGET = {
    "apiVersion": "conformance.example.com/v1",
    "kind": "Widget",
    "metadata": {"name": "w"},
    "spec": {"size": 3},
}


def stateful_set(value: str) -> dict[str, Any]:
    env = [{"name": "A", "value": value}, {"name": "B", "value": "2"}]
    container = {"name": "c", "image": "i:1", "env": env}
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": "s"},
        "spec": {
            "replicas": 0,
            "serviceName": "x",
            "selector": {"matchLabels": {"a": "b"}},
            "template": {
                "metadata": {"labels": {"a": "b"}},
                "spec": {"containers": [container]},
            },
        },
    }


@pytest.mark.usefixtures("widget_api")
async def test_server_side_apply(kubectl):
    objects = items(CONFIG_MAP, stateful_set("1"), WIDGET)
    said = await kubectl("apply", "--server-side", "-f", "-", stdin=objects)
    assert said.splitlines() == [
        "configmap/k serverside-applied",
        "statefulset.apps/s serverside-applied",
        "widget.conformance.example.com/w serverside-applied",
    ]
    other = {**CONFIG_MAP, "data": {"a": "2"}}
    said = await kubectl(
        "apply", "--server-side", "--field-manager=me", "-f", "-", stdin=other, fails=True
    )
    assert 'Apply failed with 1 conflict: conflict with "kubectl": .data.a' in said


@pytest.mark.usefixtures("widget_api")
async def test_client_side_apply_creates_changes_and_removes(kubectl):
    objects = items(CONFIG_MAP, stateful_set("1"), WIDGET)
    assert "configmap/k created" in await kubectl("apply", "-f", "-", stdin=objects)
    changed = items({**CONFIG_MAP, "data": {"b": "2"}}, stateful_set("9"), WIDGET)
    assert (await kubectl("apply", "-f", "-", stdin=changed)).splitlines() == [
        "configmap/k configured",
        "statefulset.apps/s configured",
        "widget.conformance.example.com/w unchanged",
    ]
    assert json.loads(await kubectl("get", "cm", "k", "-o", "jsonpath={.data}")) == {"b": "2"}
    path = "jsonpath={.spec.template.spec.containers[0].env}"
    env = json.loads(await kubectl("get", "sts", "s", "-o", path))
    assert env == [{"name": "A", "value": "9"}, {"name": "B", "value": "2"}]


@pytest.mark.usefixtures("widget_api")
async def test_tables_patches_and_waits(kubectl):
    await kubectl("apply", "-f", "-", stdin=WIDGET)
    header, row = (await kubectl("get", "wd")).splitlines()
    assert header.split() == ["NAME", "SIZE", "AGE"]
    assert row.split()[:2] == ["w", "3"]
    await kubectl("patch", "wd", "w", "--type=merge", "-p", '{"spec":{"size":7}}')
    status = '{"status":{"phase":"Up"}}'
    await kubectl("patch", "wd", "w", "--type=merge", "--subresource=status", "-p", status)
    said = await kubectl("wait", "--for=jsonpath={.status.phase}=Up", "wd/w", "--timeout=5s")
    assert said == "widget.conformance.example.com/w condition met\n"
    crd = "crd/widgets.conformance.example.com"
    said = await kubectl("wait", "--for=condition=Established", crd, "--timeout=5s")
    assert "condition met" in said
    assert "Size:  7" in await kubectl("describe", "wd", "w")


async def test_strategic_patches_scale_and_labels(kubectl):
    await kubectl("apply", "-f", "-", stdin=stateful_set("1"))
    await kubectl("set", "image", "sts/s", "c=i:2")
    await kubectl("label", "sts", "s", "x=y")
    await kubectl("scale", "sts", "s", "--replicas=0")
    path = "jsonpath={.spec.template.spec.containers[0].image} {.metadata.labels.x}"
    assert await kubectl("get", "sts", "s", "-o", path) == "i:2 y"
    assert "Image:      i:2" in await kubectl("describe", "sts", "s")
    header = (await kubectl("get", "sts")).splitlines()[0]
    assert header.split() == ["NAME", "READY", "AGE"]


@pytest.mark.usefixtures("widget_api")
async def test_mistakes_are_shown(kubectl):
    unknown = {**WIDGET, "spec": {"size": 1, "no": 1}}
    said = await kubectl("apply", "-f", "-", stdin=unknown, fails=True)
    assert 'strict decoding error: unknown field "spec.no"' in said
    small = {**WIDGET, "spec": {"size": 0}}
    said = await kubectl("apply", "-f", "-", stdin=small, fails=True)
    assert "should be greater than or equal to 1" in said


async def test_watch_and_delete(kubectl):
    await kubectl("apply", "-f", "-", stdin=CONFIG_MAP)
    fields = ("--field-selector=metadata.name=k", "-o", "name", "--request-timeout=3s")
    watch = asyncio.create_task(kubectl("get", "cm", "--watch", *fields))
    assert await kubectl("delete", "cm", "k") == 'configmap "k" deleted\n'
    await kubectl("apply", "-f", "-", stdin=CONFIG_MAP)
    assert "configmap/k" in await watch
    await kubectl("delete", "cm", "k")
    assert "NotFound" in await kubectl("get", "cm", "k", fails=True)


@pytest.mark.parametrize(
    "args",
    [
        ("create", "configmap", "typed", "--from-literal=a=b"),
        ("create", "serviceaccount", "typed"),
        ("auth", "can-i", "create", "pods"),
        ("api-resources", "--api-group=apps"),
        ("get", "all"),
        ("explain", "statefulset.spec"),
    ],
)
async def test_other_commands_work(kubectl, args):
    assert await kubectl(*args)
