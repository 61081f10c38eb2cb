"""An informer tells each listener of each change, and knows which changes are our own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from druid_operator.pkg.cache import Change, Informer
from druid_operator.pkg.cache.stored_object import from_dict
from druid_operator.pkg.client import Scope
from druid_operator.pkg.clock import FakeClock
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
