"""Workloads in a namespace of their own, on whichever backend the session has."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import attrs
import pytest

from druid_operator.pkg.client import merge_patch
from druid_operator.pkg.envtest.environment import Environment
from druid_operator.pkg.envtest.eventually import eventually
from druid_operator.pkg.errors import NotFound
from druid_operator.pkg.meta import JSON, NamespacedName, Resource
from druid_operator.pkg.scheme.builtin import POD

# The real backend on a busy machine of two cores.
PATIENCE = 30.0


@attrs.frozen
class Workloads:
    """Makes, changes and watches objects of one namespace."""

    env: Environment
    namespace: str

    def key(self, name: str) -> NamespacedName:
        return NamespacedName(self.namespace, name)

    async def create(self, obj: JSON) -> JSON:
        metadata = {**obj["metadata"], "namespace": self.namespace}
        return await self.env.client.create({**obj, "metadata": metadata})

    async def get(self, resource: Resource, name: str) -> JSON:
        return await self.env.client.get(resource, self.key(name))

    async def list(self, resource: Resource, **labels: str) -> list[JSON]:
        return await self.env.client.list(resource, namespace=self.namespace, labels=labels)

    async def change(self, resource: Resource, name: str, body: JSON) -> JSON:
        return await self.env.client.patch(resource, self.key(name), merge_patch(body))

    async def set_image(self, resource: Resource, name: str, image: str) -> None:
        containers = [{"name": "c", "image": image}]
        await self.change(
            resource, name, {"spec": {"template": {"spec": {"containers": containers}}}}
        )

    async def delete(self, resource: Resource, name: str, **options: Any) -> None:
        await self.env.client.delete(resource, self.key(name), **options)

    async def until(self, check: Callable[[], Awaitable[Any]], what: str = "") -> Any:
        return await eventually(check, timeout=PATIENCE, what=what)

    async def until_status(self, resource: Resource, name: str, **fields: Any) -> JSON:
        """Wait until the newest generation is observed and the status has these values."""

        async def reached() -> JSON:
            obj = await self.get(resource, name)
            status = obj.get("status") or {}
            seen = {field: status.get(field, 0) for field in fields}
            assert status.get("observedGeneration") == obj["metadata"]["generation"], status
            assert seen == fields, status
            return obj

        found: JSON = await self.until(reached, f"{name}: {fields}")
        return found

    async def until_gone(self, resource: Resource, name: str) -> None:
        async def gone() -> bool:
            try:
                await self.get(resource, name)
            except NotFound:
                return True
            return False

        await self.until(gone, f"{name} gone")

    async def pods(self, app: str) -> dict[str, JSON]:
        """The pods that are not on their way out, by name."""
        pods = await self.list(POD, app=app)
        return {
            pod["metadata"]["name"]: pod
            for pod in pods
            if "deletionTimestamp" not in pod["metadata"]
        }

    async def uids(self, app: str) -> dict[str, str]:
        return {name: pod["metadata"]["uid"] for name, pod in (await self.pods(app)).items()}


@pytest.fixture
def workloads(env: Environment, namespace: str, needs_pods: None) -> Workloads:
    return Workloads(env, namespace)


def template(app: str, image: str, **annotations: str) -> JSON:
    return {
        "metadata": {"labels": {"app": app}, "annotations": annotations},
        "spec": {"containers": [{"name": "c", "image": image}]},
    }


@pytest.fixture
def deployment() -> Callable[..., JSON]:
    """A Deployment named as its app; annotations go to the pods."""

    def make(app: str, replicas: int, image: str = "app:1", **spec: Any) -> JSON:
        annotations = spec.pop("annotations", {})
        return {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": app},
            "spec": {
                "replicas": replicas,
                "selector": {"matchLabels": {"app": app}},
                "template": template(app, image, **annotations),
                **spec,
            },
        }

    return make


@pytest.fixture
def statefulset() -> Callable[..., JSON]:
    """A StatefulSet named as its app, with one claim template; annotations go to the pods."""

    def make(app: str, replicas: int, image: str = "app:1", **spec: Any) -> JSON:
        annotations = spec.pop("annotations", {})
        claim = {
            "metadata": {"name": "data"},
            "spec": {
                "accessModes": ["ReadWriteOnce"],
                "resources": {"requests": {"storage": "1Gi"}},
            },
        }
        return {
            "apiVersion": "apps/v1",
            "kind": "StatefulSet",
            "metadata": {"name": app},
            "spec": {
                "serviceName": app,
                "replicas": replicas,
                "selector": {"matchLabels": {"app": app}},
                "template": template(app, image, **annotations),
                "volumeClaimTemplates": [claim],
                **spec,
            },
        }

    return make
