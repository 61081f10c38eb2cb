"""Worlds to break: a namespace, a fake Druid of its own, and operators that start at once."""

from __future__ import annotations

import asyncio
import itertools
import os
import uuid
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import attrs
import pytest
import pytest_asyncio

from druid_operator.api.v1alpha1 import DRUID, DRUID_INGESTION
from druid_operator.api.v1alpha1.keys import IGNORED_ANNOTATION
from druid_operator.cmd.demo.operator_process import PRELOAD, PROGRAM, OperatorProcess
from druid_operator.pkg.apistore.store import APIStore
from druid_operator.pkg.client import merge_patch
from druid_operator.pkg.druidapi.fake import Behaviour, FakeDruid
from druid_operator.pkg.envtest.apiserver.faults import Faults
from druid_operator.pkg.envtest.apiserver.requestlog import Request
from druid_operator.pkg.envtest.apiserver.server import EmbeddedAPIServer
from druid_operator.pkg.envtest.crds import CRDSource, load_crds
from druid_operator.pkg.envtest.endstate import normalise, read_objects
from druid_operator.pkg.envtest.environment import Environment
from druid_operator.pkg.envtest.eventually import NotReached, eventually
from druid_operator.pkg.envtest.forkserver import ForkServer
from druid_operator.pkg.errors import NotFound
from druid_operator.pkg.meta import JSON, NamespacedName, Resource, find_condition

OPERATOR = "druid-operator"
CLUSTER = "c"
#: A pass without an event comes this often, so that what needs one ends soon.
RECONCILE_WAIT = "200ms"
WAIT_SECONDS = 20.0
#: So long without a write the world is at rest: longer than RECONCILE_WAIT.
QUIET_SECONDS = 0.3
#: A Druid that does at once what takes a real one minutes.
FAST = {"start_delay": 0.0, "batch_seconds": 0.05}
NAMESPACE_NAME = "world"


@attrs.define
class World:
    """A control plane of its own, a Druid, and operators when a test starts them.

    All worlds have one namespace name, and the objects that are created in the same order have the
    same uids, so that hashes over them are equal too.
    """

    env: Environment
    druid: FakeDruid
    fork_server: ForkServer
    folder: Path
    namespace: str = NAMESPACE_NAME
    numbers: itertools.count[int] = attrs.field(factory=itertools.count)
    _operators: list[OperatorProcess] = attrs.field(factory=list)

    @property
    def faults(self) -> Faults:
        return self.env.embedded.faults

    # --- operators ------------------------------------------------------------------------------

    def operator(
        self, *flags: str, metrics_port: int = 0, health_port: int = 0, **environ: str
    ) -> OperatorProcess:
        """Not started yet. Each has a log of its own, and ends with the world at the latest.

        Its ports are closed unless asked for, and so its start is not waited for.
        """
        operator = OperatorProcess(
            self.env.kubeconfig,
            self.folder / f"operator-{len(self._operators)}.log",
            flags=[f"--druid-endpoint={self.namespace}/{CLUSTER}={self.druid.url}", *flags],
            environ={"RECONCILE_WAIT": RECONCILE_WAIT, **environ},
            metrics_port=metrics_port,
            health_port=health_port,
            fork_server=self.fork_server,
        )
        self._operators.append(operator)
        return operator

    async def close(self) -> None:
        for operator in self._operators:
            await operator.stop(timeout=0.0)

    def is_alive(self) -> bool:
        """Whether none of the operators has ended."""
        return all(operator.returncode is None for operator in self._operators)

    def logs(self) -> str:
        """What the operators said, for a failure's message."""
        return "\n".join(
            f"--- {o.log.name}\n{o.log.read_text(errors='replace')}"
            for o in self._operators
            if o.log.exists()
        )

    @staticmethod
    def is_operators(request: Request) -> bool:
        return request.user_agent.startswith(OPERATOR)

    def requests(self) -> list[Request]:
        """Of all operators so far."""
        return self.env.embedded.requests.select(user_agent=OPERATOR)

    def writes(self) -> list[Request]:
        """Without those for a lease, which never end."""
        return self.env.embedded.requests.writes(user_agent=OPERATOR)

    # --- objects --------------------------------------------------------------------------------

    async def create(self, *objects: JSON) -> None:
        for obj in objects:
            metadata = {**obj["metadata"], "namespace": self.namespace}
            await self.env.client.create({**obj, "metadata": metadata})

    def get(self, resource: Resource, name: str) -> JSON:
        """Straight from the store: a world is looked at more often than it changes."""
        return self.env.embedded.store.get(resource, NamespacedName(self.namespace, name))

    async def change(self, resource: Resource, name: str, body: JSON) -> None:
        key = NamespacedName(self.namespace, name)
        await self.env.client.patch(resource, key, merge_patch(body), field_owner="kubectl-edit")

    async def delete(self, resource: Resource, name: str) -> None:
        await self.env.client.delete(resource, NamespacedName(self.namespace, name))

    def gone(self, resource: Resource, name: str) -> bool:
        try:
            self.get(resource, name)
        except NotFound:
            return True
        return False

    def condition(self, resource: Resource, name: str, type_: str) -> JSON:
        """The condition; ``{}`` if there is none, or if it speaks of an older generation."""
        obj = self.get(resource, name)
        found = find_condition((obj.get("status") or {}).get("conditions"), type_) or {}
        current = found.get("observedGeneration") == obj["metadata"]["generation"]
        return dict(found) if current else {}

    async def until(
        self, check: Callable[[], Any], what: str, *, timeout: float = WAIT_SECONDS
    ) -> Any:
        """See ``eventually``; what the operators said is part of the failure's message."""
        try:
            return await eventually(check, timeout=timeout, interval=0.05, what=what)
        except NotReached as error:
            raise NotReached(f"{error}\n{self.logs()}") from error

    async def until_condition(
        self, resource: Resource, name: str, type_: str, status: str, reason: str = ""
    ) -> JSON:
        def reached() -> JSON | None:
            found = self.condition(resource, name, type_)
            same = found.get("status") == status and reason in ("", found.get("reason"))
            return found if same else None

        what = f"{resource.kind} {name}: {type_}={status} {reason}"
        found: JSON = await self.until(reached, what)
        return found

    async def until_ready(self, *objects: JSON) -> None:
        for obj in objects:
            resource = DRUID if obj["kind"] == DRUID.kind else DRUID_INGESTION
            await self.until_condition(resource, obj["metadata"]["name"], "Ready", "True")

    async def until_quiet(self) -> None:
        """Wait until no operator here has written anything for ``QUIET_SECONDS``."""
        loop = asyncio.get_running_loop()
        seen, since = -1, loop.time()

        def at_rest() -> bool:
            nonlocal seen, since
            count = len(self.writes())
            if count != seen:
                seen, since = count, loop.time()
            return loop.time() - since >= QUIET_SECONDS

        await self.until(at_rest, f"{QUIET_SECONDS} s without a write")

    # --- the end --------------------------------------------------------------------------------

    def end_state(self) -> JSON:
        """Everything in the namespace and everything in Druid, normalised."""
        objects = read_objects(self.env.embedded.store, self.namespace)
        return normalise(objects, extra=self.druid_state())

    def druid_state(self) -> JSON:
        """What Druid has, and how often it was made: a repeated POST shows here."""
        supervisors = self.druid.supervisors
        supervisors.refresh()
        return {
            "supervisors": {s.id: (s.spec, s.generation) for s in supervisors},
            "versions": {id_: len(versions) for id_, versions in supervisors.history.items()},
            "tasks": {task.id: task.payload for task in self.druid.tasks if task.ends is not None},
        }  # fmt: skip


MakeWorld = Callable[..., AbstractAsyncContextManager[World]]


@pytest.fixture(scope="session")
def everything() -> bool:
    """Whether `make fault-all` runs: longer, and without leaving out what adds little."""
    return bool(os.environ.get("FAULT_ALL"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The fork server belongs to the session's loop, so whoever starts an operator does too."""
    for item in items:
        if "fork_server" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def fork_server() -> AsyncIterator[ForkServer]:
    async with ForkServer(PROGRAM, preload=PRELOAD) as server:
        yield server


@pytest.fixture(scope="session")
def crds(envtest_crds: Sequence[CRDSource]) -> Sequence[JSON]:
    """Read once: a world is made in a twentieth of a second."""
    return load_crds(envtest_crds)


@pytest.fixture(scope="session")
def make_world(fork_server: ForkServer, crds: Sequence[JSON], tmp_path_factory: Any) -> MakeWorld:
    """A world as an async context manager; keywords are Druid's behaviour."""

    @asynccontextmanager
    async def make(**behaviour: Any) -> AsyncIterator[World]:
        server = EmbeddedAPIServer(APIStore(new_uid=_uids().__next__, graceful_pods=True))
        druid = FakeDruid(behaviour=Behaviour(**{**FAST, **behaviour}))
        async with Environment(crds, backend="embedded", server=server) as env, druid:
            metadata = {"name": NAMESPACE_NAME}
            await env.client.create({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
            world = World(env, druid, fork_server, tmp_path_factory.mktemp("world"))
            try:
                yield world
            finally:
                await world.close()

    return make


def _uids() -> Iterator[str]:
    """The same in every world; their beginnings differ, as Druid's tasks carry those."""
    return (str(uuid.uuid5(uuid.NAMESPACE_OID, str(n))) for n in itertools.count())


@pytest_asyncio.fixture(loop_scope="session")
async def world(make_world: MakeWorld) -> AsyncIterator[World]:
    async with make_world() as world:
        yield world


# --- what is created ----------------------------------------------------------------------------


@pytest.fixture
def cluster() -> JSON:
    """Three node groups: a StatefulSet, one with a claim, and a Deployment."""
    claim = {
        "metadata": {"name": "data"},
        "spec": {
            "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}},
        },
    }  # fmt: skip
    mount = {"name": "data", "mountPath": "/druid/data"}
    return {
        "apiVersion": DRUID.api_version,
        "kind": DRUID.kind,
        "metadata": {"name": CLUSTER},
        "spec": {
            "image": "apache/druid:33.0.0",
            "commonConfigMountPath": "/opt/druid/conf/druid/cluster/_common",
            "common.runtime.properties": "druid.zk.service.host=zk",
            "services": [{"spec": {"clusterIP": "None"}}],
            "nodes": {
                "coordinators": _node("coordinator", 8081),
                "historicals": _node(
                    "historical", 8083, volumeClaimTemplates=[claim], volumeMounts=[mount]
                ),
                "routers": _node("router", 8888, kind="Deployment"),
            },
        },
    }


@pytest.fixture
def cluster_elsewhere(cluster: JSON) -> JSON:
    """A cluster that is there, and that this operator leaves alone: ingestions can name it."""
    metadata = {**cluster["metadata"], "annotations": {IGNORED_ANNOTATION: "true"}}
    return {**cluster, "metadata": metadata}


@pytest.fixture
def stream() -> JSON:
    document = {
        "type": "kafka",
        "spec": {
            "dataSchema": {
                "dataSource": "views",
                "timestampSpec": {"column": "time", "format": "iso"},
                "dimensionsSpec": {"dimensions": ["page"]},
            },
            "ioConfig": {
                "type": "kafka",
                "topic": "views",
                "inputFormat": {"type": "json"},
                "consumerProperties": {"bootstrap.servers": "kafka:9092"},
                "useEarliestOffset": True,
            },
            "tuningConfig": {"type": "kafka"},
        },
    }
    return _ingestion("views", "kafka", document)


@pytest.fixture
def batch() -> JSON:
    document = {
        "type": "index_parallel",
        "spec": {
            "dataSchema": {
                "dataSource": "countries",
                "timestampSpec": {"column": "time", "format": "iso"},
                "dimensionsSpec": {"dimensions": ["country"]},
            },
            "ioConfig": {
                "type": "index_parallel",
                "inputFormat": {"type": "json"},
                "inputSource": {
                    "type": "inline", "data": '{"time": "2026-01-01T00:00:00Z", "country": "Peru"}',
                },
            },
            "tuningConfig": {"type": "index_parallel"},
        },
    }  # fmt: skip
    return _ingestion("countries", "native-batch", document)


def _node(type_: str, port: int, **fields: Any) -> JSON:
    return {
        "nodeType": type_, "druid.port": port, "replicas": 1,
        "nodeConfigMountPath": f"/opt/druid/conf/druid/cluster/{type_}",
        "runtime.properties": f"druid.service=druid/{type_}", **fields,
    }  # fmt: skip


def _ingestion(name: str, type_: str, document: JSON) -> JSON:
    return {
        "apiVersion": DRUID_INGESTION.api_version,
        "kind": DRUID_INGESTION.kind,
        "metadata": {"name": name},
        "spec": {
            "druidCluster": CLUSTER, "ingestion": {"type": type_, "nativeSpec": document},
        },
    }  # fmt: skip
