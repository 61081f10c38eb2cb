"""The example operator, disturbed: it ends where it ends when nobody disturbs it.

Three perturbations, as in Sieve (OSDI 2022): *crash* after the k-th write, *stale* watches from the
k-th write on, *skipped* intermediate states. The oracle is the end state of an undisturbed run.
"""

from __future__ import annotations

import asyncio
import importlib.util
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from types import ModuleType

import attrs
import orjson
import pytest
import pytest_asyncio

from druid_operator.pkg.cache import CacheOptions, ReflectorOptions
from druid_operator.pkg.client import merge_patch
from druid_operator.pkg.envtest.apiserver.faults import Cut, Reply
from druid_operator.pkg.envtest.crds import install_crds
from druid_operator.pkg.envtest.environment import Environment
from druid_operator.pkg.envtest.eventually import eventually
from druid_operator.pkg.envtest.proxy import FaultProxy, ProxiedRequest, ProxyFault
from druid_operator.pkg.errors import Expired
from druid_operator.pkg.manager import Manager, ManagerOptions
from druid_operator.pkg.meta import JSON, NamespacedName, Resource
from druid_operator.pkg.schema.embedded import EmbeddedTypes
from druid_operator.pkg.schema.generator import custom_resource_definition
from druid_operator.pkg.scheme import Scheme
from druid_operator.pkg.scheme.builtin import CONFIG_MAP, DEPLOYMENT, SERVICE

pytestmark = pytest.mark.usefixtures("no_leaked_task", "needs_pods")

EXAMPLE = Path(__file__).parents[3] / "docs" / "framework" / "examples" / "web" / "web.py"
CHILDREN = (CONFIG_MAP, SERVICE, DEPLOYMENT)
#: The writes of an undisturbed run; more than these are never disturbed.
WRITES = range(1, 23, 3)
#: A garbage collector learns of a new kind up to 30 s after its definition.
SETTLE_SECONDS = 90.0
EXPIRED = Reply(410, orjson.dumps(Expired("too old resource version").to_status()))


@pytest.fixture(scope="module")
def web() -> ModuleType:
    spec = importlib.util.spec_from_file_location("web_perturbed", EXAMPLE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["web_perturbed"] = module  # attrs resolves annotations through it
    spec.loader.exec_module(module)
    return module


def _no_embedded_types(name: str) -> JSON:
    raise KeyError(name)


Step = Callable[[], None]


def nothing() -> None: ...


@attrs.define
class World:
    env: Environment
    proxy: FaultProxy
    web: ModuleType
    namespace: str
    starts: int = 0

    def key(self, name: str) -> NamespacedName:
        return NamespacedName(self.namespace, name)

    # --- the operator ---------------------------------------------------------------------------

    async def operate(self, crashed: asyncio.Event | None = None) -> None:
        """Run it until cancelled; start it anew each time ``crashed`` is set."""
        while True:
            self.starts += 1
            run = asyncio.ensure_future(self._manager().run())
            death = asyncio.ensure_future(crashed.wait() if crashed else asyncio.Event().wait())
            try:
                await asyncio.wait([run, death], return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in (run, death):
                    task.cancel()
                await asyncio.wait([run, death])
            if crashed is not None and crashed.is_set():
                crashed.clear()  # what was under way met a dead connection: now it starts anew
                continue
            run.result()

    def _manager(self) -> Manager:
        options = ManagerOptions(
            user_agent=self.web.MANAGER,
            install_signal_handlers=False,
            graceful_shutdown_timeout=0.0,
            cache=CacheOptions(
                namespaces=(self.namespace,),
                reflector=ReflectorOptions(backoff=0.02, backoff_cap=0.1),
            ),
        )
        manager = Manager(self.proxy.rest_config(), Scheme(self.web.KINDS), options)
        self.web.setup(manager, concurrency=2)
        return manager

    # --- the user -------------------------------------------------------------------------------

    async def create(self, name: str, message: str, replicas: int = 1) -> None:
        await self.env.client.create({
            "apiVersion": self.web.WEB.api_version, "kind": self.web.WEB.kind,
            "metadata": {"name": name, "namespace": self.namespace},
            "spec": {"message": message, "replicas": replicas},
        })  # fmt: skip

    async def story(self, before: Step, after: Step) -> JSON:
        """What happens in every run; answers the end state. The two are called before and after a
        row of changes."""
        client = self.env.client
        await self.create("a", "one")
        await self.create("b", "one")
        await eventually(self.settled, timeout=SETTLE_SECONDS)
        before()
        for message in ("two", "three", "four"):
            patch = merge_patch({"spec": {"message": message, "replicas": 2}})
            await client.patch(self.web.WEB, self.key("a"), patch)
        await client.delete(self.web.WEB, self.key("b"))
        await self.create("c", "one")
        after()
        await eventually(self.settled, timeout=SETTLE_SECONDS)
        await client.patch(CONFIG_MAP, self.key("a"), merge_patch({"data": {"message": "forged"}}))
        await client.delete(SERVICE, self.key("c"))
        await eventually(self.settled, timeout=SETTLE_SECONDS)
        return await self.end_state()

    async def settled(self) -> bool:
        """Everything is as the specs say, and the statuses say so."""
        webs = {o["metadata"]["name"]: o for o in await self.list(self.web.WEB)}
        for resource in CHILDREN:
            children = {o["metadata"]["name"]: o for o in await self.list(resource)}
            assert children.keys() == webs.keys(), f"{resource}: {sorted(children)}"
            for name, obj in webs.items():
                owner = children[name]["metadata"]["ownerReferences"][0]
                assert owner["uid"] == obj["metadata"]["uid"]
        for config in await self.list(CONFIG_MAP):
            assert config["data"] == {
                "message": webs[config["metadata"]["name"]]["spec"]["message"]
            }
        for deployment in await self.list(DEPLOYMENT):
            # Rolled out to the end: while pods are replaced a Web is ready, then not, then ready.
            found, replicas = deployment.get("status") or {}, deployment["spec"]["replicas"]
            counts = [found.get(f) for f in ("replicas", "updatedReplicas", "readyReplicas")]
            assert counts == [replicas] * 3
            assert found["observedGeneration"] == deployment["metadata"]["generation"]
        for obj in webs.values():
            status = obj.get("status") or {}
            assert status.get("observedGeneration") == obj["metadata"]["generation"]
            assert status["ready"]
        return True

    async def list(self, resource: Resource) -> list[JSON]:
        labels = None if resource == self.web.WEB else self.web.MANAGED_BY
        listed = await self.env.client.list(resource, namespace=self.namespace, labels=labels)
        return [o for o in listed if not o["metadata"].get("deletionTimestamp")]

    async def end_state(self) -> JSON:
        """By kind and name, without what no two runs share."""
        state: JSON = {}
        for resource in (self.web.WEB, *CHILDREN):
            for obj in await self.list(resource):
                metadata = obj["metadata"]
                state[f"{resource.kind}/{metadata['name']}"] = {
                    "labels": metadata.get("labels"),
                    "owners": [o["name"] for o in metadata.get("ownerReferences", ())],
                    "finalizers": metadata.get("finalizers"),
                    "managers": sorted({m["manager"] for m in metadata["managedFields"]}),
                    "data": obj.get("data"),
                    "spec": _comparable(obj.get("spec")),
                    "ready": (obj.get("status") or {}).get("ready"),
                }
        return state


def _comparable(spec: JSON | None) -> JSON | None:
    """A real API server gives each Service an address of its own."""
    return spec and {k: v for k, v in spec.items() if k not in ("clusterIP", "clusterIPs")}


@pytest_asyncio.fixture(loop_scope="session")
async def world(env: Environment, proxy: FaultProxy, web: ModuleType) -> AsyncIterator[World]:
    crd = custom_resource_definition(web.KINDS[0], EmbeddedTypes(_no_embedded_types))
    await install_crds(env.client, [crd])
    env.client.scheme.add(web.WEB)
    namespace = await env.add_namespace()
    yield World(env, proxy, web, namespace)
    await env.remove_namespace(namespace)


_undisturbed: dict[str, JSON] = {}


async def run(
    world: World,
    expected: JSON | None = None,
    *,
    crashed: asyncio.Event | None = None,
    before: Step = nothing,
    after: Step = nothing,
) -> JSON:
    """Answers the end state, which comes to be the one that is expected."""
    operator = asyncio.ensure_future(world.operate(crashed))
    try:
        end = await world.story(before, after)
        if expected is None:
            return end

        async def the_same() -> bool:
            found = await world.end_state()
            assert found == expected
            return True

        await eventually(the_same)
        return end
    finally:
        operator.cancel()
        await asyncio.wait([operator])


@pytest_asyncio.fixture(loop_scope="session")
async def expected(env: Environment, web: ModuleType) -> JSON:
    """The end of an undisturbed run, once per session."""
    if "end" not in _undisturbed:
        crd = custom_resource_definition(web.KINDS[0], EmbeddedTypes(_no_embedded_types))
        await install_crds(env.client, [crd])
        env.client.scheme.add(web.WEB)
        async with FaultProxy(env.rest_config()) as proxy:
            calm = World(env, proxy, web, await env.add_namespace())
            _undisturbed["end"] = await run(calm)
            writes = len([r for r in proxy.requests if _counts(r, web)])
            assert writes >= max(WRITES), f"only {writes} writes: the last ks disturb nothing"
            await env.remove_namespace(calm.namespace)
    return _undisturbed["end"]


def _counts(request: ProxiedRequest, web: ModuleType) -> bool:
    return request.is_write and request.user_agent == web.MANAGER and request.plural != "events"


@pytest.mark.parametrize("carried_out", [True, False], ids=["after", "before"])
@pytest.mark.parametrize("k", WRITES)
async def test_crash_at_the_kth_write(
    world: World, expected: JSON, k: int, carried_out: bool
) -> None:
    """The process dies with its k-th write, which the server has carried out or has not."""
    crashed, writes = asyncio.Event(), 0

    def hook(request: ProxiedRequest) -> ProxyFault | None:
        nonlocal writes
        if crashed.is_set():
            return Cut()  # the dead send nothing
        writes += _counts(request, world.web)
        if writes == k and _counts(request, world.web):
            crashed.set()
            return Cut(after=carried_out)
        return None

    world.proxy.faults.hook = hook
    await run(world, expected, crashed=crashed)
    assert world.starts == 2


@pytest.mark.parametrize("k", WRITES)
async def test_stale_watches_from_the_kth_write_on(world: World, expected: JSON, k: int) -> None:
    """For a while no watch shows anything, while passes go on and write."""
    writes = 0

    def hook(request: ProxiedRequest) -> None:
        nonlocal writes
        writes += _counts(request, world.web)
        if writes == k and _counts(request, world.web):
            world.proxy.hold_watches()
            asyncio.get_running_loop().call_later(0.3, world.proxy.release_watches)

    world.proxy.faults.hook = hook
    await run(world, expected)
    assert writes >= k


@pytest.mark.parametrize("history", ["kept", "lost"])
async def test_skipped_intermediate_states(world: World, expected: JSON, history: str) -> None:
    """The operator hears of three edits, a deletion and a creation only when all have happened."""

    def go_on() -> None:
        if history == "lost":
            world.proxy.faults.inject(EXPIRED, match=lambda r: r.is_watch, times=4)
        world.proxy.come_up()

    await run(world, expected, before=world.proxy.go_down, after=go_on)
