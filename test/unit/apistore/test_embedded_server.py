"""The embedded server's own powers: the request log and the faults."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import orjson
import pytest

from druid_operator.pkg.envtest.apiserver.faults import HTML_503, Cut, Hold, Kill, Reply, Slow
from druid_operator.pkg.envtest.apiserver.requestlog import Request
from druid_operator.pkg.envtest.apiserver.reviews import User
from druid_operator.pkg.envtest.apiserver.server import EmbeddedAPIServer
from druid_operator.pkg.meta import NamespacedName
from druid_operator.pkg.scheme.builtin import CONFIG_MAP

CONFIG_MAPS = "/api/v1/namespaces/default/configmaps"
BODY = {"metadata": {"name": "a"}, "data": {"x": "1"}}


@pytest.fixture
async def server() -> AsyncIterator[EmbeddedAPIServer]:
    async with EmbeddedAPIServer(bookmark_period=0.05) as running:
        yield running


@pytest.fixture
async def http(server: EmbeddedAPIServer) -> AsyncIterator[aiohttp.ClientSession]:
    timeout = aiohttp.ClientTimeout(total=10)
    headers = {"User-Agent": "tester/1"}
    async with aiohttp.ClientSession(server.url, timeout=timeout, headers=headers) as session:
        yield session


def creates(request: Request) -> bool:
    return request.verb == "create"


def stored(server: EmbeddedAPIServer) -> bool:
    return any(o["metadata"]["name"] == "a" for o in server.store.list(CONFIG_MAP).objects())


async def test_requests_are_counted_by_what_they_are(server, http):
    await (await http.post(CONFIG_MAPS, json=BODY)).read()
    await (await http.get(f"{CONFIG_MAPS}/a")).read()
    await (await http.get(CONFIG_MAPS)).read()
    await (await http.get("/readyz")).read()
    assert [r.verb for r in server.requests] == ["create", "get", "list", "get"]
    assert server.requests.count(verb="create", kind="ConfigMap", name="a") == 1
    assert server.requests.count(kind="ConfigMap", user_agent="tester") == 3
    assert server.requests.count(user_agent="other") == 0
    assert [str(r) for r in server.requests.writes()] == ["1 create ConfigMap default/a -> 201"]


async def test_an_injected_answer_replaces_the_execution(server, http):
    server.faults.inject(Reply(429, retry_after=7), match=creates)
    answer = await http.post(CONFIG_MAPS, json=BODY)
    status = await answer.json()
    assert (answer.status, answer.headers["Retry-After"]) == (429, "7")
    assert (status["kind"], status["reason"]) == ("Status", "TooManyRequests")
    assert status["details"]["retryAfterSeconds"] == 7
    assert not stored(server)
    again = await http.post(CONFIG_MAPS, json=BODY)
    assert again.status == 201, "once, unless asked for more"


async def test_a_proxy_answers_no_status(server, http):
    server.faults.inject(Reply(503, HTML_503, "text/html"))
    answer = await http.get(CONFIG_MAPS)
    assert (answer.status, answer.content_type) == (503, "text/html")


@pytest.mark.parametrize("after", [False, True])
async def test_a_cut_connection_tells_nothing_of_the_outcome(server, http, after):
    server.faults.inject(Cut(after=after), match=creates)
    with pytest.raises(aiohttp.ClientError):
        await http.post(CONFIG_MAPS, json=BODY)
    assert stored(server) is after
    record = next(iter(server.requests))
    assert (record.executed, record.status) == (after, 0)


async def test_the_kth_request_can_be_meant(server, http):
    server.faults.inject(Reply(500), skip=1, times=2)
    codes = [(await http.get("/version")).status for _ in range(5)]
    assert codes == [200, 500, 500, 200, 200]


async def test_a_held_request_waits_before_or_after(server, http):
    for after in (False, True):
        release = asyncio.Event()
        server.faults.inject(Hold(release, after=after), match=creates)
        pending = asyncio.create_task(http.post(CONFIG_MAPS, json=BODY))
        async with asyncio.timeout(5):
            while not server.requests.select(verb="create"):
                await asyncio.sleep(0)
        assert stored(server) is after
        assert not pending.done()
        release.set()
        assert (await pending).status == 201
        server.store.delete(CONFIG_MAP, NamespacedName("default", "a"))
        server.requests.clear()


async def test_slow_answers_come(server, http):
    server.faults.inject(Slow(0.01))
    assert (await http.get("/version")).status == 200


@pytest.mark.parametrize("after", [False, True])
async def test_the_client_can_be_killed_by_pid(server, http, after):
    victim = await asyncio.create_subprocess_exec(sys.executable, "-c", "input()")
    server.faults.inject(Kill(victim.pid, after=after), match=creates)
    with pytest.raises(aiohttp.ClientError):
        await http.post(CONFIG_MAPS, json=BODY)
    assert await victim.wait() == -signal.SIGKILL
    assert stored(server) is after


async def test_the_hook_sees_every_request_first(server, http):
    server.faults.hook = lambda request: Reply(500) if request.kind == "ConfigMap" else None
    assert (await http.get(CONFIG_MAPS)).status == 500
    assert (await http.get("/version")).status == 200
    server.faults.clear()
    assert (await http.get(CONFIG_MAPS)).status == 200


async def lines(response: aiohttp.ClientResponse, count: int) -> list[dict[str, Any]]:
    return [orjson.loads(await response.content.readline()) for _ in range(count)]


async def first_added(response: aiohttp.ClientResponse) -> dict[str, Any]:
    while True:
        (frame,) = await lines(response, 1)
        if frame["type"] == "ADDED":
            return frame


async def test_a_cut_watch_breaks_in_the_middle(server, http):
    response = await http.get(f"{CONFIG_MAPS}?watch=1&resourceVersion=1")
    assert server.faults.cut_watches() == 1
    with pytest.raises(aiohttp.ClientError):
        await response.content.read()
    response.close()
    async with asyncio.timeout(5):
        while len(server.watches):
            await asyncio.sleep(0)


async def test_a_truncated_watch_ends_in_half_a_line(server, http):
    response = await http.get(f"{CONFIG_MAPS}?watch=1&resourceVersion=1")
    server.faults.truncate_watches()
    await http.post(CONFIG_MAPS, json=BODY)
    half = await response.content.read(20)
    with pytest.raises(aiohttp.ClientError):
        await response.content.read()
    assert half.startswith(b'{"type":"ADDED"')
    assert b"\n" not in half
    response.close()


async def test_a_frozen_replica_answers_from_the_past(server, http):
    await http.post(CONFIG_MAPS, json=BODY)
    server.faults.freeze_replica()
    await http.patch(
        f"{CONFIG_MAPS}/a",
        json={"data": {"x": "2"}},
        headers={"Content-Type": "application/merge-patch+json"},
    )
    old = await (await http.get(f"{CONFIG_MAPS}/a")).json()
    assert old["data"] == {"x": "1"}
    ahead = await http.get(f"{CONFIG_MAPS}?resourceVersion={server.store.resource_version}")
    assert ahead.status == 504, "too large a version, for this one"
    server.faults.thaw()
    assert (await (await http.get(f"{CONFIG_MAPS}/a")).json())["data"] == {"x": "2"}


async def test_a_stalled_watch_is_silent_until_it_resumes(server, http):
    url = f"{CONFIG_MAPS}?watch=1&allowWatchBookmarks=true&resourceVersion=1"
    response = await http.get(url)
    assert (await lines(response, 1))[0]["type"] == "BOOKMARK"
    server.faults.stall()
    await http.post(CONFIG_MAPS, json=BODY)
    added = asyncio.create_task(first_added(response))
    done, _ = await asyncio.wait([added], timeout=0.2)
    assert not done, "four bookmarks are due by now, and the change"
    server.faults.resume()
    async with asyncio.timeout(5):
        assert (await added)["object"]["metadata"]["name"] == "a"
    response.close()


async def test_bookmarks_carry_the_newest_version(server, http):
    url = f"{CONFIG_MAPS}?watch=1&allowWatchBookmarks=true&resourceVersion=1"
    response = await http.get(url)
    (frame,) = await lines(response, 1)
    assert frame["object"]["metadata"] == {"resourceVersion": server.store.resource_version}
    response.close()


async def test_after_a_compaction_a_watch_gets_an_error_frame(server, http):
    version = server.store.resource_version
    await http.post(CONFIG_MAPS, json=BODY)
    server.faults.compact()
    response = await http.get(f"{CONFIG_MAPS}?watch=1&resourceVersion={version}")
    assert response.status == 200
    (frame,) = await lines(response, 1)
    assert frame["type"] == "ERROR"
    assert (frame["object"]["code"], frame["object"]["reason"]) == (410, "Expired")
    assert await response.content.read() == b"", "and the stream ends"


async def test_a_restart_refuses_connections_and_keeps_the_state(server, http):
    await http.post(CONFIG_MAPS, json=BODY)
    url = server.url
    restart = asyncio.create_task(server.faults.restart(0.2))
    await asyncio.sleep(0.05)
    with pytest.raises(aiohttp.ClientError):
        await http.get("/readyz")
    await restart
    assert server.url == url
    assert (await http.get(f"{CONFIG_MAPS}/a")).status == 200


async def test_reviews_answer_what_the_test_says(server, http):
    server.reviews.tokens["secret"] = User("system:serviceaccount:default:metrics", ("g",))
    server.reviews.allow = lambda spec: spec["user"] == "jane"

    async def review(group: str, plural: str, spec: dict[str, Any]) -> dict[str, Any]:
        answer = await http.post(f"/apis/{group}/v1/{plural}", json={"spec": spec})
        assert answer.status == 201
        return dict((await answer.json())["status"])

    tokens = ("authentication.k8s.io", "tokenreviews")
    known = await review(*tokens, {"token": "secret"})
    assert known["user"] == {"username": "system:serviceaccount:default:metrics", "groups": ["g"]}
    assert (await review(*tokens, {"token": "other"}))["authenticated"] is False
    access = ("authorization.k8s.io", "subjectaccessreviews")
    assert (await review(*access, {"user": "jane"}))["allowed"] is True
    assert (await review(*access, {"user": "joe"}))["allowed"] is False


async def test_owned_objects_are_collected_after_the_answer(server, http):
    made = await (await http.post(CONFIG_MAPS, json=BODY)).json()
    reference = {
        "apiVersion": "v1", "kind": "ConfigMap", "name": "a", "uid": made["metadata"]["uid"],
    }  # fmt: skip
    child = {"metadata": {"name": "child", "ownerReferences": [reference]}}
    await http.post(CONFIG_MAPS, json=child)
    await http.delete(f"{CONFIG_MAPS}/a")
    assert (await http.get(f"{CONFIG_MAPS}/child")).status == 404


async def test_every_namespace_has_its_service_account(server, http):
    await http.post("/api/v1/namespaces", json={"metadata": {"name": "n"}})
    for namespace in ("default", "n"):
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts/default"
        assert (await http.get(path)).status == 200
