"""C36 to C38: what is read from the cache, and what cannot be."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterable

import attrs
import pytest

from druid_operator.pkg.builder import new_controller_managed_by
from druid_operator.pkg.cache import CacheObserver, StoredObject
from druid_operator.pkg.controllerutil import create_or_update
from druid_operator.pkg.envtest.apiserver.faults import Reply
from druid_operator.pkg.envtest.environment import Environment
from druid_operator.pkg.envtest.eventually import eventually
from druid_operator.pkg.envtest.proxy import FaultProxy
from druid_operator.pkg.errors import NotFound
from druid_operator.pkg.meta import JSON, NamespacedName, Resource
from druid_operator.pkg.scheme.builtin import CONFIG_MAP

pytestmark = pytest.mark.usefixtures("no_leaked_task")


async def test_c36_one_of_three_namespaces_is_forbidden(
    env: Environment, proxy: FaultProxy, managers, recording, probe
) -> None:
    """The process is not ready, and says which namespace; objects in the others can be read; once
    the right is granted all goes on by itself."""
    namespaces = [await env.add_namespace() for _ in range(3)]
    forbidden = {
        "kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 403,
        "reason": "Forbidden", "message": f'configmaps is forbidden in "{namespaces[1]}"',
    }  # fmt: skip
    refused = Reply(403, probe.encode(forbidden))
    proxy.faults.hook = lambda r: refused if r.namespace == namespaces[1] else None
    for namespace in namespaces:
        metadata = {"name": "a", "namespace": namespace}
        await env.client.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata})
    options = attrs.evolve(managers.make().options.cache, namespaces=tuple(namespaces))
    manager = managers.make(cache=options, health_probe_bind="127.0.0.1:0")
    reconciler = recording()
    new_controller_managed_by(manager).for_(CONFIG_MAP).complete(reconciler)
    await managers.run(manager)
    await eventually(lambda: len(manager.cache.unsynced()) == 1 and manager.address.get("health"))
    (waiting,) = manager.cache.unsynced()
    assert namespaces[1] in waiting
    await eventually(lambda: "forbidden" in manager.cache.unsynced()[0])
    code, text = await probe(f"http://{manager.address['health']}/readyz/caches")
    assert code == 500
    assert namespaces[1] in text
    for namespace in (namespaces[0], namespaces[2]):
        read = await manager.client.get(CONFIG_MAP, NamespacedName(namespace, "a"))
        assert read["metadata"]["namespace"] == namespace

    proxy.faults.clear()
    await eventually(lambda: not manager.cache.unsynced())
    wanted = {NamespacedName(namespace, "a") for namespace in namespaces}
    await eventually(lambda: wanted <= set(reconciler.finished))
    code, _ = await probe(f"http://{manager.address['health']}/readyz")
    assert code == 200


@attrs.define
class Counting(CacheObserver):
    """A cache observer."""

    index_errors: list[tuple[str, str]] = attrs.field(factory=list)

    def index_error(self, resource: Resource, index: str, key: NamespacedName) -> None:
        self.index_errors.append((index, key.name))


def by_owner(obj: StoredObject) -> Iterable[str]:
    return [obj.to_dict()["data"]["owner"]]


async def test_c37_index_function_that_raises(env: Environment, objects, watch) -> None:
    """It is counted; the object is in no entry of that index and else like any other; the informer
    lives and the other objects are indexed."""
    counting = Counting()
    await objects.create("a", "b", owner="one")
    await objects.create("broken", other="x")
    watched = await watch(
        observer=counting, prepare=lambda cache: cache.add_index(
            CONFIG_MAP, "owner", by_owner, watched_scope(cache)
        ),
    )  # fmt: skip
    assert ("owner", "broken") in counting.index_errors
    assert names(watched.cache.by_index(CONFIG_MAP, "owner", "one")) == ["a", "b"]
    assert set(watched.versions) == {"a", "b", "broken"}
    # Mended: indexed from now on. And the stream goes on.
    await objects.change("broken", owner="one")
    await objects.create("c", owner="one")
    await watched.equals(objects)
    assert names(watched.cache.by_index(CONFIG_MAP, "owner", "one")) == ["a", "b", "broken", "c"]


def watched_scope(cache):
    return cache.all_informers()[0].scope


def names(objects: Iterable[StoredObject]) -> list[str]:
    return sorted(obj.key.name for obj in objects)


@pytest.mark.parametrize("seed", range(3))
async def test_c38_reads_equal_a_live_list_filtered_by_hand(
    env: Environment, proxy: FaultProxy, managers, recording, seed: int
) -> None:
    """By index, by labels and by namespace, after random writes and cuts."""
    draw = random.Random(seed)
    namespaces = [await env.add_namespace() for _ in range(2)]
    options = attrs.evolve(managers.make().options.cache, namespaces=tuple(namespaces))
    manager = managers.make(cache=options)
    new_controller_managed_by(manager).for_(CONFIG_MAP).named(f"c38-{seed}").complete(recording())
    manager.cache.add_index(CONFIG_MAP, "color", lambda o: o.to_dict().get("data", {}).values())
    await managers.run(manager)
    for step in range(60):
        await _random_write(env, draw, namespaces)
        if step % 15 == 0:
            proxy.cut_watches()
    live = [o for ns in namespaces for o in await env.client.list(CONFIG_MAP, namespace=ns)]
    versions = {NamespacedName.of(o): o["metadata"]["resourceVersion"] for o in live}
    await eventually(lambda: _cached(manager.cache.select(CONFIG_MAP)) == versions)
    for namespace in ["", *namespaces]:
        for labels in ({}, {"tier": "a"}, {"tier": "b", "shard": "1"}):
            expected = [o for o in live if _selected(o, namespace, labels)]
            found = await manager.client.list(CONFIG_MAP, namespace=namespace, labels=labels)
            assert _keys(found) == _keys(expected)
    for color in ("red", "blue", "none"):
        expected = [o for o in live if color in (o.get("data") or {}).values()]
        found_keys = {o.key for o in manager.cache.by_index(CONFIG_MAP, "color", color)}
        assert found_keys == _keys(expected)


async def _random_write(env: Environment, draw: random.Random, namespaces: list[str]) -> None:
    key = NamespacedName(draw.choice(namespaces), f"object-{draw.randrange(8)}")
    if draw.random() < 0.2:
        with contextlib.suppress(NotFound):
            await env.client.delete(CONFIG_MAP, key)
        return

    def mutate(obj: JSON) -> None:
        obj["metadata"]["labels"] = {"tier": draw.choice("ab"), "shard": draw.choice("12")}
        obj["data"] = {"color": draw.choice(["red", "blue"])}

    await create_or_update(env.client, CONFIG_MAP, key, mutate)


def _selected(obj: JSON, namespace: str, labels: dict[str, str]) -> bool:
    have = obj["metadata"].get("labels") or {}
    return namespace in ("", obj["metadata"]["namespace"]) and labels.items() <= have.items()


def _keys(objects: Iterable[JSON]) -> set[NamespacedName]:
    return {NamespacedName.of(obj) for obj in objects}


def _cached(objects: Iterable[StoredObject]) -> dict[NamespacedName, str]:
    return {obj.key: obj.meta.resource_version for obj in objects}
