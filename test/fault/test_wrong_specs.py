"""A wrong object hurts nobody but itself.

The API server refuses it, or a condition says what is wrong with the JSON path of the field. Either
way the operator lives, serves other objects meanwhile, and lets the wrong one be deleted.
"""

from __future__ import annotations

import copy
from collections.abc import AsyncIterator, Callable
from typing import Any

import attrs
import pytest
import pytest_asyncio

from druid_operator.api.v1alpha1 import DRUID, DRUID_INGESTION
from druid_operator.pkg.errors import APIError, BadRequest, Invalid, RequestTooLarge
from druid_operator.pkg.meta import JSON, Resource, find_condition
from druid_operator.pkg.scheme.builtin import SERVICE

Change = Callable[[JSON], None]


@attrs.frozen
class Wrong:
    """Args:
    name: of the case.
    change: makes a right object wrong.
    path: of the field, as it must be said.
    kind: which object: ``cluster``, ``stream``, ``batch``.
    """

    name: str
    change: Change
    path: str
    kind: str = "cluster"

    def __str__(self) -> str:
        return f"{self.kind}: {self.name}"


def put(path: str, value: Any) -> Change:
    """Set ``a/b/c``; the function ``drop`` as value takes the field out."""
    *parents, last = path.split("/")

    def change(obj: JSON) -> None:
        inner = obj["spec"]
        for parent in parents:
            inner = inner[parent]
        if value is drop:
            inner.pop(last)
        else:
            inner[last] = value

    return change


def drop() -> None:
    """No value."""


def deep(levels: int) -> Any:
    value: Any = "bottom"
    for _ in range(levels):
        value = {"a": value}
    return value


def nulls(obj: JSON) -> None:
    """Every value, down to the leaves, is null."""

    def fill(value: Any) -> Any:
        return {k: fill(v) for k, v in value.items()} if isinstance(value, dict) else None

    obj["spec"] = fill(obj["spec"])


def as_text(text: str) -> Change:
    def change(obj: JSON) -> None:
        obj["spec"]["ingestion"]["spec"] = text
        del obj["spec"]["ingestion"]["nativeSpec"]

    return change


def no_port(obj: JSON) -> None:
    del obj["spec"]["nodes"]["routers"]["druid.port"]


CLUSTER = [
    Wrong("a required field is missing", put("nodes", drop), "spec.nodes"),
    Wrong("a node group's required field is missing", no_port, "druid.port"),
    Wrong("text for a number", put("nodes/routers/replicas", "two"), "replicas"),
    Wrong("a number for text", put("nodes/routers/runtime.properties", 7), "runtime.properties"),
    Wrong("text for a list", put("services", "all"), "spec.services"),
    Wrong("text for an object", put("nodes/routers", "router"), "spec.nodes"),
    Wrong("an unknown node type", put("nodes/routers/nodeType", "rooter"), "nodeType"),
    Wrong("an unknown workload", put("nodes/routers/kind", "DaemonSet"), "kind"),
    Wrong("a port out of range", put("nodes/routers/druid.port", 70000), "druid.port"),
    Wrong("a negative port", put("nodes/routers/druid.port", -1), "druid.port"),
    Wrong("a negative number of replicas", put("nodes/routers/replicas", -1), "replicas"),
    Wrong("a key that is no name", put("nodes/Hot_Tier", {}), "spec.nodes"),
    Wrong("a name that is too long", put("nodes/" + "x" * 64, {}), "spec.nodes"),
    Wrong("null for the groups", put("nodes", None), "spec.nodes"),
    Wrong("null everywhere", nulls, "spec"),
    Wrong(
        "a value that the API server refuses in a child",
        put("nodes/routers/services", [{"spec": {"type": "Nonsense"}}]), "spec.type",
    ),
    Wrong(
        "a volume that is mounted and not there",
        put("nodes/routers/volumeMounts", [{"name": "nowhere", "mountPath": "/x"}]),
        "volumeMounts",
    ),
    Wrong(
        "a reference to nothing",
        put("extraCommonConfig", [{"name": "nothing", "namespace": "world"}]),
        "spec.extraCommonConfig[0]",
    ),
    Wrong(
        "nested deeply", put("deepStorage", {"type": "default", "spec": deep(180)}),
        "spec.deepStorage",
    ),
]  # fmt: skip

DOCUMENT = "spec.ingestion.nativeSpec"
TEXT = "spec.ingestion.spec"
INGESTION = [
    Wrong("no cluster", put("druidCluster", drop), "spec.druidCluster", "stream"),
    Wrong("a cluster that is not there", put("druidCluster", "x"), "spec.druidCluster", "stream"),
    Wrong("no ingestion", put("ingestion", drop), "spec.ingestion", "stream"),
    Wrong("an unknown type", put("ingestion/type", "kafla"), "spec.ingestion", "stream"),
    Wrong("another type", put("ingestion/type", "kinesis"), f"{DOCUMENT}.type", "stream"),
    Wrong("no document", put("ingestion/nativeSpec", drop), DOCUMENT, "stream"),
    Wrong("text for the document", put("ingestion/nativeSpec", "kafka"), DOCUMENT, "stream"),
    Wrong("a list for the document", put("ingestion/nativeSpec", []), DOCUMENT, "stream"),
    Wrong("text for a flag", put("suspend", "yes"), "spec.suspend", "stream"),
    Wrong(
        "no topic", put("ingestion/nativeSpec/spec/ioConfig/topic", drop),
        f"{DOCUMENT}.spec.ioConfig.topic", "stream",
    ),
    Wrong(
        "no datasource", put("ingestion/nativeSpec/spec/dataSchema/dataSource", drop),
        f"{DOCUMENT}.spec.dataSchema.dataSource", "stream",
    ),
    Wrong(
        "a list for the schema", put("ingestion/nativeSpec/spec/dataSchema", []), DOCUMENT, "stream"
    ),
    Wrong(
        "a batch without a type", put("ingestion/nativeSpec/type", drop),
        f"{DOCUMENT}.type", "batch",
    ),
    Wrong("null everywhere", nulls, "spec", "stream"),
    Wrong("nested deeply", put("ingestion/nativeSpec/x", deep(180)), DOCUMENT, "stream"),
    Wrong("text that is no JSON", as_text('{"type": "kafka",}'), TEXT, "stream"),
    Wrong("text that ends early", as_text('{"type": "ka'), TEXT, "stream"),
    Wrong("text that is a list", as_text("[]"), TEXT, "stream"),
    Wrong("text with NaN", as_text('{"type": NaN}'), TEXT, "stream"),
    Wrong("half a character", as_text('{"type": "kafka", "x": "\\ud800"}'), TEXT, "stream"),
    Wrong("text that nests deeply", as_text("[" * 5000), TEXT, "stream"),
    Wrong("a long number", as_text('{"x": ' + "9" * 10_000 + "}"), TEXT, "stream"),
    Wrong("only spaces", as_text("  "), DOCUMENT, "stream"),
]  # fmt: skip


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def served(make_world: Any) -> AsyncIterator[Any]:
    """One operator for all wrong objects: it must survive every one of them."""
    async with make_world() as world:
        await world.operator().start()
        yield world


@pytest_asyncio.fixture(loop_scope="session")
async def bystander(served: Any, cluster: JSON) -> JSON:
    if served.gone(DRUID, cluster["metadata"]["name"]):
        await served.create(cluster)
        await served.until_ready(cluster)
    return cluster


@pytest.mark.parametrize("wrong", [*CLUSTER, *INGESTION], ids=str)
async def test_a_wrong_object_is_refused_or_told(
    request: pytest.FixtureRequest, served: Any, bystander: JSON, wrong: Wrong
) -> None:
    obj: JSON = copy.deepcopy(request.getfixturevalue(wrong.kind))
    # A name for each: one case that fails does not spoil the next.
    name = f"wrong-{next(served.numbers)}"
    obj["metadata"]["name"] = name
    wrong.change(obj)
    resource = DRUID if wrong.kind == "cluster" else DRUID_INGESTION
    logged = len(served.logs())
    refusal = await refused(served, obj)
    if refusal:
        assert wrong.path in refusal
    else:
        what = "a condition says what is wrong"
        said = await served.until(lambda: trouble(served, resource, name), what)
        assert wrong.path in said
        await still_serves(served)
        await served.delete(resource, name)
        await served.until(lambda: served.gone(resource, name), "it can be deleted")
    assert served.is_alive(), served.logs()
    assert "programming error" not in served.logs()[logged:]


async def refused(world: Any, obj: JSON) -> str:
    """The API server's words when it does not take the object, else empty."""
    try:
        await world.create(obj)
    except (Invalid, BadRequest, RequestTooLarge) as error:
        return str(error)
    return ""


def trouble(world: Any, resource: Resource, name: str) -> str:
    """The message of ``Ready`` when it is not True, for this generation."""
    status = world.get(resource, name).get("status") or {}
    ready = find_condition(status.get("conditions"), "Ready") or {}
    if ready.get("status") not in ("False", "Unknown") or status.get("observedGeneration") != 1:
        return ""
    # A cluster that only waits for its pods is not wrong.
    return "" if ready["reason"] == "Creating" else str(ready["message"])


async def still_serves(world: Any) -> None:
    """A child of the other cluster that is deleted comes back while the wrong object is there."""
    await world.delete(SERVICE, "druid-c-routers")
    await world.until(lambda: not world.gone(SERVICE, "druid-c-routers"), "the Service is back")


async def test_a_right_object_that_becomes_wrong_keeps_what_it_has(
    world: Any, cluster: JSON
) -> None:
    """A mistake in an edit must not take a running cluster down, and repairing it is enough."""
    await world.create(cluster)
    await world.operator().start()
    await world.until_ready(cluster)
    await world.until_quiet()
    before = world.end_state()["objects"]
    nodes = {"Hot_Tier": cluster["spec"]["nodes"]["routers"]}
    await world.change(DRUID, "c", {"spec": {"nodes": nodes}})
    stalled = await world.until_condition(DRUID, "c", "Stalled", "True", "InvalidSpec")
    assert "spec.nodes[Hot_Tier]" in stalled["message"]
    await world.until_quiet()
    after = world.end_state()["objects"]
    assert {k: v for k, v in after.items() if not k.startswith("Druid/")} == {
        k: v for k, v in before.items() if not k.startswith("Druid/")
    }
    await world.change(DRUID, "c", {"spec": {"nodes": {"Hot_Tier": None}}})
    await world.until_ready(cluster)


@pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning")
async def test_a_big_document_is_run_and_a_bigger_one_is_told(
    served: Any, bystander: JSON, batch: JSON
) -> None:
    """An object holds 1.5 MiB, a ConfigMap one: rows within a document reach both limits."""
    await served.until_ready(await into(served, batch, kilobytes=700))
    # Its status has no room for the document once more, and everything else.
    status = served.get(DRUID_INGESTION, "rows-700")["status"]
    assert status["state"] == "SUCCESS"
    assert "currentIngestionSpec.json" not in status

    bigger = (await into(served, batch, kilobytes=1100))["metadata"]["name"]
    said = await served.until(lambda: trouble(served, DRUID_INGESTION, bigger), "it is told")
    assert f"{DOCUMENT}: cannot be kept in a ConfigMap" in said
    assert "1048576 bytes" in said
    assert len(served.druid.tasks) == 1

    with pytest.raises(APIError):
        await into(served, batch, kilobytes=1600)
    with pytest.raises(RequestTooLarge):
        await into(served, batch, kilobytes=3200)
    await served.delete(DRUID_INGESTION, bigger)
    await served.until(lambda: served.gone(DRUID_INGESTION, bigger), "it can be deleted")
    assert served.is_alive()


async def into(world: Any, batch: JSON, *, kilobytes: int) -> JSON:
    """Create a batch ingestion with so much data in its document."""
    obj = copy.deepcopy(batch)
    obj["metadata"]["name"] = f"rows-{kilobytes}"
    row = '{"time": "2026-01-01T00:00:00Z", "country": "Portugal"}\n'
    source = obj["spec"]["ingestion"]["nativeSpec"]["spec"]["ioConfig"]["inputSource"]
    source["data"] = row * (kilobytes * 1000 // len(row))
    await world.create(obj)
    return obj
