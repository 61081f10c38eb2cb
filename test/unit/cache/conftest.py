"""A scripted API server for reflectors: each list and each watch plays the next act of a script."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import attrs
import orjson
import pytest

from druid_operator.pkg.client import Frame, Page
from druid_operator.pkg.meta import JSON


def config_map(name: str, version: str, *, uid: str = "", data: str = "") -> JSON:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": name,
            "namespace": "default",
            "uid": uid or f"uid-{name}",
            "resourceVersion": version,
            "labels": {"app": "druid"},
            "managedFields": [{"manager": "x"}],
        },
        "data": {"v": data or version},
    }


@attrs.define
class Script:
    """Acts: an exception to raise, a page or frames to answer. A watch without an act hangs."""

    lists: list[Any] = attrs.field(factory=list)
    watches: list[Any] = attrs.field(factory=list)
    asked: list[dict[str, Any]] = attrs.field(factory=list)
    live: asyncio.Queue[Any] = attrs.field(factory=asyncio.Queue)

    async def list_page(self, *, resource_version: str, limit: int, continue_token: str) -> Page:
        self.asked.append({"list": resource_version, "limit": limit, "continue": continue_token})
        act = self.lists.pop(0)
        if isinstance(act, Exception):
            raise act
        items, version, token = act
        return Page(tuple(orjson.dumps(i) for i in items), version, token)

    @asynccontextmanager
    async def watch(
        self, *, resource_version: str, send_initial_events: bool, timeout_seconds: int
    ) -> AsyncIterator[AsyncIterator[Frame]]:
        self.asked.append({"watch": resource_version, "initial": send_initial_events})
        act = self.watches.pop(0) if self.watches else "live"
        if isinstance(act, Exception):
            raise act
        yield self._play(act)

    @staticmethod
    def end(version: str) -> tuple[str, JSON]:
        """The bookmark at the end of a streaming list."""
        return bookmark(version, initial_end=True)

    async def _play(self, act: Any) -> AsyncIterator[Frame]:
        if act == "live":
            while True:
                item = await self.live.get()
                if item is None:
                    return
                yield _frame(*item)
        for item in act:
            if item == "hang":
                await asyncio.Event().wait()
            elif isinstance(item, Exception):
                raise item
            else:
                yield _frame(*item)


def _frame(kind: str, obj: JSON) -> Frame:
    return Frame(kind, orjson.dumps(obj))


def bookmark(version: str, *, initial_end: bool = False) -> tuple[str, JSON]:
    metadata: JSON = {"resourceVersion": version}
    if initial_end:
        metadata["annotations"] = {"k8s.io/initial-events-end": "true"}
    return ("BOOKMARK", {"kind": "ConfigMap", "apiVersion": "v1", "metadata": metadata})


@pytest.fixture
def script() -> Script:
    return Script()


@pytest.fixture(name="config_map")
def _config_map() -> Callable[..., JSON]:
    return config_map


@pytest.fixture(name="bookmark")
def _bookmark() -> Callable[..., tuple[str, JSON]]:
    return bookmark
