"""Reads from the cache, with and without own writes that the watch has not shown yet."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

import orjson
from objects import (
    SIZES,
    THING,
    ScriptedTransport,
    build_object,
    chunked,
    end_of_list,
    line,
)
from paired import Pair, Prepare, Work, unprepared

from druid_operator.pkg.cache import Cache, CachedClient
from druid_operator.pkg.client import RestClient, RestListWatch, Scope, Transport
from druid_operator.pkg.clock import SystemClock
from druid_operator.pkg.meta import JSON, NamespacedName
from druid_operator.pkg.scheme import Scheme

BASELINE = "orjson over the stored bytes of a dict: the copy that the caller gets"


def pairs(count: int) -> Iterator[Pair]:
    for label, size in SIZES.items():
        objects = [build_object(i, size) for i in range(count)]
        keys = [NamespacedName.of(obj) for obj in objects]
        for own_writes in (0, min(1000, count)):
            written = f", {own_writes} own writes ahead of the watch" if own_writes else ""
            yield Pair(
                f"get, {label}{written}", "read", _gets(objects, keys, own_writes),
                _baseline(objects, keys), BASELINE,
            )  # fmt: skip


def _gets(objects: list[JSON], keys: list[NamespacedName], own_writes: int) -> Prepare:
    listed = chunked(b"".join(line("ADDED", o) for o in objects) + end_of_list())

    @contextmanager
    def prepare() -> Iterator[Work]:
        transport = cast("Transport", ScriptedTransport(listed))
        cache = Cache(
            transport,
            clock=SystemClock(),
            list_watch=lambda resource, scope, _only: RestListWatch(transport, resource, scope),
        )
        client = CachedClient(RestClient(transport, Scheme(resources=[THING])), cache)
        cache.informers(THING, Scope())

        async def fill() -> None:
            starting.append(asyncio.create_task(cache.start()))
            await cache.wait_for_sync()

        async def read() -> int:
            for key in keys:
                await client.get(THING, key)
            return len(keys)

        starting: list[asyncio.Task[None]] = []
        with asyncio.Runner() as runner:
            runner.run(fill())
            for obj in objects[:own_writes]:
                newer = {**obj["metadata"], "resourceVersion": "2000000"}
                cache.wrote(THING, {**obj, "metadata": newer})
            yield lambda: runner.run(read())

    return prepare


def _baseline(objects: list[JSON], keys: list[NamespacedName]) -> Prepare:
    stored = {}
    for obj in objects:
        metadata = {k: v for k, v in obj["metadata"].items() if k != "managedFields"}
        stored[NamespacedName.of(obj)] = orjson.dumps({**obj, "metadata": metadata})

    def work() -> int:
        for key in keys:
            orjson.loads(stored[key])
        return len(keys)

    return unprepared(work)
