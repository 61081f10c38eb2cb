"""ConfigMaps that a spec refers to: a bad reference hurts the object that has it and no other."""

from __future__ import annotations

import asyncio
from typing import Any

import attrs
import pytest

from druid_operator.internal.controller.druid import references
from druid_operator.internal.controller.druid.references import ReferencedConfigMaps
from druid_operator.pkg.errors import Forbidden, NotFound, ServerTimeout
from druid_operator.pkg.meta import NamespacedName
from druid_operator.pkg.source import Channel

USER, OTHER = NamespacedName("ns", "tiny"), NamespacedName("ns", "other")
EXTRA = NamespacedName("elsewhere", "extra")


@attrs.define
class Informer:
    syncs: bool
    last_error: Exception | None = None

    def add_handler(self, handler: Any) -> None: ...

    async def wait_for_sync(self) -> None:
        if not self.syncs:
            await asyncio.Event().wait()


@attrs.define
class Cache:
    """Informers by scope; nothing is in them."""

    syncs: bool = True
    open: dict[Any, Informer] = attrs.field(factory=dict)

    def informers(self, resource: Any, scope: Any) -> list[Informer]:
        return [self.open.setdefault(scope, Informer(self.syncs))]

    def remove_informer(self, resource: Any, scope: Any) -> None:
        del self.open[scope]

    def get(self, resource: Any, key: NamespacedName) -> None:
        return None


@attrs.define
class Live:
    error: Exception
    asked: int = 0

    async def get(self, resource: Any, key: NamespacedName) -> None:
        self.asked += 1
        raise self.error


def references_to(cache: Cache, live: Live) -> ReferencedConfigMaps:
    return ReferencedConfigMaps(cache, live, Channel("test"))  # type: ignore[arg-type] # doubles


async def test_a_reference_that_may_not_be_read_fails_at_once_and_leaves_no_watch() -> None:
    cache = Cache()
    refs = references_to(cache, Live(Forbidden("no")))
    with pytest.raises(Forbidden):
        await refs.read(USER, [EXTRA])
    assert cache.open == {}


async def test_a_watch_that_does_not_answer_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(references, "SYNC_TIMEOUT_SECONDS", 0.01)
    cache = Cache(syncs=False)
    refs = references_to(cache, Live(NotFound("none")))
    with pytest.raises(ServerTimeout, match="elsewhere/extra"):
        await refs.read(USER, [EXTRA])
    assert cache.open == {}


async def test_one_watch_serves_all_who_refer_to_it_until_the_last_is_gone() -> None:
    cache, live = Cache(), Live(NotFound("none"))
    refs = references_to(cache, live)
    for user in (USER, OTHER, USER):
        assert await refs.read(user, [EXTRA]) == {}
    assert (len(cache.open), live.asked) == (1, 1)
    refs.forget(USER)
    assert len(cache.open) == 1
    await refs.read(OTHER, [])
    assert cache.open == {}
