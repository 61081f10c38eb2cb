"""The same random writes on both servers leave the same object and the same managed fields.

Needs both at once: a kube-apiserver without controllers, so that nobody else writes, and the
embedded server without its housekeeping.
"""

from __future__ import annotations

import json
import os
import random
import re
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import attrs
import pytest
import pytest_asyncio

from druid_operator.pkg.client import RestConfig
from druid_operator.pkg.envtest.apiserver.server import EmbeddedAPIServer
from druid_operator.pkg.envtest.binaries.assets import find_assets
from druid_operator.pkg.envtest.environment import Environment
from druid_operator.pkg.envtest.eventually import eventually

pytestmark = [pytest.mark.envtest, pytest.mark.asyncio(loop_scope="session")]

STEPS = 12
JSON_PATCH = "application/json-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
OWNERS = ("11111111-1111-1111-1111-111111111111", "22222222-1111-1111-1111-111111111111")


@pytest_asyncio.fixture(loop_scope="session", scope="session")
async def both(
    make_api: Any, widget_definition: Any, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[tuple[Any, Any]]:
    """(real, embedded), each with the namespace ``twin`` and widgets."""
    assets = find_assets()
    folder: Path = tmp_path_factory.mktemp("assets")
    for source in (assets.etcd, assets.kube_apiserver):
        (folder / source.name).symlink_to(source)
    environ = {**os.environ, "KUBEBUILDER_ASSETS": str(folder)}
    async with (
        Environment(backend="binaries", environ=environ) as real,
        EmbeddedAPIServer(housekeeping=False) as embedded,
    ):
        apis = (make_api(real.rest_config()), make_api(RestConfig(host=embedded.url)))
        for api in apis:
            await prepare(api, widget_definition)
        yield apis
        for api in apis:
            await api.session.close()


async def prepare(api: Any, definition: dict[str, Any]) -> None:
    await api("POST", "/api/v1/namespaces", {"metadata": {"name": "twin"}})
    path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    await api("POST", path, definition)

    async def served() -> bool:
        answer = await api("GET", "/apis/conformance.example.com/v1/widgets")
        assert answer.code == 200
        return True

    await eventually(served, timeout=20)


class Chance:
    """Random JSON of the shapes that matter: lists with keys, sets, atomic values, gaps."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def maybe(self, probability: float = 0.5) -> bool:
        return self.random.random() < probability

    def one(self, *choices: Any) -> Any:
        return self.random.choice(choices)

    def some(self, choices: Any, least: int = 0, most: int = 3) -> list[Any]:
        return self.random.sample(list(choices), self.random.randint(least, most))

    def part_of(self, **values: Any) -> dict[str, Any]:
        return {name: value for name, value in values.items() if self.maybe()}

    def strings(self) -> dict[str, str]:
        return {name: self.one("1", "2") for name in self.some("abc")}

    def anything(self, depth: int = 2) -> Any:
        if depth == 0 or self.maybe(0.4):
            return self.one(1, 2, "a", "b", True, 1.5)
        if self.maybe():
            return {name: self.anything(depth - 1) for name in self.some("pqr")}
        return [self.anything(depth - 1) for _ in range(self.random.randint(0, 3))]

    def metadata(self) -> dict[str, Any]:
        owners = [
            {"apiVersion": "v1", "kind": "Node", "name": "n", "uid": uid}
            for uid in self.some(OWNERS, most=2)
        ]
        return self.part_of(
            labels=self.strings(),
            annotations=self.strings(),
            finalizers=self.some(("e.x/a", "e.x/b"), most=2),
            ownerReferences=owners,
        )


def config_map(chance: Chance) -> dict[str, Any]:
    return chance.part_of(data=chance.strings(), binaryData={"z": "YQ=="})


def service(chance: Chance) -> dict[str, Any]:
    ports = [
        {"port": port, "name": f"p{port}"}
        | chance.part_of(
            protocol=chance.one("TCP", "UDP"),
            targetPort=chance.one(1, 2, "x"),
            appProtocol=chance.one("a", "b"),
        )
        for port in chance.some((80, 81, 8080, 443), least=1)
    ]
    optional = chance.part_of(
        publishNotReadyAddresses=chance.one(True, False),
        sessionAffinity=chance.one("None", "ClientIP"),
        externalIPs=chance.some(("1.2.3.4", "5.6.7.8"), most=2),
    )
    return {"spec": {"ports": ports, "selector": {"a": chance.one("1", "2")}, **optional}}


def container(chance: Chance, name: str) -> dict[str, Any]:
    env = [
        {"name": key, "value": chance.one("1", "2")}
        if chance.maybe(0.7)
        else {"name": key, "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}
        for key in chance.some("ABCD")
    ]
    ports = [
        {"containerPort": port} | chance.part_of(name=f"n{port}", protocol="UDP")
        for port in chance.some((80, 81, 9000), most=2)
    ]
    mounts = [{"name": "v", "mountPath": path} for path in chance.some(("/a", "/b"), most=2)]
    return {"name": name, "image": chance.one("i:1", "i:2", "i")} | chance.part_of(
        env=env,
        ports=ports,
        volumeMounts=mounts,
        args=chance.some("xyz"),
        resources=chance.one({}, {"requests": {"cpu": "500m"}}, {"limits": {"memory": "1Gi"}}),
        readinessProbe={"httpGet": {"path": "/", "port": 80}},
        securityContext=chance.one({}, {"runAsUser": 1}),
    )


def stateful_set(chance: Chance) -> dict[str, Any]:
    source = chance.one({"emptyDir": {}}, {"configMap": {"name": "x"}})
    pod = {
        "containers": [container(chance, name) for name in chance.some("cde", least=1)],
        "volumes": [{"name": "v", **source}],
    } | chance.part_of(
        nodeSelector=chance.strings(),
        tolerations=[{"key": key, "operator": "Exists"} for key in chance.some("ab", most=2)],
        imagePullSecrets=[{"name": name} for name in chance.some("xyz", most=2)],
        serviceAccountName=chance.one("x", "y"),
        terminationGracePeriodSeconds=chance.one(10, 30),
    )
    labels = {"a": "b", **chance.part_of(x=chance.one("1", "2"))}
    template = {"metadata": {"labels": labels, **chance.part_of(annotations=chance.strings())}}
    spec = {
        "replicas": 0,
        "serviceName": "x",
        "selector": {"matchLabels": {"a": "b"}},
        "template": {**template, "spec": pod},
    }
    strategy = chance.one({}, {"type": "OnDelete"}, {"rollingUpdate": {"partition": 1}})
    return {"spec": spec | chance.part_of(minReadySeconds=5, updateStrategy=strategy)}


def widget(chance: Chance) -> dict[str, Any]:
    items = [
        {"name": name, **chance.part_of(v=chance.one("1", "2"))} for name in chance.some("abc")
    ]
    optional = chance.part_of(
        items=items,
        tags=chance.some("xyz"),
        map=chance.strings(),
        whole=chance.strings(),
        list=[chance.one("1", "2") for _ in range(3)],
        amount=chance.one(1, "1", "50%"),
        mode=chance.one("x", "y"),
        free={name: chance.anything() for name in chance.some("abc")},
    )
    return {"spec": {"size": chance.one(1, 2, 3), **optional}}


@attrs.frozen
class Kind:
    api_version: str
    kind: str
    path: str
    make: Callable[[Chance], dict[str, Any]]
    strategic: bool = True


KINDS = (
    Kind("v1", "ConfigMap", "/api/v1/namespaces/twin/configmaps", config_map),
    Kind("v1", "Service", "/api/v1/namespaces/twin/services", service),
    Kind("apps/v1", "StatefulSet", "/apis/apps/v1/namespaces/twin/statefulsets", stateful_set),
    Kind(
        "conformance.example.com/v1",
        "Widget",
        "/apis/conformance.example.com/v1/namespaces/twin/widgets",
        widget,
        strategic=False,
    ),
)


def with_nulls(chance: Chance, value: Any) -> Any:
    """A merge patch out of an object: some fields left out, some null."""
    if not isinstance(value, dict):
        return value
    return {
        name: None if chance.maybe(0.2) else with_nulls(chance, item)
        for name, item in value.items()
        if chance.maybe(0.7)
    }


def write(chance: Chance, kind: Kind, name: str) -> tuple[str, str, Any, str]:
    """(method, path, body, content type) of one random write."""
    manager = chance.one("m1", "m2", "m3", "kubectl")
    metadata = chance.metadata()
    content = kind.make(chance)
    whole = {
        "apiVersion": kind.api_version,
        "kind": kind.kind,
        "metadata": {"name": name, **metadata},
        **content,
    }
    path = f"{kind.path}/{name}?fieldManager={manager}"
    partial = with_nulls(chance, {"metadata": metadata, **content})
    choices: list[tuple[str, str, Any, str]] = [
        ("PATCH", path + chance.one("", "&force=true"), whole, "application/apply-patch+yaml"),
        ("PATCH", path + chance.one("", "&force=true"), whole, "application/apply-patch+yaml"),
        ("PATCH", path, partial, "application/merge-patch+json"),
        ("PUT", path, whole, "application/json"),
        ("PATCH", path, [{"op": "add", "path": "/metadata/labels", "value": {}}], JSON_PATCH),
    ]
    if kind.strategic:
        choices.append(("PATCH", path, partial, STRATEGIC))
    if chance.maybe(0.05):
        cleared = {"op": "replace", "path": "/metadata/managedFields", "value": [{}]}
        return "PATCH", path, [cleared], JSON_PATCH
    return chance.one(*choices)


def normalised(body: dict[str, Any]) -> Any:
    """Without what differs between any two servers: ids, versions, times, addresses."""
    body = json.loads(re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "UID", json.dumps(body)))
    if body["kind"] == "Status":
        # Whether labels that a patch emptied are {} or null to Go cannot be told from outside.
        return body["code"], body["message"].replace(": {}: `selector`", ": null: `selector`")
    metadata = body["metadata"]
    for name in ("uid", "resourceVersion", "creationTimestamp"):
        metadata.pop(name, None)
    entries = metadata.pop("managedFields", [])
    for entry in entries:
        entry.pop("time", None)
    entries.sort(key=lambda e: (e["operation"], e["manager"], e.get("subresource", "")))
    if body["kind"] == "Service":
        for name in ("clusterIP", "clusterIPs"):
            body["spec"].pop(name, None)
    return body, entries


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.kind)
async def test_both_servers_do_the_same(both, kind, seed):
    chance = Chance(seed)
    name = f"o{seed}"
    for step in range(STEPS):
        method, path, body, content_type = write(chance, kind, name)
        results = []
        for api in both:
            sent = body
            if method == "PUT" and not kind.strategic:
                live = await api("GET", f"{kind.path}/{name}")
                if live.code == 200:
                    version = live.body["metadata"]["resourceVersion"]
                    sent = {**body, "metadata": {**body["metadata"], "resourceVersion": version}}
            answer = await api(method, path, sent, content_type)
            results.append((answer.code, normalised(answer.body)))
        real, embedded = results
        assert embedded == real, f"step {step}: {method} {path} {content_type} {json.dumps(body)}"
