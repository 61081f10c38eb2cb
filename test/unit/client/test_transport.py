"""Every way a request can end has one meaning, whatever server or proxy is in front."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from druid_operator.pkg.client import RestClient, RestConfig, Timeouts, Transport
from druid_operator.pkg.errors import (
    APIError,
    Conflict,
    InternalError,
    LeaderLost,
    NotFound,
    OutcomeUnknown,
    RequestNotSent,
    ServiceUnavailable,
)
from druid_operator.pkg.meta import NamespacedName
from druid_operator.pkg.scheme import Scheme
from druid_operator.pkg.scheme.builtin import CONFIG_MAP

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Rotating:
    """Credentials whose first token is refused."""

    def __init__(self) -> None:
        self.refreshed = 0

    async def headers(self, *, refresh: bool = False) -> Mapping[str, str]:
        self.refreshed += refresh
        return {"Authorization": f"Bearer token-{self.refreshed}"}


@asynccontextmanager
async def serving(handler: Handler, **options: object) -> AsyncIterator[Transport]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    async with TestServer(app) as server:
        config = RestConfig(
            host=str(server.make_url("")).rstrip("/"),
            **({"credentials": options.pop("credentials")} if "credentials" in options else {}),
        )
        transport = Transport(config, **options)  # type: ignore[arg-type] # test options
        try:
            yield transport
        finally:
            await transport.close()


def status(code: int, reason: str, **more: object) -> web.Response:
    body = {"kind": "Status", "code": code, "reason": reason, "message": f"it is {reason}", **more}
    return web.json_response(body, status=code)


@pytest.mark.parametrize(
    ("code", "reason", "expected"),
    [
        (404, "NotFound", NotFound),
        (409, "Conflict", Conflict),
        (500, "InternalError", InternalError),
        (418, "Teapot", APIError),
    ],
)
async def test_status_answers_become_typed_errors(code, reason, expected) -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        return status(code, reason)

    async with serving(handler) as transport:
        with pytest.raises(expected) as caught:
            await transport.request("GET", "/x")
    assert (caught.value.code, caught.value.reason) == (code, reason)


async def test_html_of_a_proxy_is_quoted_and_typed() -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        return web.Response(status=503, text="<html>upstream down</html>", content_type="text/html")

    async with serving(handler) as transport:
        with pytest.raises(ServiceUnavailable, match="upstream down"):
            await transport.request("GET", "/x")


async def test_throttled_write_is_sent_again_after_the_wait_it_was_told() -> None:
    seen: list[bytes] = []

    async def handler(request: web.Request) -> web.StreamResponse:
        seen.append(await request.read())
        if len(seen) == 1:
            return web.Response(status=429, headers={"Retry-After": "0"}, text="slow down")
        return web.json_response({"ok": True})

    async with serving(handler) as transport:
        answer = await transport.request("POST", "/x", body=b"{}")
    assert answer == b'{"ok": true}'
    assert seen == [b"{}", b"{}"]


async def test_503_without_retry_after_is_not_repeated() -> None:
    """It does not say whether the request was carried out."""
    seen: list[str] = []

    async def handler(request: web.Request) -> web.StreamResponse:
        seen.append(request.method)
        return status(503, "ServiceUnavailable")

    async with serving(handler) as transport:
        with pytest.raises(ServiceUnavailable):
            await transport.request("POST", "/x", body=b"{}")
    assert seen == ["POST"]


async def test_unauthorized_refreshes_the_credentials_once() -> None:
    tokens: list[str] = []

    async def handler(request: web.Request) -> web.StreamResponse:
        tokens.append(request.headers["Authorization"])
        return status(401, "Unauthorized") if len(tokens) == 1 else web.json_response({})

    async with serving(handler, credentials=Rotating()) as transport:
        await transport.request("GET", "/x")
    assert tokens == ["Bearer token-0", "Bearer token-1"]


@pytest.mark.parametrize(
    ("method", "expected"), [("GET", RequestNotSent), ("POST", OutcomeUnknown)]
)
async def test_lost_answer_of_a_write_is_an_unknown_outcome(method, expected) -> None:
    seen: list[str] = []

    async def handler(request: web.Request) -> web.StreamResponse:
        seen.append(request.method)
        assert request.transport is not None
        request.transport.abort()
        await asyncio.Event().wait()
        raise AssertionError

    async with serving(handler) as transport:
        with pytest.raises(expected):
            await transport.request(method, "/x", body=b"{}" if method == "POST" else None)
    if method == "POST":
        assert seen == ["POST"]


async def test_silent_server_is_given_up_at_the_deadline() -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        await asyncio.Event().wait()
        raise AssertionError

    async with serving(handler, timeouts=Timeouts(request=0.05)) as transport:
        with pytest.raises(OutcomeUnknown):
            await transport.request("PUT", "/x", body=b"{}")


async def test_nobody_listening_means_not_sent() -> None:
    transport = Transport(RestConfig(host="http://127.0.0.1:1"))
    with pytest.raises(RequestNotSent):
        await transport.request("POST", "/x", body=b"{}")
    await transport.close()


async def test_fenced_client_sends_no_write_after_the_lease_is_lost() -> None:
    seen: list[str] = []

    async def handler(request: web.Request) -> web.StreamResponse:
        seen.append(request.method)
        return web.json_response({"kind": "ConfigMap", "metadata": {}})

    def fence() -> None:
        raise LeaderLost("the lease lapsed")

    async with serving(handler) as transport:
        client = RestClient(transport, Scheme(), fence=fence)
        key = NamespacedName("default", "x")
        await client.get(CONFIG_MAP, key)
        with pytest.raises(LeaderLost):
            await client.delete(CONFIG_MAP, key)
    assert seen == ["GET"]


async def test_warnings_of_the_server_are_handed_on() -> None:
    warnings: list[str] = []

    async def handler(request: web.Request) -> web.StreamResponse:
        return web.json_response({}, headers={"Warning": '299 - "v1beta1 is deprecated"'})

    async with serving(handler, on_warning=warnings.append) as transport:
        await transport.request("GET", "/x")
    assert warnings == ["v1beta1 is deprecated"]


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
async def test_write_on_a_broken_kept_connection_is_sent_once(method) -> None:
    """The HTTP library would send PUT and DELETE again, and a conflict be made of a success."""
    seen: list[str] = []

    async def handler(request: web.Request) -> web.StreamResponse:
        seen.append(request.method)
        if request.method != "GET":
            assert request.transport is not None
            request.transport.abort()
        return web.json_response({})

    async with serving(handler) as transport:
        await transport.request("GET", "/x")  # the connection is kept
        with pytest.raises(OutcomeUnknown):
            await transport.request(method, "/x", body=b"{}")
    assert seen == ["GET", method]


@pytest.mark.parametrize(
    ("header", "texts"),
    [
        (r'299 - "use \"v1\" instead"', ['use "v1" instead']),
        (r'299 - "a \\ b"', ["a \\ b"]),
        ('299 - "one", 299 k8s.io "two, three"', ["one", "two, three"]),
        ("not a warning", ["not a warning"]),
    ],
)
async def test_warnings_are_unquoted(header, texts) -> None:
    warnings: list[str] = []

    async def handler(request: web.Request) -> web.StreamResponse:
        return web.json_response({}, headers={"Warning": header})

    async with serving(handler, on_warning=warnings.append) as transport:
        await transport.request("GET", "/x")
    assert warnings == texts


@pytest.mark.parametrize("code", [429, 503, 504])
async def test_read_waits_as_told(code) -> None:
    seen: list[str] = []

    async def handler(request: web.Request) -> web.StreamResponse:
        seen.append(request.method)
        if len(seen) < 3:
            return web.Response(status=code, headers={"Retry-After": "0"})
        return web.json_response({})

    async with serving(handler) as transport:
        await transport.request("GET", "/x")
    assert len(seen) == 3


async def test_each_request_is_timed_by_verb(monkeypatch) -> None:
    timed: list[tuple[str, str]] = []

    async def handler(request: web.Request) -> web.StreamResponse:
        return web.json_response({})

    def observe(verb: str, host: str, seconds: float) -> None:
        assert 0 <= seconds < 60
        timed.append((verb, host))

    async with serving(handler, observe_duration=observe) as transport:
        await transport.request("GET", "/x")
        async with transport.stream("/x", {}, idle=5) as chunks:
            async for _ in chunks:
                pass
    assert timed == [("GET", "127.0.0.1"), ("WATCH", "127.0.0.1")]


async def test_refused_watch_is_opened_again_with_fresh_credentials() -> None:
    tokens: list[str] = []

    async def handler(request: web.Request) -> web.StreamResponse:
        tokens.append(request.headers["Authorization"])
        return status(401, "Unauthorized") if len(tokens) == 1 else web.Response(text="{}\n")

    async with (
        serving(handler, credentials=Rotating()) as transport,
        transport.stream("/x", {}, idle=5) as chunks,
    ):
        assert [chunk async for chunk in chunks] == [b"{}\n"]
    assert tokens == ["Bearer token-0", "Bearer token-1"]


async def test_an_answer_that_nests_deeper_than_any_decoder_is_cut_and_read() -> None:
    """A kube-apiserver stores 10,000 levels, and answers every write with the whole object."""
    deep = b'{"kind":"ConfigMap","metadata":{"name":"a"},"data":' + b"[" * 5000 + b"]" * 5000 + b"}"
    page = b'{"metadata":{},"items":[' + deep + b"]}"

    async def answer(request: web.Request) -> web.Response:
        one = request.path.endswith("/a") or request.method == "POST"
        return web.Response(body=deep if one else page, content_type="application/json")

    async with serving(answer) as transport:
        client = RestClient(transport, Scheme([]))
        key = NamespacedName("ns", "a")
        made = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}}
        answers = [
            await client.get(CONFIG_MAP, key),
            await client.create({**made, "metadata": {"name": "a", "namespace": "ns"}}),
            *await client.list(CONFIG_MAP),
        ]
    assert [obj["metadata"]["name"] for obj in answers] == ["a", "a", "a"]
