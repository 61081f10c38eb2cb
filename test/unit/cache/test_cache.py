"""What a cache watches, and what a read of it finds, whichever informers it has."""

from __future__ import annotations

import asyncio

import pytest

from druid_operator.pkg.cache import (
    ByObject,
    Cache,
    CachedClient,
    CacheNotReady,
    CacheObserver,
    CacheOptions,
    MissingInformer,
    VersionGate,
    label_scope,
    name_scope,
)
from druid_operator.pkg.cache import cache as cache_module
from druid_operator.pkg.cache.stored_object import from_dict
from druid_operator.pkg.client import (
    ClientBase,
    MetadataOnly,
    ObjectList,
    RestClient,
    RestConfig,
    Scope,
    Transport,
)
from druid_operator.pkg.clock import FakeClock
from druid_operator.pkg.errors import BadRequest, NotFound
from druid_operator.pkg.meta import NamespacedName
from druid_operator.pkg.scheme import Scheme
from druid_operator.pkg.scheme.builtin import CONFIG_MAP, NODE, SECRET

NOWHERE = Transport(RestConfig(host="http://127.0.0.1:1"))
A = NamespacedName("default", "a")


def make(options: CacheOptions | None = None, observer: CacheObserver | None = None) -> Cache:
    return Cache(NOWHERE, clock=FakeClock(), options=options, observer=observer)


@pytest.fixture
def fill(config_map):
    """Put objects into an informer as a list would."""

    def put(informer, *names: str, version: str = "5") -> None:
        informer.replace([from_dict(CONFIG_MAP, config_map(n, version)) for n in names], version)

    return put


class Live(RestClient):
    """Answers reads by a word, to tell them from cached ones."""

    def __init__(self) -> None:
        super().__init__(NOWHERE, Scheme())

    async def do_get(self, call):
        return {"metadata": {"name": f"live {call.key.name}"}}

    async def do_list(self, call):
        return ObjectList([{"metadata": {"name": "live"}}])


def names(objects) -> list[str]:
    return [o["metadata"]["name"] for o in objects]


# --- what is watched --------------------------------------------------------------------------


def test_most_specific_option_wins() -> None:
    options = CacheOptions(
        namespaces=("a", "b"),
        by_object={
            SECRET: ByObject(namespaces=("c",), labels="tier in (x,y)", resync_period=0),
        },
    )
    assert options.scopes(CONFIG_MAP, None) == [Scope(namespace="a"), Scope(namespace="b")]
    assert options.scopes(SECRET, None) == [Scope(namespace="c", labels="tier in (x,y)")]
    assert options.scopes(SECRET, Scope(labels="k=v")) == [Scope(namespace="c", labels="k=v")]
    assert options.scopes(NODE, None) == [Scope()], "it has no namespaces"
    assert (options.of(SECRET).resync_period, options.of(NODE).resync_period) == (0, 36000.0)


def test_selection_by_namespace_is_a_list_of_that_namespace() -> None:
    options = CacheOptions(by_object={
        SECRET: ByObject(fields={"metadata.namespace": "ns", "type": "Opaque"}),
    })  # fmt: skip
    assert options.scopes(SECRET, None) == [Scope(namespace="ns", fields="type=Opaque")]


# --- what is found ----------------------------------------------------------------------------


def test_indexes_show_own_writes(config_map, fill) -> None:
    """C25 for reads by index: found under the value it has now, not under the one it had."""
    cache = make()
    cache.add_index(CONFIG_MAP, "data.v", lambda obj: [obj.to_dict()["data"]["v"]])
    (informer,) = cache.informers(CONFIG_MAP)
    fill(informer, "a", "b")
    cache.wrote(CONFIG_MAP, config_map("a", "9", data="changed"))
    cache.wrote(CONFIG_MAP, config_map("c", "8", data="5"))
    cache.wrote_deletion(CONFIG_MAP, NamespacedName("default", "b"), "uid-b")

    def found(value: str, **options: object) -> list[str]:
        listed = cache.select(CONFIG_MAP, fields={"data.v": value}, **options)
        assert options or [o.meta.name for o in cache.by_index(CONFIG_MAP, "data.v", value)] == [
            o.meta.name for o in listed
        ]
        return [o.meta.name for o in listed]

    assert found("5") == ["c"]
    assert found("changed") == ["a"]
    assert found("5", overlay=False) == ["a", "b"]


def test_read_by_a_field_without_an_index_names_it(fill) -> None:
    cache = make()
    (informer,) = cache.informers(CONFIG_MAP)
    fill(informer, "a")
    with pytest.raises(BadRequest, match=r"configmaps: no index on 'spec\.x'"):
        cache.select(CONFIG_MAP, fields={"spec.x": "1"})


async def test_reads_go_where_the_objects_are(config_map, fill) -> None:
    cache = make(CacheOptions(namespaces=("default",)))
    client: ClientBase = CachedClient(Live(), cache, disable_for=[SECRET])
    (informer,) = cache.informers(CONFIG_MAP)
    fill(informer, "a")
    assert names([await client.get(CONFIG_MAP, A)]) == ["a"]
    with pytest.raises(NotFound):
        await client.get(CONFIG_MAP, NamespacedName("default", "missing"))
    elsewhere = NamespacedName("kube-system", "a")
    assert names([await client.get(CONFIG_MAP, elsewhere)]) == ["live a"]
    assert names(await client.list(CONFIG_MAP, namespace="kube-system")) == ["live"]
    cache.informers(SECRET)
    assert names(await client.list(SECRET)) == ["live"]


async def test_informer_of_one_object_answers_for_that_object_alone(fill) -> None:
    cache = make()
    client = CachedClient(Live(), cache)
    (informer,) = cache.informers(CONFIG_MAP, name_scope(A))
    fill(informer, "a")
    assert names([await client.get(CONFIG_MAP, A)]) == ["a"]
    assert names([await client.get(CONFIG_MAP, A._replace(name="b"))]) == ["live b"]
    assert names(await client.list(CONFIG_MAP)) == ["live"]


async def test_metadata_informer_answers_for_metadata_alone(fill) -> None:
    cache = make(CacheOptions(by_object={CONFIG_MAP: ByObject(shape="metadata")}))
    client = CachedClient(Live(), cache)
    (informer,) = cache.informers(CONFIG_MAP)
    fill(informer, "a")
    assert (await client.get(MetadataOnly(CONFIG_MAP), A)).meta.name == "a"
    assert names([await client.get(CONFIG_MAP, A)]) == ["live a"]


async def test_missing_informer_can_be_an_error() -> None:
    client = CachedClient(Live(), make(CacheOptions(fail_on_missing_informer=True)))
    with pytest.raises(MissingInformer, match="configmaps in default"):
        await client.get(CONFIG_MAP, A)
    with pytest.raises(MissingInformer):
        await client.list(CONFIG_MAP)


async def test_cached_list_has_a_limit_and_no_continuation(fill) -> None:
    cache = make()
    client = CachedClient(Live(), cache)
    (informer,) = cache.informers(CONFIG_MAP)
    fill(informer, *"abc")
    page = await client.list(CONFIG_MAP, limit=2)
    assert (names(page), page.remaining) == (["a", "b"], 1)
    with pytest.raises(BadRequest, match="cannot be continued"):
        await client.list(CONFIG_MAP, continue_token="x")


async def test_read_waits_for_the_first_list(fill) -> None:
    cache = make()
    client = CachedClient(Live(), cache)
    (informer,) = cache.informers(CONFIG_MAP)
    reading = asyncio.ensure_future(client.get(CONFIG_MAP, A))
    await asyncio.sleep(0)
    fill(informer, "a")
    assert names([await reading]) == ["a"]


async def test_read_that_waited_too_long_says_for_what(monkeypatch) -> None:
    monkeypatch.setattr(cache_module, "READ_TIMEOUT", 0.01)
    cache = make()
    (informer,) = cache.informers(CONFIG_MAP)
    informer.failed(BadRequest("forbidden to list"))
    with pytest.raises(CacheNotReady, match="forbidden to list"):
        await CachedClient(Live(), cache).list(CONFIG_MAP)


# --- consistency ------------------------------------------------------------------------------


async def test_consistency_of_a_read(config_map, fill, monkeypatch) -> None:
    monkeypatch.setattr(cache_module, "CONSISTENCY_TIMEOUT", 0.01)
    cache = make()
    client = CachedClient(Live(), cache)
    (informer,) = cache.informers(CONFIG_MAP)
    fill(informer, "a")
    cache.wrote(CONFIG_MAP, config_map("a", "9"))

    async def version(consistency) -> str:
        read = await client.get(CONFIG_MAP, A, consistency=consistency)
        return read["metadata"]["resourceVersion"]

    assert await version(None) == "9"
    assert await version("overlay") == "9"
    assert await version("off") == "5"
    with pytest.raises(CacheNotReady):
        await version("wait")
    asyncio.get_running_loop().call_soon(
        informer.upsert, from_dict(CONFIG_MAP, config_map("a", "9"))
    )
    assert await version("wait") == "9"


def test_c42_gate_is_closed_until_every_watch_is_past_the_write(fill) -> None:
    cache = make()
    gate = VersionGate(cache)
    (informer,) = cache.informers(CONFIG_MAP)
    (labelled,) = cache.informers(CONFIG_MAP, label_scope({"a": "b"}))
    fill(informer, "a", version="5")
    fill(labelled, version="5")
    gate.wrote("owner", CONFIG_MAP, "8")
    gate.wrote("owner", CONFIG_MAP, "7")
    assert not gate.is_open("owner")
    assert gate.is_open("another")
    informer.bookmark("9")
    assert not gate.is_open("owner")
    labelled.bookmark("8")
    assert gate.is_open("owner")


def test_gate_does_not_wait_for_what_cannot_be_compared_or_is_not_watched(fill) -> None:
    cache = make()
    gate = VersionGate(cache)
    (informer,) = cache.informers(CONFIG_MAP)
    fill(informer, version="5")
    gate.wrote("owner", CONFIG_MAP, "opaque")
    gate.wrote("owner", SECRET, "99")
    assert gate.is_open("owner")
    gate.wrote("owner", CONFIG_MAP, "99")
    gate.forget("owner")
    assert gate.is_open("owner")


# --- life -------------------------------------------------------------------------------------


async def test_removed_informer_is_told_of_and_reads_go_live_again(fill) -> None:
    class Removals(CacheObserver):
        gone: list[Scope] = []  # noqa: RUF012 - one test

        def removed(self, resource, scope) -> None:
            self.gone.append(scope)

    removals = Removals()
    cache = make(CacheOptions(namespaces=("default",)), removals)
    client = CachedClient(Live(), cache)
    (informer,) = cache.informers(CONFIG_MAP)
    fill(informer, "a")
    cache.remove_informer(CONFIG_MAP)
    assert removals.gone == [Scope(namespace="default")]
    assert names([await client.get(CONFIG_MAP, A)]) == ["live a"]
    cache.remove_informer(CONFIG_MAP)
    assert len(removals.gone) == 1
