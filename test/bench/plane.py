"""A real control plane for one run, and what the harness does and sees in it."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeAlias

import orjson

from druid_operator.pkg.client import RestListWatch, Scope, Transport, merge_patch
from druid_operator.pkg.envtest.binaries.options import ControlPlaneOptions
from druid_operator.pkg.envtest.environment import Environment
from druid_operator.pkg.envtest.requests import ServerRequest
from druid_operator.pkg.meta import JSON, GroupVersionKind, NamespacedName, Resource

HERE = Path(__file__).parent
WEB = Resource(GroupVersionKind("bench.example.com", "v1", "Web"), "webs")
NAMESPACE_OF_WEBS, NAMESPACE_OF_OPERATORS, FOREIGN = "webs", "bench-operators", "foreign"
#: How many objects are being created at once.
CREATORS = 16

#: Called with the type of event, the object, and the monotonic time at which it came.
Seen: TypeAlias = Callable[[str, JSON, float], None]


class Plane:
    """Made by :func:`fresh_plane`."""

    def __init__(self, environment: Environment, tasks: asyncio.TaskGroup) -> None:
        self._environment = environment
        self._tasks = tasks
        self._watching: list[asyncio.Task[None]] = []
        self._transport = Transport(environment.rest_config(), user_agent="bench")
        self.directory = environment.control_plane.directory

    async def prepare(self) -> None:
        for name in (NAMESPACE_OF_WEBS, NAMESPACE_OF_OPERATORS, FOREIGN):
            await self._create({
                "apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name},
            })  # fmt: skip
        # The first create within 2 s of a CRD's becoming established waits for them.
        await self.create_web("warm-up")
        await self._environment.client.delete(WEB, NamespacedName(NAMESPACE_OF_WEBS, "warm-up"))

    async def close(self) -> None:
        await self._transport.close()

    async def _create(self, obj: JSON) -> JSON:
        return await self._environment.client.create(obj)

    # --- Webs -----------------------------------------------------------------------------------

    async def create_web(self, name: str, message: str = "hello") -> None:
        await self._create({
            "apiVersion": WEB.api_version,
            "kind": WEB.kind,
            "metadata": {"name": name, "namespace": NAMESPACE_OF_WEBS},
            "spec": {"message": message, "replicas": 0},
        })  # fmt: skip

    async def change_web(self, name: str, message: str) -> None:
        await self._environment.client.patch(
            WEB,
            NamespacedName(NAMESPACE_OF_WEBS, name),
            merge_patch({"spec": {"message": message}}),
        )

    async def remove_web(self, name: str) -> None:
        await self._environment.client.delete(WEB, NamespacedName(NAMESPACE_OF_WEBS, name))

    async def create_webs(self, names: Iterable[str]) -> None:
        await _side_by_side(self.create_web(name) for name in names)

    async def create_foreign_config_maps(self, count: int, size: int = 7000) -> None:
        """ConfigMaps of random text, so that nothing compresses well, which nobody owns."""
        noise = random.Random(1)

        def build(number: int) -> JSON:
            data = {f"key-{i}": noise.randbytes(size // 20).hex() for i in range(10)}
            metadata = {
                "name": f"foreign-{number:05}",
                "namespace": FOREIGN,
                "labels": {"app": "foreign"},
            }
            return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}

        await _side_by_side(self._create(build(number)) for number in range(count))

    async def watch(self, resource: Resource, seen: Seen) -> None:
        """Call ``seen`` for all there is in the namespace of the Webs and for every change."""
        source = RestListWatch(self._transport, resource, Scope(namespace=NAMESPACE_OF_WEBS))
        ready = asyncio.Event()

        async def follow() -> None:
            async with source.watch(
                resource_version="", send_initial_events=True, timeout_seconds=7200
            ) as frames:
                async for frame in frames:
                    at = time.monotonic()
                    if frame.type == "BOOKMARK":
                        ready.set()  # the first one ends the initial events
                    else:
                        seen(frame.type, orjson.loads(frame.object), at)

        self._watching.append(self._tasks.create_task(follow()))
        await ready.wait()

    def stop_watching(self) -> None:
        while self._watching:
            self._watching.pop().cancel()

    # --- operators ------------------------------------------------------------------------------

    async def operator_kubeconfig(self, name: str) -> Path:
        """A service account with every right, as an operator has in a cluster."""
        account = {"name": name, "namespace": NAMESPACE_OF_OPERATORS}
        await self._create({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": account})
        await self._create(
            {
                "apiVersion": "rbac.authorization.k8s.io/v1",
                "kind": "ClusterRoleBinding",
                "metadata": {"name": name},
                "roleRef": {
                    "apiGroup": "rbac.authorization.k8s.io",
                    "kind": "ClusterRole",
                    "name": "cluster-admin",
                },
                "subjects": [{"kind": "ServiceAccount", **account}],
            }
        )
        path = f"/api/v1/namespaces/{NAMESPACE_OF_OPERATORS}/serviceaccounts/{name}/token"
        body = orjson.dumps({
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {"expirationSeconds": 7200},
        })  # fmt: skip
        answer = orjson.loads(await self._transport.request("POST", path, body=body))
        admin = json.loads(self._environment.kubeconfig.read_text())
        kubeconfig = self.directory / f"{name}.kubeconfig"
        kubeconfig.touch(mode=0o600)
        kubeconfig.write_text(
            json.dumps(
                {
                    **admin,
                    "users": [
                        {
                            "name": admin["users"][0]["name"],
                            "user": {"token": answer["status"]["token"]},
                        }
                    ],
                }
            )
        )
        return kubeconfig

    def requests(self) -> list[ServerRequest]:
        """All that operators asked so far: the audit policy leaves everybody else out."""
        return self._environment.requests()


@asynccontextmanager
async def fresh_plane() -> AsyncIterator[Plane]:
    """A control plane that nobody used before, with the kind ``Web``."""
    options = ControlPlaneOptions(
        audit="Metadata",
        apiserver_args=(f"--audit-policy-file={HERE / 'audit-policy.json'}",),
    )
    crds = [HERE / "peers" / "crd.json"]
    async with (
        Environment(crds, backend="binaries", control_plane=options) as environment,
        asyncio.TaskGroup() as tasks,
    ):
        plane = Plane(environment, tasks)
        try:
            await plane.prepare()
            yield plane
        finally:
            plane.stop_watching()
            await plane.close()


async def _side_by_side(creations: Iterable[Coroutine[Any, Any, object]]) -> None:
    waiting = iter(creations)

    async def creator() -> None:
        for creation in waiting:
            await creation

    async with asyncio.TaskGroup() as tasks:
        for _ in range(CREATORS):
            tasks.create_task(creator())
