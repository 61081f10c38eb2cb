"""C01 to C16: a store stays equal to the server through everything a server and a network do."""

from __future__ import annotations

import asyncio
import math
from itertools import pairwise

import orjson
import pytest

from druid_operator.pkg.client import RestListWatch, Scope, listwatch, merge_patch
from druid_operator.pkg.envtest.apiserver.faults import Reply
from druid_operator.pkg.envtest.environment import Environment
from druid_operator.pkg.envtest.eventually import eventually
from druid_operator.pkg.envtest.proxy import FaultProxy, ProxiedRequest, Shut, Truncate
from druid_operator.pkg.errors import APIError, Expired
from druid_operator.pkg.scheme.builtin import CONFIG_MAP

pytestmark = pytest.mark.usefixtures("no_leaked_task")

EXPIRED = Expired("too old resource version: 1 (2)").to_status()
EXPIRED_FRAME = orjson.dumps({"type": "ERROR", "object": EXPIRED})
EXPIRED_ANSWER = Reply(410, orjson.dumps(EXPIRED))


def too_large(version: str) -> Reply:
    """As a kube-apiserver answers when its watch cache has not come that far."""
    cause = {"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}
    status = {
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": f"Too large resource version: {version}, current: 1", "reason": "Timeout",
        "details": {"causes": [cause], "retryAfterSeconds": 1}, "code": 504,
    }  # fmt: skip
    return Reply(504, orjson.dumps(status), retry_after=1)


def is_watch(request: ProxiedRequest) -> bool:
    return request.is_watch


def is_list(request: ProxiedRequest) -> bool:
    return request.is_list


def is_streaming_list(request: ProxiedRequest) -> bool:
    return request.is_streaming_list


async def test_c01_watch_cut_in_the_middle_of_a_line(objects, proxy: FaultProxy, watch) -> None:
    """The half line is dropped; the next watch goes on from the last version; nothing is listed
    again; the object is seen once."""
    await objects.create("a")
    watched = await watch()
    last = watched.version
    proxy.cut_in_next_line()
    await objects.create("b")
    await watched.equals(objects)
    assert watched.told == ["+ a", "+ b"]
    assert len(watched.lists) == 1
    assert [w.version for w in watched.watches] == [last]


async def test_c02_stream_goes_silent_after_a_bookmark(objects, proxy: FaultProxy, watch) -> None:
    """A stream that has shown a bookmark and then nothing is given up after the idle time, and what
    was missed arrives."""
    await objects.create("a")
    watched = await watch(bookmark_idle=0.4)
    proxy.stall_watches()
    await objects.create("missed")
    began = asyncio.get_running_loop().time()
    await watched.equals(objects, timeout=5)
    assert asyncio.get_running_loop().time() - began < 5
    assert len(watched.lists) == 1
    assert watched.told == ["+ a", "+ missed"]


async def test_c03_stream_is_silent_before_any_bookmark(objects, proxy: FaultProxy, watch) -> None:
    """Without a bookmark silence means nothing: the stream is given up at the server's time limit
    plus a grace. Meanwhile the age of the last sign of life grows."""
    await objects.create("a")
    proxy.hold_watches()
    watched = await watch(
        streaming_lists=False, watch_timeout=1.0, watch_grace=0.3, bookmark_idle=0.05, sync=False
    )
    await watched.informer.wait_for_sync()
    await watched.open()
    alive = watched.informer.last_activity
    await objects.create("missed")
    await eventually(lambda: watched.informer.last_error is not None, timeout=5)
    assert watched.informer.last_activity == alive
    assert watched.watches[-1].at - watched.watches[0].at < 3.0
    proxy.release_watches()
    await watched.equals(objects)
    assert watched.informer.last_activity > alive
    assert len(watched.lists) == 1


@pytest.mark.parametrize("streaming", [True, False])
async def test_c04_410_when_a_watch_is_opened(
    objects, proxy: FaultProxy, watch, streaming: bool
) -> None:
    """One new list, and only what differs is told as a change."""
    await objects.create("same", "changed", "gone")
    watched = await watch(streaming_lists=streaming)
    told = len(watched.differences)
    proxy.faults.inject(EXPIRED_ANSWER, match=is_watch)
    proxy.go_down()
    await objects.change("changed")
    await objects.delete("gone")
    await objects.create("new")
    proxy.come_up()
    await watched.equals(objects)
    assert watched.differences[told:] == ["- gone", "~ changed", "+ new"]
    assert len([r for r in watched.lists if r.status == 200]) == 2


async def test_c05_410_in_the_middle_of_a_stream(objects, proxy: FaultProxy, watch) -> None:
    """As C04, and the version that expired starts no further watch."""
    await objects.create("same", "changed")
    watched = await watch(streaming_lists=False)
    expired = watched.version
    proxy.stall_watches()
    await objects.change("changed")
    await proxy.say(EXPIRED_FRAME)
    await watched.equals(objects)
    await eventually(lambda: len(watched.watches) == 2)
    assert len(watched.lists) == 2
    assert watched.differences == ["+ changed", "+ same", "~ changed"]
    assert [w.version for w in watched.watches].count(expired) == 1


async def test_c05_410_for_every_version(objects, proxy: FaultProxy, watch) -> None:
    """A server that forgets each version at once is not asked for lists in a busy loop."""
    await objects.create("a")
    proxy.faults.inject(EXPIRED_ANSWER, match=is_watch, times=math.inf)
    watched = await watch(streaming_lists=False, sync=False, backoff=0.05, backoff_cap=10.0)
    await eventually(lambda: len(watched.lists) >= 5)
    gaps = [after.at - before.at for before, after in pairwise(watched.lists)]
    assert all(gaps[i + 2] > gaps[i] for i in range(len(gaps) - 2)), gaps
    proxy.faults.clear()
    await watched.equals(objects)


async def test_c06_410_for_a_continue_token(objects, proxy: FaultProxy, watch) -> None:
    """The list is read again in one piece, with no object twice and none left out."""
    names = [f"object-{index}" for index in range(9)]
    await objects.create(*names)
    proxy.faults.inject(EXPIRED_ANSWER, match=lambda r: "continue" in r.query, skip=1)
    # Only a list from the newest version comes in pages: make it so by refusing any other.
    proxy.faults.inject(too_large("0"), match=lambda r: r.is_list and r.version == "0")
    watched = await watch(streaming_lists=False, page_size=2)
    await watched.equals(objects)
    pages = [r for r in watched.lists if r.status == 200]
    assert [r.query.get("limit") for r in pages] == ["2", "2", None]
    assert sorted(watched.told) == [f"+ {name}" for name in names]


@pytest.mark.parametrize("streaming", [True, False])
async def test_c07_a_replica_that_lags_behind(
    objects, proxy: FaultProxy, watch, streaming: bool
) -> None:
    """ "Too large resource version" is met by a list of the newest state, at once and not after a
    row of back-offs, and the store's version never goes back."""
    await objects.create("a")
    watched = await watch(streaming_lists=streaming)
    version = watched.version
    proxy.faults.inject(
        too_large(version), match=lambda r: r.is_list and r.version != "", times=math.inf
    )
    proxy.faults.inject(EXPIRED_ANSWER, match=is_watch)
    proxy.go_down()
    await objects.create("b")
    proxy.come_up()
    began = asyncio.get_running_loop().time()
    await watched.equals(objects)
    assert asyncio.get_running_loop().time() - began < 5
    refused = [r for r in watched.lists if r.status == 504]
    assert len(refused) == 1
    assert int(watched.version) > int(version)


async def test_c08_server_down_with_its_history_kept(objects, proxy: FaultProxy, watch) -> None:
    """No list and one new watch; while the server is down tries come at growing intervals."""
    await objects.create("a")
    watched = await watch(backoff=0.05, backoff_cap=10.0)
    proxy.go_down()
    await objects.create("b")
    await eventually(lambda: len(watched.watches) >= 5)
    tries = [w.at for w in watched.watches]
    proxy.come_up()
    await watched.equals(objects)
    gaps = [after - before for before, after in pairwise(tries)]
    # Doubling, each stretched by up to its own length: the next but one is longer for certain.
    assert all(gaps[i + 2] > gaps[i] for i in range(len(gaps) - 2)), gaps
    assert len(watched.lists) == 1
    assert len([w for w in watched.watches if w.status == 200]) == 1
    assert watched.told == ["+ a", "+ b"]


async def test_c09_server_down_and_its_history_lost(objects, proxy: FaultProxy, watch) -> None:
    """One deletion, one change and one addition are told, each once."""
    await objects.create("deleted", "changed", "same")
    watched = await watch()
    proxy.faults.inject(EXPIRED_ANSWER, match=is_watch)
    proxy.go_down()
    await objects.delete("deleted")
    await objects.change("changed")
    await objects.change("changed")
    await objects.create("added")
    proxy.come_up()
    await watched.equals(objects)
    assert watched.differences[3:] == ["- deleted", "~ changed", "+ added"]
    assert watched.changes[3].state_unknown, "the deletion itself was missed"


@pytest.mark.parametrize("history", ["kept", "lost"])
async def test_c10_namesake_made_while_disconnected(
    objects, proxy: FaultProxy, watch, history: str
) -> None:
    """A deletion with the old uid and an addition with the new one, never a change: a predicate on
    the generation would swallow that."""
    (first,) = await objects.create("a")
    watched = await watch()
    if history == "lost":
        proxy.faults.inject(EXPIRED_ANSWER, match=is_watch)
    proxy.go_down()
    await objects.delete("a")
    (second,) = await objects.create("a")
    proxy.come_up()
    await watched.equals(objects)
    assert watched.told == ["+ a", "- a", "+ a"]
    gone, came = watched.changes[1].old, watched.changes[2].new
    assert gone is not None
    assert came is not None
    assert gone.meta.uid == first["metadata"]["uid"]
    assert came.meta.uid == second["metadata"]["uid"]


@pytest.mark.parametrize(("code", "remembered"), [(400, True), (422, True), (500, False)], ids=str)
async def test_c11_streaming_list_is_refused(
    objects, proxy: FaultProxy, watch, code: int, remembered: bool
) -> None:
    """The list comes in pages at once. A definite no is remembered; after a failure streaming is
    tried again next time."""
    await objects.create("a")
    proxy.faults.inject(Reply(code), match=is_streaming_list)
    watched = await watch()
    assert [(r.verb, r.status) for r in watched.lists] == [("watch", code), ("list", 200)]
    proxy.stall_watches()
    await objects.create("b")
    await proxy.say(EXPIRED_FRAME)
    await watched.equals(objects)
    assert watched.lists[-1].is_streaming_list != remembered


async def test_c12_streaming_list_ends_before_its_end(objects, proxy: FaultProxy, watch) -> None:
    """What came so far is thrown away: the store stays as it was until a list is complete."""
    await objects.create("a", "b", "c")
    watched = await watch()
    before = watched.versions
    proxy.faults.inject(Truncate(2), match=is_streaming_list)
    seen: list[dict[str, str]] = []
    proxy.faults.hook = lambda r: seen.append(watched.versions) if r.is_list else None
    proxy.stall_watches()
    await objects.delete("a")
    await proxy.say(EXPIRED_FRAME)
    await watched.equals(objects)
    assert seen == [before, before]
    assert watched.differences[3:] == ["- a"]


async def test_c13_bookmark_without_a_name(objects, proxy: FaultProxy, watch, env) -> None:
    """The version advances and nothing is stored."""
    await objects.create("a")
    watched = await watch()
    elsewhere = await env.add_namespace()
    made = await env.client.create(
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x", "namespace": elsewhere}}
    )
    version = made["metadata"]["resourceVersion"]
    bookmark = {
        "kind": "ConfigMap", "apiVersion": "v1",
        "metadata": {"resourceVersion": version, "creationTimestamp": None},
    }  # fmt: skip
    await proxy.say(orjson.dumps({"type": "BOOKMARK", "object": bookmark}))
    await eventually(lambda: watched.version == version)
    proxy.cut_watches()
    await eventually(lambda: watched.watches)
    assert watched.watches[0].version == version
    assert watched.told == ["+ a"]
    assert watched.informer.last_error is None or "broke" in str(watched.informer.last_error)


async def test_c14_throttled(objects, proxy: FaultProxy, watch) -> None:
    """429 with Retry-After on a list, a watch and a write: each waits as told, nothing is listed
    again, and each request is carried out once."""
    await objects.create("a")
    throttled = Reply(429, retry_after=1)
    proxy.faults.inject(throttled, match=is_list)
    watched = await watch(streaming_lists=False)
    first, second = watched.lists
    assert second.at - first.at >= 1.0

    proxy.faults.inject(throttled, match=is_watch)
    proxy.cut_watches()
    await eventually(lambda: [w.status for w in watched.watches][-2:] == [429, 200])
    refused, again = watched.watches[-2:]
    assert again.at - refused.at >= 1.0
    assert len(watched.lists) == 2

    proxy.faults.inject(throttled, match=lambda r: r.verb == "patch")
    patch = merge_patch({"data": {"n": "throttled"}})
    await watched.client.patch(CONFIG_MAP, objects.key("a"), patch)
    patches = [r for r in proxy.requests if r.verb == "patch"]
    assert [p.status for p in patches] == [429, 200]
    assert patches[1].at - patches[0].at >= 1.0
    await watched.equals(objects)


async def test_c15_server_that_closes_each_watch_at_once(objects, proxy: FaultProxy, watch) -> None:
    """The wait grows: fewer than ten tries in 30 s at the default back-off, here all of it scaled
    by 16."""
    await objects.create("a")
    proxy.faults.inject(Shut(), match=is_watch, times=math.inf)
    watched = await watch(
        streaming_lists=False, sync=False, backoff=0.8 / 16, backoff_cap=30 / 16, short_watch=1 / 16
    )
    await watched.informer.wait_for_sync()
    loop = asyncio.get_running_loop()
    end = loop.time() + 30 / 16
    await eventually(lambda: loop.time() > end, what="30 s, scaled")
    assert 2 <= len(watched.watches) < 10
    proxy.faults.clear()
    await watched.equals(objects)
    assert len(watched.lists) == 1


async def test_c16_very_long_lines(
    objects, proxy: FaultProxy, watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A line of 3 MiB is decoded. One over the limit is reported and answered by a new list; the
    process lives and goes on."""
    (made,) = await objects.create("a")
    watched = await watch()
    big = {**made, "data": {"n": "x" * (3 << 20)}}
    await proxy.say(orjson.dumps({"type": "MODIFIED", "object": big}))
    await eventually(lambda: watched.told[-1] == "= a")
    stored = watched.cache.get(CONFIG_MAP, objects.key("a"))
    assert len(stored.to_dict()["data"]["n"]) == 3 << 20

    monkeypatch.setattr(listwatch, "MAX_LINE_BYTES", 1 << 20)
    errors: list[str] = []
    failed = watched.informer.failed
    monkeypatch.setattr(
        watched.informer, "failed", lambda e: (errors.append(type(e).__name__), failed(e))
    )
    await proxy.say(orjson.dumps({"type": "MODIFIED", "object": big}))
    await eventually(lambda: len(watched.lists) == 2)
    await objects.create("b")
    await watched.equals(objects)
    assert errors[0] == "LineTooLong"
    stored = watched.cache.get(CONFIG_MAP, objects.key("a"))
    assert stored.to_dict()["data"] == {"n": "0"}


@pytest.mark.parametrize("streaming", [True, False])
async def test_c07_is_what_a_server_answers(
    env: Environment, namespace: str, streaming: bool
) -> None:
    """The server itself says "too large" of a version that it will not reach soon, in a form that
    is understood, for lists and for streaming lists."""
    source = RestListWatch(env.client.transport, CONFIG_MAP, Scope(namespace=namespace))
    page = await source.list_page(resource_version="", limit=0, continue_token="")
    future = str(int(page.resource_version) + 1_000_000)

    async def ask() -> None:
        if not streaming:
            await source.list_page(resource_version=future, limit=0, continue_token="")
            return
        async with source.watch(
            resource_version=future, send_initial_events=True, timeout_seconds=30
        ) as frames:
            async for _ in frames:
                pass

    with pytest.raises(APIError) as caught:
        await ask()
    assert caught.value.version_too_large
