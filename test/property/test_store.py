"""A store against the server it mirrors, after random writes and random faults between them."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import attrs
import orjson
import pytest

from druid_operator.pkg.cache import Cache, CacheOptions, Change, ReflectorOptions, label_scope
from druid_operator.pkg.client import RestClient, RestConfig, Transport, merge_patch
from druid_operator.pkg.clock import SystemClock
from druid_operator.pkg.envtest.apiserver.faults import Cut, Reply
from druid_operator.pkg.envtest.apiserver.server import EmbeddedAPIServer
from druid_operator.pkg.envtest.eventually import eventually
from druid_operator.pkg.envtest.proxy import FaultProxy, Shut, Truncate
from druid_operator.pkg.errors import APIError, Expired
from druid_operator.pkg.meta import JSON, NamespacedName
from druid_operator.pkg.scheme import Scheme
from druid_operator.pkg.scheme.builtin import CONFIG_MAP

NAMESPACE = "default"
NAMES = [f"object-{index}" for index in range(12)]
#: The store under test sees a part of the kind, so that objects also come and go by their labels.
SELECTED = {"seen": "yes"}
OPTIONS = ReflectorOptions(
    watch_timeout=1.0, watch_grace=0.2, bookmark_idle=0.5, initial_idle=0.5, page_size=3,
    short_watch=0.05, backoff=0.005, backoff_cap=0.05,
)  # fmt: skip
EXPIRED = orjson.dumps(Expired("too old resource version").to_status())


@attrs.define
class Ledger:
    """A handler that keeps a store of its own from nothing but what it is told.

    Every change must fit what was told before: nothing is added twice, changed or removed without
    having been there, and a change never mixes two objects of one name.
    """

    objects: dict[NamespacedName, tuple[str, str]] = attrs.field(factory=dict)

    def on_change(self, change: Change, *, is_in_initial_list: bool) -> None:
        old, new = change.old, change.new
        if old is not None:
            uid, version = self.objects.pop(old.key)
            assert uid == old.meta.uid
            # A DELETED event carries the version of the deletion.
            assert int(version) <= int(old.meta.resource_version)
        if new is not None:
            assert new.key not in self.objects
            assert old is None or (old.key, old.meta.uid) == (new.key, new.meta.uid)
            self.objects[new.key] = (new.meta.uid, new.meta.resource_version)


@asynccontextmanager
async def world(streaming: bool) -> AsyncIterator[tuple[EmbeddedAPIServer, FaultProxy, Cache]]:
    async with (
        EmbeddedAPIServer(bookmark_period=0.1) as server,
        FaultProxy(RestConfig(host=server.url)) as proxy,
    ):
        transport = Transport(proxy.rest_config())
        options = CacheOptions(
            namespaces=(NAMESPACE,), reflector=attrs.evolve(OPTIONS, streaming_lists=streaming)
        )
        cache = Cache(transport, clock=SystemClock(), options=options)
        try:
            yield server, proxy, cache
        finally:
            await transport.close()


async def write(client: RestClient, draw: random.Random) -> None:
    key = NamespacedName(NAMESPACE, draw.choice(NAMES))
    labels = {"seen": draw.choice(["yes", "yes", "no"])}
    metadata: JSON = {"name": key.name, "namespace": key.namespace, "labels": labels}
    body: JSON = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}
    with contextlib.suppress(APIError):  # not found, exists already: a write like any other
        match draw.randrange(4):
            case 0:
                await client.delete(CONFIG_MAP, key)
            case 1:
                await client.create(body)
            case _:
                patch = merge_patch({"data": {"n": str(draw.random())}, "metadata": metadata})
                await client.patch(CONFIG_MAP, key, patch)


async def break_something(
    server: EmbeddedAPIServer, proxy: FaultProxy, draw: random.Random
) -> None:
    match draw.randrange(10):
        case 0:
            proxy.cut_watches()
        case 1:
            proxy.cut_in_next_line()
        case 2:
            proxy.stall_watches()
        case 3:
            server.store.compact()
            proxy.cut_watches()
        case 4:
            await proxy.say(b'{"type":"ERROR","object":' + EXPIRED + b"}")
        case 5:
            proxy.faults.inject(Truncate(draw.randrange(4)), match=lambda r: r.verb == "watch")
            proxy.cut_watches()
        case 6:
            proxy.faults.inject(Shut(), match=lambda r: r.verb == "watch")
            proxy.cut_watches()
        case 7:
            code = draw.choice([410, 429, 500, 503])
            proxy.faults.inject(Reply(code, EXPIRED if code == 410 else None, retry_after=None))
            proxy.cut_watches()
        case 8:
            proxy.faults.inject(Cut(), times=draw.randrange(1, 4))
            proxy.cut_watches()
        case 9:
            proxy.go_down()
            await asyncio.sleep(draw.random() * 0.02)
            proxy.come_up()


@pytest.mark.parametrize("streaming", [True, False], ids=["streaming", "paged"])
@pytest.mark.parametrize("seed", range(6))
async def test_store_equals_server_after_random_writes_and_faults(
    seed: int, streaming: bool
) -> None:
    """And what its handlers were told adds up to the same."""
    draw = random.Random(seed)
    ledger = Ledger()
    async with world(streaming) as (server, proxy, cache):
        direct = Transport(RestConfig(host=server.url))
        client = RestClient(direct, Scheme())
        (informer,) = cache.informers(CONFIG_MAP, label_scope(SELECTED))
        informer.add_handler(ledger)
        running = asyncio.ensure_future(cache.start())
        newest = 0
        for _ in range(120):
            await write(client, draw)
            if draw.random() < 0.15:
                await break_something(server, proxy, draw)
            version = int(informer.version or 0)
            assert version >= newest, "the version never goes back"
            newest = version
        proxy.faults.clear()

        async def same() -> bool:
            listed = await client.list(CONFIG_MAP, namespace=NAMESPACE, labels=SELECTED)
            truth = {
                NamespacedName.of(o): (o["metadata"]["uid"], o["metadata"]["resourceVersion"])
                for o in listed
            }
            stored = {o.key: (o.meta.uid, o.meta.resource_version) for o in informer.list()}
            return truth == stored == ledger.objects

        await eventually(same, timeout=20, what=f"store, ledger and server agree (seed {seed})")
        await direct.close()
        running.cancel()
        await asyncio.wait([running])
        assert running.cancelled(), running.exception()
