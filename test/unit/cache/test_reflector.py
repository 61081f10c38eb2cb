"""The reflector keeps a sink equal to the server through everything a server can do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from druid_operator.pkg.cache import Informer, ReflectorOptions
from druid_operator.pkg.cache.reflector import Reflector
from druid_operator.pkg.client import Scope
from druid_operator.pkg.clock import FakeClock
from druid_operator.pkg.errors import (
    Expired,
    Invalid,
    RequestNotSent,
    TooManyRequests,
    api_error,
)
from druid_operator.pkg.meta import NamespacedName
from druid_operator.pkg.scheme.builtin import CONFIG_MAP

FAST = ReflectorOptions(
    watch_timeout=30, watch_grace=0.05, bookmark_idle=0.05, initial_idle=0.05, short_watch=0.0
)
PAGED = ReflectorOptions(streaming_lists=False, bookmark_idle=0.05, short_watch=0.0)


class Harness:
    """An informer on a script, with waits that are recorded instead of slept."""

    def __init__(self, script: Any, options: ReflectorOptions) -> None:
        self.clock = FakeClock()
        self.slept: list[float] = []
        self.informer = Informer(CONFIG_MAP, Scope(), script, clock=self.clock, options=options)
        self.informer._reflector = Reflector(
            CONFIG_MAP, script, self.informer, clock=self.clock, options=options,
            sleep=self._sleep, rand=lambda: 0.0,
        )  # fmt: skip
        self.events: list[str] = []
        self.informer.add_handler(self)

    async def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        await asyncio.sleep(0)

    def on_change(self, change: Any, *, is_in_initial_list: bool) -> None:
        old, new = change.old, change.new
        if new is None:
            self.events.append(f"- {old.meta.name} {old.meta.uid}")
        elif old is None:
            self.events.append(f"+ {new.meta.name} {new.meta.resource_version}")
        else:
            self.events.append(f"~ {new.meta.name} {new.meta.resource_version}")

    @property
    def versions(self) -> dict[str, str]:
        return {o.meta.name: o.meta.resource_version for o in self.informer.list()}

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(5):
            while not condition():
                await asyncio.sleep(0.001)


@asynccontextmanager
async def running(script: Any, options: ReflectorOptions) -> AsyncIterator[Harness]:
    harness = Harness(script, options)
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(harness.informer.run())
        yield harness
        task.cancel()


async def test_streaming_list_fills_the_store_in_one_step(script, config_map, bookmark) -> None:
    script.watches = [
        [("ADDED", config_map("a", "5")), ("ADDED", config_map("b", "7")),
         bookmark("9", initial_end=True), ("MODIFIED", config_map("a", "11")), "hang"],
    ]  # fmt: skip
    async with running(script, FAST) as h:
        await h.until(lambda: h.versions == {"a": "11", "b": "7"})
    assert script.asked[0] == {"watch": "", "initial": True}
    assert h.events == ["+ a 5", "+ b 7", "~ a 11"]


async def test_stream_that_ends_before_the_end_bookmark_leaves_the_store_alone(
    script, config_map, bookmark
) -> None:
    script.watches = [
        [("ADDED", config_map("half", "5"))],
        [("ADDED", config_map("a", "6")), bookmark("7", initial_end=True), "hang"],
    ]
    async with running(script, FAST) as h:
        await h.until(lambda: h.informer.has_synced)
        assert h.versions == {"a": "6"}
    assert script.asked[1] == {"watch": "", "initial": True}


async def test_refused_streaming_list_falls_back_and_is_remembered(script, config_map) -> None:
    script.watches = [Invalid("sendInitialEvents is forbidden"), [Expired("too old")]]
    script.lists = [([config_map("a", "3")], "4", ""), ([config_map("a", "3")], "8", "")]
    async with running(script, FAST) as h:
        await h.until(lambda: len([a for a in script.asked if "list" in a]) == 2)
    assert script.asked == [
        {"watch": "", "initial": True},
        {"list": "0", "limit": 0, "continue": ""},
        {"watch": "4", "initial": False},
        {"list": "4", "limit": 0, "continue": ""},
        *script.asked[4:],
    ]


async def test_server_that_ignores_streaming_is_found_by_its_silence(script, config_map) -> None:
    script.watches = [[("ADDED", config_map("a", "3")), "hang"]]
    script.lists = [([config_map("a", "3")], "4", "")]
    async with running(script, FAST) as h:
        await h.until(lambda: h.informer.has_synced)
    assert h.versions == {"a": "3"}


async def test_cut_watch_resumes_from_the_last_version_without_a_list(script, config_map) -> None:
    script.lists = [([config_map("a", "3")], "4", "")]
    script.watches = [
        [("MODIFIED", config_map("a", "6")), RequestNotSent("cut")],
        [("MODIFIED", config_map("a", "7")), "hang"],
    ]
    async with running(script, PAGED) as h:
        await h.until(lambda: h.versions == {"a": "7"})
    assert [a for a in script.asked if "list" in a] == [{"list": "0", "limit": 0, "continue": ""}]
    assert script.asked[2] == {"watch": "6", "initial": False}
    assert h.slept == [0.8]


async def test_silent_stream_is_given_up_once_bookmarks_have_been_seen(
    script, config_map, bookmark
) -> None:
    script.lists = [([config_map("a", "3")], "4", "")]
    script.watches = [[bookmark("8"), "hang"], [("MODIFIED", config_map("a", "9")), "hang"]]
    async with running(script, PAGED) as h:
        await h.until(lambda: h.versions == {"a": "9"})
    assert script.asked[2] == {"watch": "8", "initial": False}


@pytest.mark.parametrize("where", ["on open", "in the stream"])
async def test_expired_watch_relists_once_and_tells_only_differences(
    script, config_map, where
) -> None:
    expired = Expired("too old resource version")
    script.lists = [
        ([config_map("gone", "1"), config_map("same", "2"), config_map("changed", "3")], "4", ""),
        ([config_map("same", "2"), config_map("changed", "8"), config_map("new", "9")], "10", ""),
    ]
    script.watches = [expired if where == "on open" else [expired]]
    async with running(script, PAGED) as h:
        await h.until(lambda: h.versions == {"same": "2", "changed": "8", "new": "9"})
        await h.until(lambda: len(h.events) == 7)
    assert h.events[3:] == ["- gone uid-gone", "~ same 2", "~ changed 8", "+ new 9"]
    assert {"watch": "10", "initial": False} in script.asked
    assert script.asked.count({"watch": "4", "initial": False}) == 1


async def test_namesake_is_a_deletion_and_a_creation(script, config_map) -> None:
    script.lists = [([config_map("a", "3", uid="first")], "4", ""),
                    ([config_map("a", "8", uid="second")], "9", "")]  # fmt: skip
    script.watches = [[Expired("old")]]
    async with running(script, PAGED) as h:
        await h.until(lambda: len(h.events) == 3)
    assert h.events == ["+ a 3", "- a first", "+ a 8"]


async def test_expired_continue_token_lists_again_in_one_piece(script, config_map) -> None:
    script.lists = [
        RequestNotSent("first"),
        ([config_map("a", "1")], "4", "token"),
        Expired("continue token too old"),
        ([config_map("a", "1"), config_map("b", "5")], "6", ""),
    ]
    async with running(script, PAGED) as h:
        await h.until(lambda: h.informer.has_synced)
    assert h.versions == {"a": "1", "b": "5"}


async def test_too_large_version_asks_for_the_newest_and_never_goes_back(
    script, config_map
) -> None:
    too_large = api_error(504, {
        "reason": "Timeout", "message": "Too large resource version: 90, current: 70",
        "details": {"causes": [{"reason": "ResourceVersionTooLarge"}]},
    })  # fmt: skip
    script.lists = [([config_map("a", "80")], "90", ""), too_large,
                    ([config_map("a", "91")], "92", "")]  # fmt: skip
    script.watches = [[Expired("old")]]
    async with running(script, PAGED) as h:
        await h.until(lambda: h.versions == {"a": "91"})
    assert [a["list"] for a in script.asked if "list" in a] == ["0", "90", ""]
    assert h.slept == []


async def test_throttled_watch_waits_as_told_and_does_not_list(script, config_map) -> None:
    script.lists = [([config_map("a", "3")], "4", "")]
    script.watches = [TooManyRequests("slow down", retry_after=7.0),
                      [("MODIFIED", config_map("a", "5")), "hang"]]  # fmt: skip
    async with running(script, PAGED) as h:
        await h.until(lambda: h.versions == {"a": "5"})
    assert h.slept == [7.0]
    assert len([a for a in script.asked if "list" in a]) == 1


async def test_server_that_closes_each_watch_at_once_is_asked_ever_less(script, config_map) -> None:
    options = ReflectorOptions(streaming_lists=False, short_watch=1.0)
    script.lists = [([config_map("a", "3")], "4", "")]
    script.watches = [[] for _ in range(6)]
    async with running(script, options) as h:
        await h.until(lambda: len(h.slept) == 6)
    assert h.slept == [0.8, 1.6, 3.2, 6.4, 12.8, 25.6]


async def test_bookmark_advances_the_version_and_stores_nothing(
    script, config_map, bookmark
) -> None:
    script.lists = [([config_map("a", "3")], "4", "")]
    script.watches = [[bookmark("50")], "live"]
    async with running(script, PAGED) as h:
        await h.until(lambda: {"watch": "50", "initial": False} in script.asked)
        assert len(h.informer) == 1


async def test_managed_fields_are_stripped_and_each_read_is_a_private_copy(
    script, config_map
) -> None:
    script.lists = [([config_map("a", "3")], "4", "")]
    async with running(script, PAGED) as h:
        await h.until(lambda: h.informer.has_synced)
        stored = h.informer.get(NamespacedName("default", "a"))
    assert stored is not None
    first = stored.to_dict()
    assert "managedFields" not in first["metadata"]
    first["data"]["v"] = "changed by a careless reader"
    assert stored.to_dict()["data"]["v"] == "3"
