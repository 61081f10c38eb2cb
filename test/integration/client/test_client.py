"""What the live client does against an API server: types, parts, wrappers, pages, watches."""

from __future__ import annotations

import asyncio

import attrs
import pytest
import pytest_asyncio

from druid_operator.pkg.client import (
    Funcs,
    MetadataOnly,
    NoKindMatch,
    RestClient,
    Transport,
    Write,
    WrongNamespace,
    dry_run_client,
    field_owner_client,
    field_validation_client,
    intercept,
    merge_patch,
    namespaced_client,
)
from druid_operator.pkg.client import rest_client as rest_client_module
from druid_operator.pkg.envtest.crds import install_crds
from druid_operator.pkg.envtest.environment import Environment
from druid_operator.pkg.envtest.eventually import eventually
from druid_operator.pkg.errors import BadRequest, Conflict, Expired, InternalError, NotFound
from druid_operator.pkg.meta import JSON, GroupVersionKind, NamespacedName, Resource
from druid_operator.pkg.schema import CustomResource, prop
from druid_operator.pkg.scheme import Scheme
from druid_operator.pkg.scheme.builtin import CONFIG_MAP, NAMESPACE

GADGET = Resource(GroupVersionKind("client.example.com", "v1", "Gadget"), "gadgets")


@attrs.frozen
class GadgetSpec:
    size: int = prop("How big.", default=1, format="int32")
    tags: list[str] = prop("Any words.", factory=list)


@attrs.frozen
class Gadget:
    metadata: JSON = prop(required=True)
    spec: GadgetSpec = prop(required=True)
    status: JSON | None = prop(preserve_unknown=True)


#: The server knows a field that the model does not: it was added by a newer version.
CRD: JSON = {
    "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
    "metadata": {"name": "gadgets.client.example.com"},
    "spec": {
        "group": "client.example.com", "scope": "Namespaced",
        "names": {"kind": "Gadget", "listKind": "GadgetList", "plural": "gadgets",
                  "singular": "gadget"},
        "versions": [{
            "name": "v1", "served": True, "storage": True,
            "subresources": {"status": {}, "scale": {
                "specReplicasPath": ".spec.size", "statusReplicasPath": ".status.size",
            }},
            "schema": {"openAPIV3Schema": {"type": "object", "properties": {
                "spec": {"type": "object", "properties": {
                    "size": {"type": "integer"},
                    "tags": {"type": "array", "items": {"type": "string"}},
                    "newer": {"type": "string"},
                    "empty": {"type": "string", "nullable": True},
                }},
                "status": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
            }}},
        }],
    },
}  # fmt: skip


@pytest_asyncio.fixture(scope="session", loop_scope="session", autouse=True)
async def _installed(env: Environment) -> None:
    await install_crds(env.client, [CRD])


@pytest_asyncio.fixture(loop_scope="session")
async def client(env: Environment):
    """A live client that knows the type."""
    transport = Transport(env.rest_config(), user_agent="client-test")
    yield RestClient(transport, Scheme([CustomResource(resource=GADGET, model=Gadget)]))
    await transport.close()


@pytest_asyncio.fixture(loop_scope="session")
async def bare(env: Environment):
    """A live client whose scheme has never heard of it."""
    transport = Transport(env.rest_config(), user_agent="client-test")
    yield RestClient(transport, Scheme())
    await transport.close()


def config_map(namespace: str, name: str, **labels: str) -> JSON:
    return {
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": namespace, "labels": labels},
        "data": {"a": "b"},
    }  # fmt: skip


@pytest.fixture
def a_gadget(namespace: str) -> Gadget:
    return Gadget(
        metadata={"name": "g", "namespace": namespace}, spec=GadgetSpec(size=2, tags=["x"])
    )


# --- typed objects ----------------------------------------------------------------------------


async def test_typed_objects_go_in_and_come_out(client, a_gadget, namespace) -> None:
    key = NamespacedName(namespace, "g")
    made = await client.create(a_gadget)
    assert isinstance(made, Gadget)
    assert made.metadata["uid"]
    assert (await client.get(Gadget, key)).spec == a_gadget.spec
    assert [g.metadata["name"] for g in await client.list(Gadget, namespace=namespace)] == ["g"]
    bigger = await client.patch_from(made, attrs.evolve(made, spec=attrs.evolve(made.spec, size=3)))
    assert (bigger.spec.size, bigger.spec.tags) == (3, ["x"])
    reported = attrs.evolve(bigger, status={"size": 3})
    assert (await client.status.update(reported)).status == {"size": 3}
    await client.delete(Gadget, key)
    with pytest.raises(NotFound):
        await client.get(Gadget, key)


async def test_c48_fields_that_the_model_does_not_know_survive(client, namespace) -> None:
    key = NamespacedName(namespace, "g")
    await client.create({
        "apiVersion": "client.example.com/v1", "kind": "Gadget",
        "metadata": {"name": "g", "namespace": namespace},
        "spec": {"size": 1, "newer": "kept", "empty": None},
    })  # fmt: skip
    read = await client.get(Gadget, key)
    await client.patch_from(read, attrs.evolve(read, spec=attrs.evolve(read.spec, size=9)))
    stored = await client.get(GADGET, key)
    assert stored["spec"]["newer"] == "kept"
    assert stored["spec"]["size"] == 9
    with pytest.raises(TypeError, match="does not know"):
        await client.update(read)


async def test_nothing_is_sent_when_nothing_differs(client, env, a_gadget) -> None:
    made = await client.create(a_gadget)
    before = len(env.requests(user_agent="client-test"))
    assert await client.patch_from(made, attrs.evolve(made)) is made
    assert len(env.requests(user_agent="client-test")) == before


async def test_optimistic_lock_meets_another_writer(client, a_gadget, namespace) -> None:
    made = await client.create(a_gadget)
    key = NamespacedName(namespace, "g")
    await client.patch(Gadget, key, merge_patch({"spec": {"size": 7}}))
    with pytest.raises(Conflict):
        await client.patch_from(
            made, attrs.evolve(made, metadata={**made.metadata, "labels": {"a": "b"}}),
            optimistic_lock=True,
        )  # fmt: skip


# --- parts of objects -------------------------------------------------------------------------


async def test_metadata_alone(client, namespace) -> None:
    await client.create(config_map(namespace, "m", app="x"))
    key = NamespacedName(namespace, "m")
    one = await client.get(MetadataOnly(CONFIG_MAP), key)
    assert (one.key, one.meta.labels) == (key, {"app": "x"})
    (listed,) = await client.list(MetadataOnly(CONFIG_MAP), namespace=namespace, labels="app=x")
    assert listed.meta == one.meta


async def test_subresources_are_read_and_written_by_name(client, a_gadget, namespace):
    await client.create(a_gadget)
    key = NamespacedName(namespace, "g")
    scale = await client.sub_resource("scale").get(GADGET, key)
    assert (scale["kind"], scale["spec"]["replicas"]) == ("Scale", 2)
    scale["spec"]["replicas"] = 5
    await client.sub_resource("scale").replace(GADGET, key, scale)
    assert (await client.get(GADGET, key))["spec"]["size"] == 5
    await client.status.patch(GADGET, key, merge_patch({"status": {"size": 5}}))
    assert (await client.status.get(GADGET, key))["status"] == {"size": 5}


# --- selections, pages, collections -----------------------------------------------------------


async def test_lists_are_selected_by_fields_and_sets_of_labels(client, namespace) -> None:
    for name, tier in (("a", "data"), ("b", "query"), ("c", "master")):
        await client.create(config_map(namespace, name, tier=tier))

    async def names(**options: object) -> list[str]:
        found = await client.list(CONFIG_MAP, namespace=namespace, **options)
        return [o["metadata"]["name"] for o in found if o["metadata"]["labels"]]

    assert await names(labels="tier in (data,query)") == ["a", "b"]
    assert await names(labels="tier notin (data),tier") == ["b", "c"]
    assert await names(fields={"metadata.name": "c"}) == ["c"]
    with pytest.raises(BadRequest):
        await names(fields={"data.a": "b"})


async def test_list_is_read_page_by_page_on_request(client, namespace) -> None:
    for index in range(5):
        await client.create(config_map(namespace, f"p{index}", app="paged"))
    seen: list[str] = []
    token = ""
    while True:
        page = await client.list(
            CONFIG_MAP, namespace=namespace, labels={"app": "paged"}, limit=2, continue_token=token
        )
        assert len(page) <= 2
        assert page.resource_version
        seen += [o["metadata"]["name"] for o in page]
        token = page.continue_token
        if not token:
            break
    assert seen == [f"p{index}" for index in range(5)]


async def test_list_starts_again_when_its_token_expires(client, namespace, monkeypatch) -> None:
    """C06, for the client: no gap and no double."""
    for index in range(5):
        await client.create(config_map(namespace, f"p{index}", app="paged"))
    monkeypatch.setattr(rest_client_module, "PAGE_SIZE", 2)
    ask = client.transport.request
    tokens: list[str] = []

    async def expiring(method, path, *, params=None, **options):
        token = (params or {}).get("continue", "")
        if token:
            tokens.append(token)
            if len(tokens) == 2:
                raise Expired("The provided continue parameter is too old")
        return await ask(method, path, params=params, **options)

    monkeypatch.setattr(client.transport, "request", expiring)
    found = await client.list(CONFIG_MAP, namespace=namespace, labels="app=paged")
    assert [o["metadata"]["name"] for o in found] == [f"p{index}" for index in range(5)]
    assert len(tokens) == 2


async def test_collection_is_deleted_by_selector(client, namespace) -> None:
    for name, app in (("a", "gone"), ("b", "gone"), ("c", "kept")):
        await client.create(config_map(namespace, name, app=app))
    await client.delete_all_of(CONFIG_MAP, namespace=namespace, labels={"app": "gone"})
    left = await client.list(CONFIG_MAP, namespace=namespace, labels="app")
    assert [o["metadata"]["name"] for o in left] == ["c"]


# --- watching -----------------------------------------------------------------------------------


async def test_watch_yields_typed_changes_and_can_be_gone_on_with(
    client, a_gadget, namespace
) -> None:
    start = (await client.list(Gadget, namespace=namespace)).resource_version
    made = await client.create(a_gadget)
    key = NamespacedName(namespace, "g")
    async with asyncio.timeout(10):
        options = {"namespace": namespace, "resource_version": start}
        async with client.watch(Gadget, **options) as events:
            first = await anext(events)
            version = events.resource_version
        assert (first.type, first.object.spec) == ("ADDED", made.spec)
        assert version == made.metadata["resourceVersion"]
        await client.delete(Gadget, key)
        async with client.watch(Gadget, namespace=namespace, resource_version=version) as events:
            second = await anext(events)
    assert (second.type, second.object.metadata["name"]) == ("DELETED", "g")


async def test_watch_from_nowhere_shows_what_is_there(client, namespace) -> None:
    for name in ("a", "b"):
        await client.create(config_map(namespace, name, app="w"))
    async with (
        asyncio.timeout(10),
        client.watch(CONFIG_MAP, namespace=namespace, labels="app=w") as events,
    ):
        seen = {(await anext(events)).object["metadata"]["name"] for _ in range(2)}
        assert events.resource_version == "", "their order is none to go on from"
    assert seen == {"a", "b"}


# --- wrappers -----------------------------------------------------------------------------------


async def test_dry_run_stores_nothing(client, namespace) -> None:
    dry = dry_run_client(client)
    answer = await dry.create(config_map(namespace, "dry"))
    assert answer["metadata"]["uid"]
    with pytest.raises(NotFound):
        await client.get(CONFIG_MAP, NamespacedName(namespace, "dry"))


async def test_field_owner_is_put_in_where_none_is_named(client, namespace) -> None:
    ours = field_owner_client(client, "the-owner")
    await ours.create(config_map(namespace, "a"))
    await ours.create(config_map(namespace, "b"), field_owner="another")

    async def managers(name: str) -> list[str]:
        obj = await client.get(CONFIG_MAP, NamespacedName(namespace, name))
        return [entry["manager"] for entry in obj["metadata"]["managedFields"]]

    assert await managers("a") == ["the-owner"]
    assert await managers("b") == ["another"]


async def test_strict_client_is_refused_an_unknown_field(client, namespace, a_gadget) -> None:
    strict = field_validation_client(client, "Strict")
    wrong = {**client.scheme.encode(a_gadget), "specc": {}}
    with pytest.raises(BadRequest, match="specc"):
        await strict.create(wrong)
    await client.create(wrong)


async def test_client_of_one_namespace(client, namespace) -> None:
    ours = namespaced_client(client, namespace)
    nowhere = config_map("", "a")
    del nowhere["metadata"]["namespace"]
    await ours.create(nowhere)
    found = await ours.get(CONFIG_MAP, NamespacedName("", "a"))
    assert found["metadata"]["namespace"] == namespace
    assert "a" in [o["metadata"]["name"] for o in await ours.list(CONFIG_MAP)]
    assert (await ours.get(NAMESPACE, NamespacedName("", namespace)))["kind"] == "Namespace"
    for attempt in (
        ours.get(CONFIG_MAP, NamespacedName("kube-system", "a")),
        ours.list(CONFIG_MAP, namespace="kube-system"),
        ours.delete(CONFIG_MAP, NamespacedName("kube-system", "a")),
    ):
        with pytest.raises(WrongNamespace):
            await attempt


async def test_interceptor_refuses_one_verb_and_passes_the_others(client, namespace) -> None:
    seen: list[tuple[str, str]] = []

    async def fail(call: Write, proceed) -> JSON | None:
        seen.append((call.verb, call.subresource))
        raise InternalError("on purpose")

    async def watch(call: Write, proceed) -> JSON | None:
        seen.append((call.verb, call.subresource))
        return await proceed(call)

    meddled = intercept(dry_run_client(client), Funcs(create=watch, patch=fail))
    await meddled.create(config_map(namespace, "a"))
    with pytest.raises(InternalError):
        await meddled.status.patch(CONFIG_MAP, NamespacedName(namespace, "a"), merge_patch({}))
    assert seen == [("create", ""), ("patch", "status")]


# --- kinds outside the scheme --------------------------------------------------------------------


async def test_kind_outside_the_scheme_is_discovered(bare, namespace) -> None:
    gvk = GroupVersionKind("client.example.com", "v1", "Gadget")
    made = await bare.create({
        "apiVersion": gvk.api_version, "kind": gvk.kind,
        "metadata": {"name": "g", "namespace": namespace}, "spec": {},
    })  # fmt: skip
    assert (await bare.get(gvk, NamespacedName.of(made)))["metadata"] == made["metadata"]
    assert (await bare.mapper.preferred("apps", "Deployment")).plural == "deployments"


async def test_kind_that_is_installed_later_is_found_then(bare: RestClient, env: Environment):
    gvk = GroupVersionKind("later.example.com", "v1", "Late")
    with pytest.raises(NoKindMatch, match=r"Late\.v1\.later\.example\.com"):
        await bare.list(gvk)
    await env.client.create({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "lates.later.example.com"},
        "spec": {
            "group": gvk.group, "scope": "Cluster",
            "names": {"kind": "Late", "listKind": "LateList", "plural": "lates",
                      "singular": "late"},
            "versions": [{"name": "v1", "served": True, "storage": True,
                          "schema": {"openAPIV3Schema": {"type": "object"}}}],
        },
    })  # fmt: skip

    async def served() -> bool:
        try:
            return await bare.list(gvk) == []
        except (NoKindMatch, NotFound):
            return False

    await eventually(served)
