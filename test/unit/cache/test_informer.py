"""An informer tells each listener of each change, and knows which changes are our own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from druid_operator.pkg.cache import CacheObserver, Change, Informer, ReflectorOptions
from druid_operator.pkg.cache.stored_object import from_dict
from druid_operator.pkg.client import NotConnected, Scope
from druid_operator.pkg.clock import FakeClock
from druid_operator.pkg.errors import (
    Expired,
    RequestNotSent,
    ServiceUnavailable,
    TooManyRequests,
)
from druid_operator.pkg.meta import NamespacedName
from druid_operator.pkg.scheme.builtin import CONFIG_MAP


class Listening:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.changes: list[Change] = []
        self.initial: list[str] = []

    def on_change(self, change: Change, *, is_in_initial_list: bool) -> None:
        self.changes.append(change)
        if is_in_initial_list and change.new is not None:
            self.initial.append(change.new.meta.name)


@pytest.fixture
def informer(script) -> Informer:
    return Informer(CONFIG_MAP, Scope(), script, clock=FakeClock())


@asynccontextmanager
async def running(informer: Informer, *lists: object) -> AsyncIterator[None]:
    """The reflector is answered by nothing: the test is the sink's caller."""
    task = asyncio.ensure_future(informer.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


async def test_echo_of_our_own_write_is_marked_as_such(informer, config_map) -> None:
    heard = Listening()
    informer.add_handler(heard)
    async with running(informer):
        informer.replace([from_dict(CONFIG_MAP, config_map("a", "5"))], "5")
        informer.wrote(from_dict(CONFIG_MAP, config_map("a", "8")))
        for version in ("7", "8", "9"):
            informer.upsert(from_dict(CONFIG_MAP, config_map("a", version)))
        await asyncio.sleep(0)
    told = {c.new.meta.resource_version: c.own_write for c in heard.changes if c.new}
    assert told == {"5": False, "7": False, "8": True, "9": False}


async def test_late_listener_is_told_first_what_is_there(informer, config_map) -> None:
    async with running(informer):
        informer.replace([from_dict(CONFIG_MAP, config_map(n, "5")) for n in "ab"], "5")
        late = Listening()
        listener = informer.add_handler(late)
        informer.upsert(from_dict(CONFIG_MAP, config_map("c", "6")))
        await asyncio.wait_for(listener.handled_initial.wait(), 5)
        await asyncio.sleep(0)
    assert late.initial == ["a", "b"]
    assert [c.new.meta.name for c in late.changes if c.new] == ["a", "b", "c"]


async def until(condition) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.001)


class Noting(CacheObserver):
    """Keeps what it is told of what goes wrong."""

    def __init__(self) -> None:
        self.errors: list[str] = []
        self.reasons: list[str] = []

    def handler_error(self, resource, error) -> None:
        self.errors.append(str(error))

    def transform_error(self, resource, key, error) -> None:
        self.errors.append(f"{key}: {error}")

    def watch_error(self, resource, scope, error) -> None:
        self.errors.append(str(error))

    def relisting(self, resource, scope, reason) -> None:
        self.reasons.append(f"list: {reason}")

    def restarting(self, resource, scope, reason) -> None:
        self.reasons.append(f"watch: {reason}")


async def test_handler_that_raises_is_told_of_the_next_change(script, config_map) -> None:
    noting = Noting()
    informer = Informer(CONFIG_MAP, Scope(), script, clock=FakeClock(), observer=noting)
    heard = Listening()

    class Picky(Listening):
        def on_change(self, change, *, is_in_initial_list):
            if change.new.meta.name == "odd":
                raise ValueError("an odd one")
            super().on_change(change, is_in_initial_list=is_in_initial_list)

    picky = Picky()
    informer.add_handler(picky)
    informer.add_handler(heard)
    async with running(informer):
        informer.replace([from_dict(CONFIG_MAP, config_map(n, "5")) for n in ("odd", "even")], "5")
        await until(lambda: len(heard.changes) == 2 and picky.changes)
    assert picky.initial == ["even"]
    assert noting.errors == ["an odd one"]


async def test_slow_asynchronous_handler_is_awaited_and_delays_nobody(script, config_map) -> None:
    informer = Informer(CONFIG_MAP, Scope(), script, clock=FakeClock())
    go_on, order = asyncio.Event(), []

    class Slow:
        async def on_change(self, change, *, is_in_initial_list) -> None:
            order.append(f"begin {change.new.meta.name}")
            await go_on.wait()
            order.append(f"end {change.new.meta.name}")

    heard = Listening()
    slow = informer.add_handler(Slow())
    informer.add_handler(heard)
    async with running(informer):
        informer.replace([from_dict(CONFIG_MAP, config_map(n, "5")) for n in "ab"], "5")
        await until(lambda: len(heard.changes) == 2 and order)
        assert order == ["begin a"]
        assert informer.listener_depth == 2
        assert not slow.handled_initial.is_set()
        go_on.set()
        await slow.handled_initial.wait()
    assert order == ["begin a", "end a", "begin b", "end b"]


async def test_resync_shows_everything_as_it_is(script, config_map) -> None:
    informer = Informer(CONFIG_MAP, Scope(), script, clock=FakeClock(), resync_period=0.01)
    heard = Listening()
    informer.add_handler(heard)
    async with running(informer):
        informer.replace([from_dict(CONFIG_MAP, config_map(n, "5")) for n in "ab"], "5")
        await until(lambda: len(heard.changes) >= 6)
    again = heard.changes[2:6]
    assert [c.new.meta.name for c in again] == ["a", "b", "a", "b"]
    assert all(c.old is c.new for c in again)


async def test_objects_are_stored_as_the_transform_makes_them(script, config_map) -> None:
    noting = Noting()

    def without_data(obj):
        if obj["metadata"]["name"] == "odd":
            raise KeyError("no such thing")
        return {**obj, "data": {}}

    informer = Informer(
        CONFIG_MAP, Scope(), script, clock=FakeClock(), observer=noting, transform=without_data
    )
    script.watches = [[
        ("ADDED", config_map("a", "3")), ("ADDED", config_map("odd", "3")),
        script.end("5"), "hang",
    ]]  # fmt: skip
    async with running(informer):
        await asyncio.wait_for(informer.wait_for_sync(), 5)
        informer.wrote(from_dict(CONFIG_MAP, config_map("b", "9")))
        found = {o.meta.name: o.to_dict()["data"] for o in informer.list()}
    assert found == {"a": {}, "odd": {"v": "3"}, "b": {}}
    assert noting.errors == ["default/odd: 'no such thing'"]


async def test_metadata_informer_becomes_a_full_one_on_request(script, config_map) -> None:
    """A kind watched for its metadata and read in full costs one watch, not two."""
    partial = type(script)()
    informer = Informer(CONFIG_MAP, Scope(), script, clock=FakeClock(), metadata_source=partial)
    everything = [("ADDED", config_map("a", "3")), script.end("5"), "hang"]
    partial.watches = [list(everything)]
    script.watches = [list(everything)]
    async with running(informer):
        await asyncio.wait_for(informer.wait_for_sync(), 5)
        (light,) = informer.list()
        assert set(light.to_dict()) == {"apiVersion", "kind", "metadata"}
        informer.want_full()
        assert not informer.has_synced
        await asyncio.wait_for(informer.wait_for_sync(), 5)
        (full,) = informer.list()
    assert full.to_dict()["data"] == {"v": "3"}
    assert light.meta == full.meta


async def test_settling_waits_for_the_writes_there_are_and_no_others(informer, config_map) -> None:
    def written(name: str, version: str) -> None:
        informer.wrote(from_dict(CONFIG_MAP, config_map(name, version)))

    async with running(informer):
        informer.replace([], "1")
        await asyncio.wait_for(informer.settle(NamespacedName("", "")), 1)
        written("a", "5")
        written("b", "6")
        one = asyncio.ensure_future(informer.settle(NamespacedName("default", "a")))
        every = asyncio.ensure_future(informer.settle(NamespacedName("", "")))
        await asyncio.sleep(0)
        written("a", "9")
        informer.bookmark("5")
        await asyncio.wait_for(one, 1)
        assert not every.done()
        informer.bookmark("6")
        await asyncio.wait_for(every, 1)
    assert informer.overlay_size == 1


async def test_why_it_lists_and_watches_again_is_told(script, config_map) -> None:
    noting = Noting()
    options = ReflectorOptions(
        backoff=0.001, backoff_cap=0.001, short_watch=0.0, bookmark_idle=0.05
    )
    informer = Informer(
        CONFIG_MAP, Scope(), script, clock=FakeClock(), options=options, observer=noting
    )
    script.watches = [
        [script.end("5")],
        [("ADDED", config_map("a", "6")), RequestNotSent("the connection broke")],
        NotConnected("nobody there"),
        ServiceUnavailable("the balancer has no server"),
        TooManyRequests("slow down", retry_after=0.001),
        [script.end("7"), "hang"],
        [Expired("too old")],
        [script.end("9"), "hang"],
    ]
    async with running(informer):
        await until(lambda: len(noting.reasons) == 7 and informer.version == "9")
    assert noting.reasons == [
        "watch: eof", "watch: cut", "watch: refused", "watch: refused", "watch: throttled",
        "watch: silent", "list: expired",
    ]  # fmt: skip
