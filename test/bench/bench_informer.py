"""From bytes of a watch to objects in the store; no network."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, cast

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
from paired import Pair, Prepare, Work, in_loop, unprepared

from druid_operator.pkg.cache import Informer
from druid_operator.pkg.client import RestListWatch, Scope, Transport
from druid_operator.pkg.clock import SystemClock
from druid_operator.pkg.meta import JSON, NamespacedName

BASELINE = "lines split and decoded by orjson into a dict of dicts"


def pairs(count: int) -> Iterator[Pair]:
    for label, size in SIZES.items():
        objects = [build_object(i, size) for i in range(count)]
        listed = chunked(b"".join(line("ADDED", o) for o in objects) + end_of_list())
        yield Pair(
            f"first list, {label}", "object", _lists(listed, count),
            _baseline_lists(listed, count), BASELINE,
        )  # fmt: skip
        changed = [build_object(i, size, version=i + 2) for i in range(count)]
        events = chunked(b"".join(line("MODIFIED", o) for o in changed))
        yield Pair(
            f"watch event, {label}", "event", _events(listed, events, count),
            _baseline_events(listed, events, count), BASELINE,
        )  # fmt: skip


def informer_of(script: Iterable[bytes] | AsyncIterator[bytes]) -> Informer:
    """One over a scripted watch; ``run`` it."""
    transport = cast("Transport", ScriptedTransport(script))
    source = RestListWatch(transport, THING, Scope())
    return Informer(THING, Scope(), source, clock=SystemClock())


async def filled(
    *scripts: Iterable[bytes] | AsyncIterator[bytes],
) -> tuple[Informer, asyncio.Task[None]]:
    informer = informer_of(*scripts)
    running = asyncio.create_task(informer.run())
    await informer.wait_for_sync()
    return informer, running


def _lists(listed: list[bytes], count: int) -> Prepare:
    async def run() -> int:
        informer, running = await filled(listed)
        assert len(informer) == count
        running.cancel()
        return count

    return in_loop(run)


def _events(listed: list[bytes], events: list[bytes], count: int) -> Prepare:
    """Only the events are timed: the list before them runs while the work is made ready."""
    last = NamespacedName(f"team-{(count - 1) % 20}", f"thing-{count - 1:05}")

    @contextmanager
    def prepare() -> Iterator[Work]:
        gate = asyncio.Event()

        async def gated() -> AsyncIterator[bytes]:
            for chunk in listed:
                yield chunk
            await gate.wait()
            for chunk in events:
                yield chunk

        async def finish() -> int:
            gate.set()
            while informer.get(last).meta.resource_version == before:
                await asyncio.sleep(0)
            return count

        with asyncio.Runner() as runner:
            informer, _running = runner.run(filled(gated()))
            before = informer.get(last).meta.resource_version
            yield lambda: runner.run(finish())

    return prepare


def _baseline_lists(listed: list[bytes], count: int) -> Prepare:
    def work() -> int:
        assert len(decode_into({}, listed)) == count
        return count

    return unprepared(work)


def _baseline_events(listed: list[bytes], events: list[bytes], count: int) -> Prepare:
    @contextmanager
    def prepare() -> Iterator[Work]:
        store = decode_into({}, listed)

        def work() -> int:
            decode_into(store, events)
            return count

        yield work

    return prepare


def decode_into(store: dict[tuple[str, str], JSON], chunks: Iterable[bytes]) -> Any:
    rest = b""
    for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        for encoded in lines:
            event = orjson.loads(encoded)
            obj = event["object"]
            metadata = obj["metadata"]
            if event["type"] != "BOOKMARK":
                metadata.pop("managedFields", None)
                store[metadata["namespace"], metadata["name"]] = obj
    return store
