"""What a cache keeps of a real collection: selected, shaped, indexed, and upgraded under way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
import pytest_asyncio

from druid_operator.pkg.cache import ByObject, Cache, CachedClient, CacheOptions
from druid_operator.pkg.client import MetadataOnly, RestClient, Transport, merge_patch
from druid_operator.pkg.clock import SystemClock
from druid_operator.pkg.envtest.environment import Environment
from druid_operator.pkg.envtest.eventually import eventually
from druid_operator.pkg.errors import NotFound
from druid_operator.pkg.meta import JSON, NamespacedName
from druid_operator.pkg.scheme import Scheme
from druid_operator.pkg.scheme.builtin import CONFIG_MAP


@pytest_asyncio.fixture(loop_scope="session")
async def transport(env: Environment) -> AsyncIterator[Transport]:
    made = Transport(env.rest_config(), user_agent="cache-test")
    yield made
    await made.close()


@pytest.fixture
def new_cache(transport: Transport, namespace: str) -> Callable[..., Cache]:
    def make(**by_object: object) -> Cache:
        options = CacheOptions(
            namespaces=(namespace,),
            by_object={CONFIG_MAP: ByObject(**by_object)},  # type: ignore[arg-type] # test options
        )
        return Cache(transport, clock=SystemClock(), options=options)

    return make


@asynccontextmanager
async def running(cache: Cache) -> AsyncIterator[None]:
    task = asyncio.ensure_future(cache.start())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


def config_map(namespace: str, name: str, **labels: str) -> JSON:
    return {
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": namespace, "labels": labels},
        "data": {"v": name, "big": "x" * 1000},
    }  # fmt: skip


async def fill(env: Environment, namespace: str) -> None:
    for name, tier in (("a", "data"), ("b", "query"), ("c", "master"), ("d", "data")):
        await env.client.create(config_map(namespace, name, tier=tier))


async def synced(cache: Cache) -> None:
    async with asyncio.timeout(10):
        await cache.wait_for_sync()


def names(objects) -> list[str]:
    return [o.meta.name for o in objects]


async def test_selection_by_sets_of_labels_follows_objects_in_and_out(
    env: Environment, namespace: str, new_cache, transport
) -> None:
    await fill(env, namespace)
    cache = new_cache(labels="tier in (data,query)")
    cache.informers(CONFIG_MAP)
    live = RestClient(transport, Scheme())
    async with running(cache):
        client = CachedClient(live, cache)
        await synced(cache)
        assert names(cache.select(CONFIG_MAP)) == ["a", "b", "d"]
        patch = merge_patch({"metadata": {"labels": {"tier": "master"}}})
        await client.patch(CONFIG_MAP, NamespacedName(namespace, "a"), patch)
        await eventually(lambda: names(cache.select(CONFIG_MAP)) == ["b", "d"])
        await client.patch(
            CONFIG_MAP, NamespacedName(namespace, "c"),
            merge_patch({"metadata": {"labels": {"tier": "query"}}}),
        )  # fmt: skip
        assert names(cache.select(CONFIG_MAP)) == ["b", "c", "d"], "own writes show at once"


async def test_selection_by_field_is_the_servers(env: Environment, namespace: str, new_cache):
    await fill(env, namespace)
    cache = new_cache(fields={"metadata.name": "b"})
    cache.informers(CONFIG_MAP)
    async with running(cache):
        await synced(cache)
        assert names(cache.select(CONFIG_MAP)) == ["b"]


async def test_metadata_is_all_that_is_sent_until_somebody_wants_more(
    env: Environment, namespace: str, new_cache, transport
) -> None:
    await fill(env, namespace)
    cache = new_cache(labels="tier")
    (informer,) = cache.informers(CONFIG_MAP, metadata_only=True)
    live = RestClient(transport, Scheme())
    key = NamespacedName(namespace, "a")
    async with running(cache):
        client = CachedClient(live, cache)
        await synced(cache)
        assert informer.stored_bytes < 4 * 700
        assert (await client.get(MetadataOnly(CONFIG_MAP), key)).meta.labels == {"tier": "data"}
        assert (await client.get(CONFIG_MAP, key))["data"]["v"] == "a", "read live"
        await env.client.create(config_map(namespace, "e", tier="late"))
        await eventually(lambda: len(informer) == 5)
        assert b'"big"' not in b"".join(o.raw for o in informer.list())
        assert cache.informers(CONFIG_MAP) == [informer]
        await synced(cache)
        assert informer.stored_bytes > 5 * 1000
        assert (await client.get(CONFIG_MAP, key))["data"]["v"] == "a"
        await env.client.delete(CONFIG_MAP, key)

        async def gone() -> bool:
            try:
                await client.get(CONFIG_MAP, key)
            except NotFound:
                return True
            return False

        await eventually(gone)


async def test_index_added_under_way_has_what_was_there_before(
    env: Environment, namespace: str, new_cache
) -> None:
    await fill(env, namespace)
    cache = new_cache(labels="tier")
    cache.informers(CONFIG_MAP)
    async with running(cache):
        await synced(cache)
        cache.add_index(CONFIG_MAP, "data.v", lambda o: [o.to_dict()["data"]["v"]])
        assert names(cache.select(CONFIG_MAP, fields={"data.v": "d"})) == ["d"]
