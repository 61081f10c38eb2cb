"""C24, C43 and C48: writes that lose nothing, and credentials that change under way."""

from __future__ import annotations

import asyncio
import math
from pathlib import Path

import attrs
import orjson
import pytest
import pytest_asyncio

from druid_operator.pkg.builder import new_controller_managed_by
from druid_operator.pkg.cache.stored_object import decode
from druid_operator.pkg.client import RestClient, RestConfig, Transport, merge_patch
from druid_operator.pkg.client.credentials import TokenFile
from druid_operator.pkg.client.merge_from import merge_from
from druid_operator.pkg.controllerutil import retry_on_conflict
from druid_operator.pkg.envtest.apiserver.faults import Reply
from druid_operator.pkg.envtest.eventually import eventually
from druid_operator.pkg.envtest.proxy import FaultProxy
from druid_operator.pkg.errors import Conflict, Unauthorized
from druid_operator.pkg.meta import JSON, GroupVersionKind, NamespacedName, Resource
from druid_operator.pkg.schema import CustomResource, prop
from druid_operator.pkg.scheme import Scheme
from druid_operator.pkg.scheme.builtin import CONFIG_MAP

pytestmark = pytest.mark.usefixtures("no_leaked_task")

WIDGET = Resource(GroupVersionKind("conformance.example.com", "v1", "Widget"), "widgets")


@attrs.frozen
class WidgetSpec:
    """Knows only a part of what a Widget may have."""

    size: int = prop(required=True)
    mode: str | None = prop()


@attrs.frozen
class Widget:
    metadata: JSON = prop(required=True)
    spec: WidgetSpec = prop(required=True)


def widget(namespace: str, **spec: object) -> JSON:
    return {
        "apiVersion": WIDGET.api_version, "kind": WIDGET.kind,
        "metadata": {"name": "w", "namespace": namespace}, "spec": {"size": 1, **spec},
    }  # fmt: skip


@pytest_asyncio.fixture(loop_scope="session")
async def client(proxy: FaultProxy, widget_api: str):
    transport = Transport(proxy.rest_config(), user_agent="conformance")
    yield RestClient(transport, Scheme([CustomResource(resource=WIDGET, model=Widget)]))
    await transport.close()


async def test_c24_conflict_on_a_status_update(client, namespace: str) -> None:
    """The second of two writers that read the same version gets a typed ``Conflict``; started over
    from a fresh read it succeeds, and nobody's field is lost."""
    await client.create(widget(namespace))
    key = NamespacedName(namespace, "w")
    read = await client.get(WIDGET, key)
    first = {**read, "status": {"phase": "first"}}
    await client.update(first, subresource="status")
    await client.patch(WIDGET, key, merge_patch({"spec": {"mode": "y"}}))
    stale = {**read, "status": {"phase": "second"}}
    with pytest.raises(Conflict) as caught:
        await client.update(stale, subresource="status")
    assert caught.value.code == 409
    assert caught.value.reason == "Conflict"

    async def again() -> JSON:
        fresh = await client.get(WIDGET, key)
        fresh["status"]["seen"] = fresh["status"].pop("phase")
        fresh["status"] = {"phase": f"after {fresh['status']['seen']}"}
        return await client.update(fresh, subresource="status")

    await retry_on_conflict(again)
    stored = await client.get(WIDGET, key)
    assert stored["status"] == {"phase": "after first"}
    assert stored["spec"] == {"size": 1, "mode": "y"}


async def test_c24_many_writers_lose_no_update(client, namespace: str) -> None:
    """Twenty increments by writers that start over on a conflict add up to twenty."""
    await client.create(widget(namespace, map={"n": "0"}))
    key = NamespacedName(namespace, "w")

    async def increment() -> None:
        obj = await client.get(WIDGET, key)
        obj["spec"]["map"]["n"] = str(int(obj["spec"]["map"]["n"]) + 1)
        await client.update(obj)

    async with asyncio.TaskGroup() as writers:
        for _ in range(20):
            writers.create_task(retry_on_conflict(increment, tries=100))
    assert (await client.get(WIDGET, key))["spec"]["map"]["n"] == "20"


async def test_c43_token_is_rotated(
    objects, proxy: FaultProxy, managers, recording, tmp_path: Path
) -> None:
    """A 401 for the old token makes the file be read again and the request be sent once more; the
    caller hears nothing of it, and open watches are not cut."""
    token = tmp_path / "token"
    token.write_text("first\n")
    valid = {"first"}
    refused = Reply(401)
    proxy.faults.hook = lambda r: None if r.token in valid else refused
    config: RestConfig = attrs.evolve(proxy.rest_config(), credentials=TokenFile(token))
    manager = managers.make(config=config)
    reconciler = recording()
    new_controller_managed_by(manager).for_(CONFIG_MAP).named("c43").complete(reconciler)
    await managers.run(manager)
    await eventually(lambda: not manager.cache.unsynced() and proxy.open_watches == 1)
    opened = len([r for r in proxy.requests if r.verb == "watch"])

    token.write_text("second\n")
    valid.clear()
    valid.add("second")
    await manager.client.create(objects.config_map("a"))
    creates = [r for r in proxy.requests if r.verb == "create"]
    assert [(r.token, r.status) for r in creates] == [("first", 401), ("second", 201)]
    await eventually(lambda: objects.key("a") in reconciler.finished)
    assert len([r for r in proxy.requests if r.verb == "watch"]) == opened
    proxy.cut_watches()
    await objects.create("b")
    await eventually(lambda: objects.key("b") in reconciler.finished)
    assert [r.token for r in proxy.requests if r.verb == "watch"][-1] == "second"


async def test_c43_no_valid_token_at_all(objects, proxy: FaultProxy, client) -> None:
    """One refresh and no more: the caller gets ``Unauthorized``."""
    proxy.faults.inject(Reply(401), times=math.inf)
    with pytest.raises(Unauthorized):
        await client.get(CONFIG_MAP, objects.key("a"))
    assert len(proxy.requests) == 2


async def test_c48_unknown_fields_and_nulls(client, namespace: str) -> None:
    """A typed reader that knows only some fields is not disturbed by others, nor by nulls, and a
    change made through it leaves them as they were."""
    unknown = {"free": {"deep": [{"of": None}, 1], "text": "kept"}, "map": {"a": "b"}}
    await client.create(widget(namespace, **unknown))
    key = NamespacedName(namespace, "w")
    typed = await client.get(Widget, key)
    assert typed.spec == WidgetSpec(size=1, mode="x")

    before = client.scheme.encode(typed)
    after = client.scheme.encode(attrs.evolve(typed, spec=attrs.evolve(typed.spec, size=2)))
    patch = merge_from(before, after, optimistic_lock=True)
    assert patch is not None
    assert orjson.loads(patch.body)["spec"] == {"size": 2}
    await client.patch(WIDGET, key, patch)
    stored = await client.get(WIDGET, key)
    assert stored["spec"] == {"size": 2, "mode": "x", **unknown}


async def test_c48_nulls_in_what_a_server_sends(
    objects, proxy: FaultProxy, client, namespace: str
) -> None:
    """Nulls where objects, lists or strings belong, as old objects and other servers have them, do
    not raise, neither in a typed read nor in a cache."""
    await client.create(widget(namespace))
    key = NamespacedName(namespace, "w")
    live = await client.get(WIDGET, key)
    nulls = {
        "labels": None, "annotations": None, "ownerReferences": None, "finalizers": None,
        "generateName": None, "creationTimestamp": None, "managedFields": None,
    }  # fmt: skip
    sent = {**live, "metadata": {**live["metadata"], **nulls}, "status": None}
    sent["spec"] = {"size": 1, "mode": None, "items": None}
    body = orjson.dumps(sent)
    proxy.faults.inject(Reply(200, body), match=lambda r: r.verb == "get", times=2)
    typed = await client.get(Widget, key)
    assert typed.spec == WidgetSpec(size=1, mode=None)
    again = await client.get(WIDGET, key)
    assert again["metadata"]["labels"] is None

    stored = decode(WIDGET, body)
    assert stored.key == key
    assert not stored.meta.labels
    assert not stored.meta.finalizers
