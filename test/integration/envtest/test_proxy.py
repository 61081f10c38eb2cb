"""A proxy that meets no fault cannot be told from the server behind it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import orjson
import pytest
import pytest_asyncio

from druid_operator.pkg.client import RestClient, Transport
from druid_operator.pkg.envtest.apiserver.faults import Cut, Reply
from druid_operator.pkg.envtest.environment import Environment
from druid_operator.pkg.envtest.proxy import FaultProxy
from druid_operator.pkg.errors import OutcomeUnknown, RequestNotSent, ServiceUnavailable
from druid_operator.pkg.meta import JSON, NamespacedName
from druid_operator.pkg.scheme import Scheme
from druid_operator.pkg.scheme.builtin import CONFIG_MAP


@pytest_asyncio.fixture(loop_scope="session")
async def proxy(env: Environment) -> AsyncIterator[FaultProxy]:
    async with FaultProxy(env.rest_config()) as made:
        yield made


@pytest_asyncio.fixture(loop_scope="session")
async def client(proxy: FaultProxy) -> AsyncIterator[RestClient]:
    transport = Transport(proxy.rest_config(), user_agent="through")
    yield RestClient(transport, Scheme())
    await transport.close()


def config_map(namespace: str, **data: str) -> JSON:
    metadata = {"name": "a", "namespace": namespace}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


async def test_answers_are_the_servers_own_bytes(
    env: Environment, namespace: str, proxy: FaultProxy, client: RestClient
) -> None:
    await client.create(config_map(namespace, text="é" * 300_000 + "%/?"))
    for path in (
        CONFIG_MAP.path(namespace, "a"),
        CONFIG_MAP.path(namespace) + "?fieldSelector=metadata.name%3Da&limit=1",
    ):
        direct = await env.client.transport.request("GET", path)
        async with aiohttp.ClientSession() as session, session.get(proxy.url + path) as answer:
            assert await answer.read() == direct


async def test_what_a_request_is_about(
    namespace: str, proxy: FaultProxy, client: RestClient
) -> None:
    await client.create(config_map(namespace))
    key = NamespacedName(namespace, "a")
    await client.get(CONFIG_MAP, key)
    await client.list(CONFIG_MAP, namespace=namespace)
    await client.delete(CONFIG_MAP, key)
    seen = [(r.verb, r.plural, r.namespace, r.name, r.status) for r in proxy.requests]
    assert seen == [
        ("create", "configmaps", namespace, "", 201),
        ("get", "configmaps", namespace, "a", 200),
        ("list", "configmaps", namespace, "", 200),
        ("delete", "configmaps", namespace, "a", 200),
    ]
    assert {r.user_agent for r in proxy.requests} == {"through"}


async def test_faults_of_single_requests(
    env: Environment, namespace: str, proxy: FaultProxy, client: RestClient
) -> None:
    """Each is what it says: answered otherwise, lost before, lost after it was carried out."""
    key = NamespacedName(namespace, "a")
    proxy.faults.inject(Reply(503), match=lambda r: r.verb == "create")
    with pytest.raises(ServiceUnavailable):
        await client.create(config_map(namespace))
    proxy.faults.inject(Cut(after=True), match=lambda r: r.verb == "create")
    with pytest.raises(OutcomeUnknown):
        await client.create(config_map(namespace))
    assert (await env.client.get(CONFIG_MAP, key))["metadata"]["name"] == "a", "carried out"
    proxy.faults.inject(Cut(), match=lambda r: r.verb == "delete")
    with pytest.raises((OutcomeUnknown, RequestNotSent)):
        await client.delete(CONFIG_MAP, key)
    assert (await env.client.get(CONFIG_MAP, key))["metadata"]["name"] == "a", "not carried out"


async def test_watch_lines_pass_until_they_are_held(
    namespace: str, proxy: FaultProxy, client: RestClient
) -> None:
    query = "watch=1&fieldSelector=metadata.name%3Da"
    url = f"{proxy.url}{CONFIG_MAP.path(namespace)}?{query}"
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        await client.create(config_map(namespace))
        line = orjson.loads(await answer.content.readline())
        assert (line["type"], line["object"]["metadata"]["name"]) == ("ADDED", "a")
        proxy.hold_watches()
        await client.delete(CONFIG_MAP, NamespacedName(namespace, "a"))
        await proxy.say(b'{"type":"SAID"}')
        assert orjson.loads(await answer.content.readline()) == {"type": "SAID"}
        proxy.release_watches()
        assert orjson.loads(await answer.content.readline())["type"] == "DELETED"
        assert proxy.cut_watches() == 1
        with pytest.raises(aiohttp.ClientPayloadError):
            await answer.content.readline()
