"""C25, C26 and C39 to C42: a reader sees its own writes, and nobody sees the world go backwards."""

from __future__ import annotations

import attrs
import pytest

from druid_operator.pkg.builder import new_controller_managed_by
from druid_operator.pkg.cache import CachedClient, VersionGate, label_scope
from druid_operator.pkg.client import merge_patch
from druid_operator.pkg.envtest.environment import Environment
from druid_operator.pkg.envtest.eventually import eventually
from druid_operator.pkg.envtest.proxy import FaultProxy
from druid_operator.pkg.errors import AlreadyExists, NotFound
from druid_operator.pkg.handler import EnqueueForObject, EnqueueMapped
from druid_operator.pkg.meta import NamespacedName, owner_reference
from druid_operator.pkg.reconcile import Result
from druid_operator.pkg.scheme.builtin import CONFIG_MAP, SECRET

pytestmark = pytest.mark.usefixtures("no_leaked_task")

HOLD = "conformance.example.com/hold"


async def exists(client: CachedClient, key: NamespacedName) -> bool:
    try:
        await client.get(CONFIG_MAP, key)
    except NotFound:
        return False
    return True


@attrs.define
class MakesOneChild:
    """Creates a Secret with a generated name, once, if it sees none of its own."""

    client: CachedClient
    passes: int = 0

    async def reconcile(self, request: NamespacedName) -> Result:
        self.passes += 1
        parent = await self.client.get(CONFIG_MAP, request)
        children = await self.client.list(SECRET, namespace=request.namespace)
        if not children:
            reference = owner_reference(CONFIG_MAP.gvk, request.name, parent["metadata"]["uid"])
            metadata = {
                "generateName": f"{request.name}-", "namespace": request.namespace,
                "ownerReferences": [reference], "labels": {"conformance": "yes"},
            }  # fmt: skip
            await self.client.create({"apiVersion": "v1", "kind": "Secret", "metadata": metadata})
        return Result(requeue_after=0.001 if self.passes < 3 else 0.0)


async def test_c25_child_made_while_the_watch_lags(
    env: Environment, objects, proxy: FaultProxy, managers
) -> None:
    """The pass after the one that created a child sees it, although no watch has told of it: there
    is no second child."""
    manager = managers.make()
    reconciler = MakesOneChild(manager.client)
    labels = {"conformance": "yes"}
    new_controller_managed_by(manager).for_(CONFIG_MAP).owns(SECRET, labels=labels).named(
        "c25"
    ).complete(reconciler)
    await managers.run(manager)
    await eventually(lambda: not manager.cache.unsynced() and proxy.open_watches == 2)
    # The child's watch goes silent, the parent's tells of the parent.
    proxy.stall_watches(lambda r: r.plural == "secrets")
    await objects.create("parent")
    await eventually(lambda: reconciler.passes >= 3)
    children = await env.client.list(SECRET, namespace=objects.namespace, labels=labels)
    assert len(children) == 1
    assert len([r for r in proxy.requests if r.plural == "secrets" and r.verb == "create"]) == 1


async def test_c26_delete_while_the_watch_lags(
    env: Environment, objects, proxy: FaultProxy, watch
) -> None:
    """A deletion that finalizers hold shows as a deletionTimestamp at once; one that is carried out
    shows as absence; a namesake made by another shows as soon as the watch tells of it."""
    held = objects.config_map("held")
    held["metadata"]["finalizers"] = [HOLD]
    await env.client.create(held)
    watched = await watch()
    key = objects.key("held")
    proxy.hold_watches()
    await watched.client.delete(CONFIG_MAP, key)
    seen = await watched.client.get(CONFIG_MAP, key)
    assert seen["metadata"]["deletionTimestamp"]
    assert (await watched.client.list(CONFIG_MAP))[0]["metadata"]["deletionTimestamp"]

    patch = merge_patch({"metadata": {"finalizers": None}})
    await watched.client.patch(CONFIG_MAP, key, patch)
    await eventually(lambda: _gone(env, key))
    (second,) = await objects.create("held")
    proxy.release_watches()
    await watched.equals(objects)
    assert (await watched.client.get(CONFIG_MAP, key))["metadata"]["uid"] == second["metadata"][
        "uid"
    ]
    await eventually(lambda: watched.informer.overlay_size == 0)


async def _gone(env: Environment, key: NamespacedName) -> bool:
    try:
        await env.client.get(CONFIG_MAP, key)
    except NotFound:
        return True
    return False


async def test_c26_delete_of_a_plain_object_while_the_watch_lags(
    objects, proxy: FaultProxy, watch
) -> None:
    """What we deleted is gone for us at once; what we then create under its name is there."""
    await objects.create("a")
    watched = await watch()
    key = objects.key("a")
    proxy.hold_watches()
    await watched.client.delete(CONFIG_MAP, key)
    assert not await exists(watched.client, key)
    assert await watched.client.list(CONFIG_MAP) == []
    made = await watched.client.create(objects.config_map("a"))
    assert (await watched.client.get(CONFIG_MAP, key))["metadata"]["uid"] == made["metadata"]["uid"]
    with pytest.raises(AlreadyExists):
        await watched.client.create(objects.config_map("a"))
    proxy.release_watches()
    await watched.equals(objects)
    await eventually(lambda: watched.informer.overlay_size == 0)


async def test_c39_careless_reader_changes_nothing(objects, watch) -> None:
    """What a reader does to an object it was given is seen by no other reader."""
    await objects.create("a")
    watched = await watch()
    key = objects.key("a")
    for careless in (
        await watched.client.get(CONFIG_MAP, key),
        (await watched.client.list(CONFIG_MAP))[0],
        watched.cache.get(CONFIG_MAP, key).to_dict(),
    ):
        careless["data"]["n"] = "forged"
        careless["metadata"]["labels"].clear()
        del careless["metadata"]["uid"]
    again = await watched.client.get(CONFIG_MAP, key)
    assert again["data"] == {"n": "0"}
    assert again["metadata"]["labels"] == {"conformance": "yes"}
    stored = watched.cache.get(CONFIG_MAP, key)
    with pytest.raises((AttributeError, TypeError)):
        stored.raw = b"{}"


async def test_c39_answer_of_a_write_is_a_private_copy(objects, proxy: FaultProxy, watch) -> None:
    """Nor does what a writer does to the answer of its write."""
    watched = await watch()
    proxy.hold_watches()
    answer = await watched.client.create(objects.config_map("a"))
    answer["data"]["n"] = "forged"
    assert (await watched.client.get(CONFIG_MAP, objects.key("a")))["data"] == {"n": "0"}
    proxy.release_watches()


async def test_c40_our_write_moves_an_object_out_of_the_selector(
    objects, proxy: FaultProxy, watch
) -> None:
    """It is not kept alive by the overlay, and its deletion is told once."""
    await objects.create("a", "b")
    watched = await watch()
    key = objects.key("a")
    patch = merge_patch({"metadata": {"labels": {"conformance": "no"}}})
    proxy.hold_watches()
    await watched.client.patch(CONFIG_MAP, key, merge_patch({"data": {"n": "1"}}))
    assert watched.informer.overlay_size == 1
    await watched.client.patch(CONFIG_MAP, key, patch)
    assert watched.informer.overlay_size == 0
    proxy.release_watches()
    await eventually(lambda: "- a" in watched.told)
    assert not await exists(watched.client, key)
    assert watched.told.count("- a") == 1
    assert set(watched.versions) == {"b"}


async def test_c41_our_write_is_overwritten_before_we_see_it(
    objects, proxy: FaultProxy, watch
) -> None:
    """Reads show ours until the watch shows something newer, then that; nothing stays behind."""
    await objects.create("a")
    watched = await watch()
    key = objects.key("a")
    proxy.hold_watches()
    await watched.client.patch(CONFIG_MAP, key, merge_patch({"data": {"n": "ours"}}))
    await objects.change("a", n="theirs")
    assert (await watched.client.get(CONFIG_MAP, key))["data"]["n"] == "ours"
    proxy.release_watches()
    await watched.equals(objects)
    assert (await watched.client.get(CONFIG_MAP, key))["data"]["n"] == "theirs"
    await eventually(lambda: watched.informer.overlay_size == 0)


async def test_c41_deleted_by_another_before_we_see_our_write(
    objects, proxy: FaultProxy, watch
) -> None:
    """An object of ours that another deleted does not live on in the overlay."""
    watched = await watch()
    proxy.hold_watches()
    await watched.client.create(objects.config_map("a"))
    await objects.delete("a")
    assert await exists(watched.client, objects.key("a"))
    proxy.release_watches()
    await eventually(lambda: watched.informer.overlay_size == 0)
    assert not await exists(watched.client, objects.key("a"))


async def test_c42_stale_replica_answers_reads(objects, proxy: FaultProxy, watch) -> None:
    """While connections break and every replica lags behind our writes, no reader sees a state
    older than one that it has seen."""
    await objects.create("a")
    watched = await watch(streaming_lists=False)
    key = objects.key("a")
    seen: list[int] = []

    async def read() -> None:
        seen.append(int((await watched.client.get(CONFIG_MAP, key))["data"]["n"]))

    for n in range(1, 6):
        proxy.hold_watches()
        await watched.client.patch(CONFIG_MAP, key, merge_patch({"data": {"n": str(n)}}))
        proxy.cut_watches()
        await read()
        proxy.release_watches()
        await read()
        await watched.equals(objects)
        await read()
    assert seen == sorted(seen)
    assert seen[-1] == 5
    assert all(r.version for r in watched.watches), "a watch without a version starts anywhere"


@attrs.define
class CountsChildren:
    """Writes into its object how many Secrets there are, and never acts on an older world than the
    one it wrote to."""

    client: CachedClient
    gate: VersionGate
    held_back: int = 0

    async def reconcile(self, request: NamespacedName) -> Result | None:
        if not self.gate.is_open(request):
            self.held_back += 1
            return Result(requeue_after=0.01)
        parent = await self.client.get(CONFIG_MAP, request)
        found = len(await self.client.list(SECRET, namespace=request.namespace))
        if parent["data"].get("found") == str(found):
            return None
        patch = merge_patch({"data": {"found": str(found)}})
        answer = await self.client.patch(CONFIG_MAP, request, patch)
        self.gate.wrote(request, CONFIG_MAP, answer["metadata"]["resourceVersion"])
        return None


async def test_c42_version_gate_holds_a_pass_back(
    env: Environment, objects, proxy: FaultProxy, managers, labels
) -> None:
    """A pass behind a write that the watch has not shown is put off, and runs when it has; the
    status that it writes never goes back."""
    manager = managers.make()
    reconciler = CountsChildren(manager.client, VersionGate(manager.cache))
    scope = label_scope(labels)
    of_a = EnqueueMapped(lambda _: [objects.key("a")])
    new_controller_managed_by(manager).named("c42").watches(
        CONFIG_MAP, EnqueueForObject(), scope=scope
    ).watches(SECRET, of_a, scope=scope).complete(reconciler)
    await managers.run(manager)
    await eventually(lambda: not manager.cache.unsynced() and proxy.open_watches == 2)
    await objects.create("a")
    await eventually(lambda: _found(env, objects, "0"))
    proxy.stall_watches(lambda r: r.plural == "configmaps")
    for name in ("s1", "s2"):
        metadata = {"name": name, "namespace": objects.namespace, "labels": labels}
        await env.client.create({"apiVersion": "v1", "kind": "Secret", "metadata": metadata})
    await eventually(lambda: reconciler.held_back > 0)
    proxy.cut_watches(lambda r: r.plural == "configmaps")
    await eventually(lambda: _found(env, objects, "2"))


async def _found(env: Environment, objects, count: str) -> bool:
    return (await env.client.get(CONFIG_MAP, objects.key("a")))["data"].get("found") == count
