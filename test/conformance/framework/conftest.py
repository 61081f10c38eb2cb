"""The scenarios that every controller-runtime has to get right, C01 to C48, over HTTP.

    pytest test/conformance/framework                              the embedded API server
    pytest test/conformance/framework --envtest-backend=binaries   a real kube-apiserver

Faults come from a proxy in front of the API server, so that both backends meet the same ones. The
objects under test are reached through it; ``env.client`` goes straight to the server and plays
everybody else. Times are scaled: what takes minutes in production takes tenths of seconds here.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import aiohttp
import attrs
import orjson
import pytest
import pytest_asyncio

from druid_operator.pkg.cache import (
    Cache,
    CachedClient,
    CacheOptions,
    Change,
    Informer,
    ReflectorOptions,
    label_scope,
)
from druid_operator.pkg.client import RestClient, RestConfig, Timeouts, Transport, merge_patch
from druid_operator.pkg.clock import SystemClock
from druid_operator.pkg.envtest.environment import Environment
from druid_operator.pkg.envtest.eventually import eventually
from druid_operator.pkg.envtest.proxy import FaultProxy, ProxiedRequest
from druid_operator.pkg.manager import Manager, ManagerOptions
from druid_operator.pkg.meta import JSON, GroupVersionKind, NamespacedName, Resource
from druid_operator.pkg.reconcile import Result
from druid_operator.pkg.scheme import Scheme
from druid_operator.pkg.scheme.builtin import CONFIG_MAP

#: Scenarios that a real API server cannot be brought into, even by a proxy in front of it.
NOT_ON_A_REAL_SERVER: dict[str, str] = {}

#: A namespace of a real cluster has a ConfigMap of its own (kube-root-ca.crt): ours are labelled.
LABELS = {"conformance": "yes"}
WIDGET = Resource(GroupVersionKind("conformance.example.com", "v1", "Widget"), "widgets")
FAST = ReflectorOptions(
    watch_timeout=60.0, watch_grace=0.5, bookmark_idle=60.0, backoff=0.02, backoff_cap=0.2
)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--envtest-backend") in (None, "embedded"):
        return
    for item in items:
        for scenario, reason in NOT_ON_A_REAL_SERVER.items():
            if f"test_{scenario}_" in item.name:
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest_asyncio.fixture(loop_scope="session")
async def no_leaked_task(env: Environment) -> AsyncIterator[None]:
    """What a test started has ended when the test has."""
    before = asyncio.all_tasks()
    yield
    async with asyncio.timeout(5):
        while leaked := _ours(asyncio.all_tasks() - before):
            await asyncio.wait(leaked)


def _ours(tasks: set[asyncio.Task[Any]]) -> set[asyncio.Task[Any]]:
    """Without the API server's and the proxy's handlers, which end when they notice."""
    return {t for t in tasks if "RequestHandler" not in repr(t.get_coro())} - {
        asyncio.current_task()
    }


@pytest_asyncio.fixture(loop_scope="session")
async def proxy(env: Environment) -> AsyncIterator[FaultProxy]:
    async with FaultProxy(env.rest_config()) as faulty:
        yield faulty


@attrs.define
class Objects:
    """Everybody else: writes straight to the server, in one namespace."""

    env: Environment
    namespace: str

    def key(self, name: str) -> NamespacedName:
        return NamespacedName(self.namespace, name)

    async def create(self, *names: str, **data: str) -> list[JSON]:
        return [await self.env.client.create(self.config_map(name, **data)) for name in names]

    async def create_many(self, count: int, *, at_once: int = 20) -> None:
        """``object-00000`` and so on; on the embedded server without a request for each."""
        names = iter([f"object-{index:05}" for index in range(count)])

        async def work() -> None:
            for name in names:
                if self.env.backend == "embedded":
                    self.env.embedded.store.create(CONFIG_MAP, self.config_map(name))
                    await asyncio.sleep(0)
                else:
                    await self.create(name)

        async with asyncio.TaskGroup() as tasks:
            for _ in range(at_once):
                tasks.create_task(work())

    async def change(self, name: str, **data: str) -> JSON:
        patch = merge_patch({"data": data or {"n": str(next(_numbers))}})
        return await self.env.client.patch(CONFIG_MAP, self.key(name), patch)

    async def delete(self, *names: str) -> None:
        for name in names:
            await self.env.client.delete(CONFIG_MAP, self.key(name))

    async def versions(self) -> dict[str, str]:
        """The truth: name to resourceVersion."""
        listed = await self.env.client.list(CONFIG_MAP, namespace=self.namespace, labels=LABELS)
        return {o["metadata"]["name"]: o["metadata"]["resourceVersion"] for o in listed}

    def config_map(self, name: str, **data: str) -> JSON:
        metadata: JSON = {"name": name, "namespace": self.namespace, "labels": dict(LABELS)}
        data = data or {"n": "0"}
        return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


_numbers = itertools.count(1)


@pytest.fixture
def objects(env: Environment, namespace: str) -> Objects:
    return Objects(env, namespace)


@attrs.define
class Watched:
    """The ConfigMaps of one namespace, watched through the proxy, with a record of what was told.

    ``told`` has ``+ name`` for an object that came, ``- name`` for one that went, ``~ name`` for a
    change and ``= name`` for an object shown again as it was.
    """

    cache: Cache
    client: CachedClient
    informer: Informer
    proxy: FaultProxy
    told: list[str] = attrs.field(factory=list)
    changes: list[Change] = attrs.field(factory=list)

    def on_change(self, change: Change, *, is_in_initial_list: bool) -> None:
        self.changes.append(change)
        old, new = change.old, change.new
        if new is None:
            assert old is not None
            self.told.append(f"- {old.meta.name}")
        elif old is None:
            self.told.append(f"+ {new.meta.name}")
        else:
            same = old.meta.resource_version == new.meta.resource_version
            self.told.append(f"{'=' if same else '~'} {new.meta.name}")

    @property
    def differences(self) -> list[str]:
        return [line for line in self.told if not line.startswith("=")]

    @property
    def versions(self) -> dict[str, str]:
        return {o.meta.name: o.meta.resource_version for o in self.informer.list()}

    @property
    def lists(self) -> list[ProxiedRequest]:
        return [r for r in self.proxy.requests if r.is_list]

    @property
    def watches(self) -> list[ProxiedRequest]:
        """Watches that go on from a version."""
        return [r for r in self.proxy.requests if r.is_watch]

    @property
    def version(self) -> str:
        return self.informer.version

    async def equals(self, objects: Objects, *, timeout: float = 10.0) -> None:
        """Wait until the store is what the server has."""

        async def same() -> bool:
            return self.versions == await objects.versions()

        await eventually(same, timeout=timeout, what="store equals server")

    async def open(self) -> None:
        await eventually(lambda: self.proxy.open_watches == 1, what="a watch is open")


StartWatching = Callable[..., Awaitable[Watched]]


@pytest_asyncio.fixture(loop_scope="session")
async def watch(proxy: FaultProxy, namespace: str) -> AsyncIterator[StartWatching]:
    """``await watch(bookmark_idle=0.3)`` gives a :class:`Watched` that has its initial list."""
    async with AsyncExitStack() as stack:

        async def start(
            *, sync: bool = True, observer: Any = None, labels: dict[str, str] | None = None,
            prepare: Callable[[Cache], None] | None = None, **timing: Any,
        ) -> Watched:  # fmt: skip
            transport = Transport(proxy.rest_config(), user_agent="conformance")
            stack.push_async_callback(transport.close)
            cache = Cache(
                transport,
                clock=SystemClock(),
                options=CacheOptions(
                    namespaces=(namespace,), reflector=attrs.evolve(FAST, **timing)
                ),
                observer=observer,
            )
            (informer,) = cache.informers(CONFIG_MAP, label_scope(labels or LABELS))
            if prepare is not None:
                prepare(cache)
            client = CachedClient(RestClient(transport, Scheme()), cache)
            watched = Watched(cache, client, informer, proxy)
            informer.add_handler(watched)
            await stack.enter_async_context(_running(cache.start))
            if sync:
                async with asyncio.timeout(10):
                    await informer.wait_for_sync()
                await watched.open()
            return watched

        yield start


@asynccontextmanager
async def _running(start: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
    task = asyncio.ensure_future(start())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])
        if not task.cancelled() and task.exception() is not None:
            raise task.exception()  # type: ignore[misc] # just seen that it is one


@attrs.define
class Recording:
    """A reconciler that records its passes and does what it is given."""

    do: Callable[[NamespacedName], Awaitable[Result | None]] | None = None
    started: list[NamespacedName] = attrs.field(factory=list)
    finished: list[NamespacedName] = attrs.field(factory=list)
    running: set[NamespacedName] = attrs.field(factory=set)
    collided: list[NamespacedName] = attrs.field(factory=list)

    async def reconcile(self, request: NamespacedName) -> Result | None:
        if request in self.running:
            self.collided.append(request)
        self.started.append(request)
        self.running.add(request)
        try:
            result = await self.do(request) if self.do is not None else None
        finally:
            self.running.discard(request)
        self.finished.append(request)
        return result


@attrs.define
class Managers:
    """Makes managers whose API server is behind the proxy, and stops them at the end."""

    proxy: FaultProxy
    namespace: str
    stack: AsyncExitStack

    def make(
        self, *, config: RestConfig | None = None, scheme: Scheme | None = None,
        timing: dict[str, Any] | None = None, **options: Any,
    ) -> Manager:  # fmt: skip
        clock = options.pop("clock", None)
        options.setdefault("install_signal_handlers", False)
        options.setdefault("graceful_shutdown_timeout", 3.0)
        options.setdefault("timeouts", Timeouts(connect=2.0, request=10.0, list=20.0))
        options.setdefault(
            "cache",
            CacheOptions(
                namespaces=(self.namespace,), reflector=attrs.evolve(FAST, **(timing or {}))
            ),
        )
        return Manager(
            config or self.proxy.rest_config(),
            scheme or Scheme(resources=[WIDGET]),
            ManagerOptions(**options),
            clock=clock,
        )

    async def run(self, manager: Manager) -> Running:
        running = Running(manager)
        await self.stack.enter_async_context(running)
        return running


class Running:
    """A manager that runs until the test ends, or until :meth:`stop`."""

    def __init__(self, manager: Manager) -> None:
        self.manager = manager
        self.task: asyncio.Task[None] | None = None
        self._awaited = False

    async def __aenter__(self) -> Running:
        self.task = asyncio.ensure_future(self.manager.run())
        return self

    async def __aexit__(self, *_: object) -> None:
        if not self._awaited:
            await self.stop()

    async def stop(self) -> None:
        self.manager.stop()
        await self.ended()

    async def ended(self) -> None:
        """Wait for the end; raises what ``run`` raised."""
        assert self.task is not None
        self._awaited = True
        async with asyncio.timeout(20):
            await self.task


@pytest_asyncio.fixture(loop_scope="session")
async def managers(proxy: FaultProxy, namespace: str) -> AsyncIterator[Managers]:
    async with AsyncExitStack() as stack:
        yield Managers(proxy, namespace, stack)


@pytest.fixture
def recording() -> type[Recording]:
    return Recording


@pytest.fixture
def labels() -> Sequence[str] | dict[str, str]:
    return LABELS


class Probe:
    """Asks an HTTP endpoint."""

    def __init__(self) -> None:
        self._session = aiohttp.ClientSession()

    async def __call__(self, url: str, **headers: str) -> tuple[int, str]:
        async with self._session.get(url, headers=headers, ssl=False) as answer:
            return answer.status, await answer.text()

    @staticmethod
    def encode(body: JSON) -> bytes:
        return orjson.dumps(body)

    async def close(self) -> None:
        await self._session.close()


@pytest_asyncio.fixture(loop_scope="session")
async def probe() -> AsyncIterator[Probe]:
    asking = Probe()
    yield asking
    await asking.close()
