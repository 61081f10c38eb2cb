"""The client of unit tests behaves as the API server does, where reconcilers meet it."""

from __future__ import annotations

import asyncio

import attrs
import pytest

from druid_operator.pkg.client import (
    Funcs,
    MetadataOnly,
    Write,
    intercept,
    json_patch,
    merge_patch,
)
from druid_operator.pkg.client.fake import FakeClient
from druid_operator.pkg.errors import AlreadyExists, Conflict, InternalError, NotFound
from druid_operator.pkg.meta import JSON, GroupVersionKind, NamespacedName, Resource
from druid_operator.pkg.schema import CustomResource, prop
from druid_operator.pkg.scheme import Scheme
from druid_operator.pkg.scheme.builtin import CONFIG_MAP, DEPLOYMENT

TOY = Resource(GroupVersionKind("fake.example.com", "v1", "Toy"), "toys")
KEY = NamespacedName("team", "a")


@attrs.frozen
class ToySpec:
    size: int | None = prop("How big.")


@attrs.frozen
class Toy:
    metadata: JSON = prop(required=True)
    spec: ToySpec = prop(required=True)
    status: JSON | None = prop(preserve_unknown=True)


SCHEME = Scheme([CustomResource(resource=TOY, model=Toy)])


def toy(name: str = "a", **metadata: object) -> Toy:
    return Toy(
        metadata={"name": name, "namespace": "team", **metadata},
        spec=ToySpec(size=1),
        status={"ready": True},
    )


def config_map(name: str = "a", **metadata: object) -> JSON:
    return {
        "apiVersion": "v1", "kind": "ConfigMap", "data": {"a": "b"},
        "metadata": {"name": name, "namespace": "team", **metadata},
    }  # fmt: skip


async def test_what_was_there_is_read_typed_with_its_status() -> None:
    client = FakeClient(SCHEME, [toy()])
    found = await client.get(Toy, KEY)
    assert (found.spec.size, found.status) == (1, {"ready": True})
    assert found.metadata["uid"]
    assert (await client.get(MetadataOnly(Toy), KEY)).meta.name == "a"


async def test_status_and_spec_are_written_apart_and_spec_alone_counts() -> None:
    client = FakeClient(SCHEME, [toy()])
    read = await client.get(Toy, KEY)
    bigger = attrs.evolve(read, spec=ToySpec(size=2), status={"ready": False})
    stored = await client.patch_from(read, bigger)
    assert (stored.spec.size, stored.status) == (2, {"ready": True})
    assert stored.metadata["generation"] == 2
    reported = await client.status.patch_from(stored, attrs.evolve(stored, status={"ready": 1}))
    assert (reported.status, reported.metadata["generation"]) == ({"ready": 1}, 2)


async def test_stale_writes_conflict_and_taken_names_are_refused() -> None:
    client = FakeClient(SCHEME, [config_map()])
    read = await client.get(CONFIG_MAP, KEY)
    await client.patch(CONFIG_MAP, KEY, merge_patch({"data": {"a": "c"}}))
    with pytest.raises(Conflict):
        await client.update(read)
    with pytest.raises(AlreadyExists):
        await client.create(config_map())
    await client.patch(CONFIG_MAP, KEY, json_patch([{"op": "remove", "path": "/data/a"}]))
    assert not (await client.get(CONFIG_MAP, KEY)).get("data")


async def test_applied_fields_have_owners() -> None:
    client = FakeClient(SCHEME)
    await client.apply(config_map(), field_owner="one")
    with pytest.raises(Conflict, match="one"):
        await client.apply({**config_map(), "data": {"a": "c"}}, field_owner="two")
    taken = await client.apply({**config_map(), "data": {"a": "c"}}, field_owner="two", force=True)
    assert taken["data"] == {"a": "c"}


async def test_finalizers_hold_and_owners_take_their_children_with_them() -> None:
    client = FakeClient(SCHEME, [config_map(finalizers=["example.com/hold"])])
    parent = await client.get(CONFIG_MAP, KEY)
    owner = {"apiVersion": "v1", "kind": "ConfigMap", "name": "a", "uid": parent["metadata"]["uid"]}
    await client.create(config_map("child", ownerReferences=[owner]))
    held = await client.delete(CONFIG_MAP, KEY)
    assert held is not None
    assert held["metadata"]["deletionTimestamp"]
    await client.patch(CONFIG_MAP, KEY, merge_patch({"metadata": {"finalizers": None}}))
    for name in ("a", "child"):
        with pytest.raises(NotFound):
            await client.get(CONFIG_MAP, NamespacedName("team", name))


async def test_lists_are_selected_paged_and_deleted_as_a_whole() -> None:
    client = FakeClient(SCHEME, [config_map(n, labels={"app": n}) for n in "abc"])
    page = await client.list(CONFIG_MAP, namespace="team", limit=2)
    rest = await client.list(CONFIG_MAP, namespace="team", continue_token=page.continue_token)
    assert [o["metadata"]["name"] for o in (*page, *rest)] == ["a", "b", "c"]
    await client.delete_all_of(CONFIG_MAP, namespace="team", labels="app in (a,b)")
    left = await client.list(CONFIG_MAP, namespace="team")
    assert [o["metadata"]["name"] for o in left] == ["c"]


async def test_option_that_does_not_exist_is_refused_not_ignored() -> None:
    client = FakeClient(SCHEME, [config_map()])
    with pytest.raises(TypeError, match="namepsace"):
        await client.list(CONFIG_MAP, namepsace="team")  # type: ignore[call-overload] # misspelt


async def test_dry_run_and_failures_on_purpose_store_nothing() -> None:
    client = FakeClient(SCHEME)
    await client.create(config_map(), dry_run=True)

    async def fail(call: Write, proceed: object) -> JSON | None:
        raise InternalError("on purpose")

    with pytest.raises(InternalError):
        await intercept(client, Funcs(create=fail)).create(config_map())
    with pytest.raises(NotFound):
        await client.get(CONFIG_MAP, KEY)


async def test_watch_shows_changes_as_they_come() -> None:
    client = FakeClient(SCHEME, [toy()])
    version = (await client.list(Toy, namespace="team")).resource_version
    async with (
        asyncio.timeout(5),
        client.watch(Toy, namespace="team", resource_version=version) as events,
    ):
        await client.create(toy("b"))
        await client.delete(Toy, NamespacedName("team", "b"))
        seen = [(e.type, e.object.metadata["name"]) for e in [await anext(events) for _ in "12"]]
    assert seen == [("ADDED", "b"), ("DELETED", "b")]


async def test_scale_is_a_subresource() -> None:
    deployment = {
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "a", "namespace": "team"},
        "spec": {"replicas": 1, "selector": {"matchLabels": {"app": "a"}}, "template": {
            "metadata": {"labels": {"app": "a"}},
            "spec": {"containers": [{"name": "c", "image": "i"}]},
        }},
    }  # fmt: skip
    client = FakeClient(SCHEME, [deployment])
    scale = await client.sub_resource("scale").get(DEPLOYMENT, KEY)
    scale["spec"]["replicas"] = 3
    await client.sub_resource("scale").replace(DEPLOYMENT, KEY, scale)
    assert (await client.get(DEPLOYMENT, KEY))["spec"]["replicas"] == 3
