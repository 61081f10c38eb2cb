"""The Druid controller against an API server: what users see happen to a cluster.

The state of the world is asserted, reached by the operator's own watches alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from druid_operator.api.v1alpha1 import DRUID
from druid_operator.api.v1alpha1.keys import (
    APPLIED_ANNOTATION,
    GO_HASH_ANNOTATION,
    IGNORED_ANNOTATION,
    PVC_FINALIZER,
)
from druid_operator.pkg.errors import Invalid
from druid_operator.pkg.meta import JSON, kstatus
from druid_operator.pkg.scheme.builtin import (
    CONFIG_MAP,
    DEPLOYMENT,
    PERSISTENT_VOLUME_CLAIM,
    SERVICE,
    STATEFUL_SET,
)

Small = Callable[..., JSON]

pods = pytest.mark.usefixtures("needs_pods")


@pods
async def test_a_cluster_of_every_service_becomes_ready(world: Any, sample: JSON) -> None:
    name = await world.create(sample)
    druid = await world.until_ready(name)
    assert kstatus(druid) == "Current"
    count = len(sample["spec"]["nodes"])
    assert druid["status"]["readyComponents"] == f"{count}/{count}"
    assert druid["status"]["druidNodeStatus"]["druidNode"] == "All"
    assert PVC_FINALIZER in druid["metadata"]["finalizers"]
    for resource in (CONFIG_MAP, SERVICE, STATEFUL_SET, DEPLOYMENT):
        children = await world.list(resource, druid_cr=name)
        assert children
        for child in children:
            annotations = child["metadata"]["annotations"]
            assert {GO_HASH_ANNOTATION, APPLIED_ANNOTATION} <= annotations.keys()
            assert child["metadata"]["ownerReferences"][0]["uid"] == druid["metadata"]["uid"]


@pods
async def test_an_unchanged_world_costs_no_write(world: Any, sample: JSON) -> None:
    """Counted over several passes, and the objects are untouched."""
    name = await world.create(sample)
    before = await world.until_ready(name)
    assert await world.quiet_passes(4) == 0
    assert await world.get(DRUID, name) == before


async def test_an_edited_child_is_repaired(world: Any, small: Small) -> None:
    name = await world.create(small())
    await world.until(lambda: world.get(CONFIG_MAP, "druid-small-historical-config"))
    wanted = (await world.get(CONFIG_MAP, "druid-small-historical-config"))["data"]
    edit = {"data": {"runtime.properties": "broken", "added": "kept"}}
    await world.change(CONFIG_MAP, "druid-small-historical-config", edit)

    async def repaired() -> bool:
        data = (await world.get(CONFIG_MAP, "druid-small-historical-config"))["data"]
        return bool(data == {**wanted, "added": "kept"})

    await world.until(repaired)
    assert name == "small"


async def test_a_child_that_lost_its_labels_is_repaired(world: Any, small: Small) -> None:
    """It leaves the watch by that; its name is then found taken, by ourselves."""
    await world.create(small())
    await world.until(lambda: world.get(SERVICE, "druid-small-historical"))
    await world.change(SERVICE, "druid-small-historical", {"metadata": {"labels": {"app": None}}})

    async def repaired() -> bool:
        labels = (await world.get(SERVICE, "druid-small-historical"))["metadata"]["labels"]
        return bool(labels.get("app") == "druid")

    await world.until(repaired)


@pytest.mark.parametrize(
    ("resource", "child"),
    [
        (CONFIG_MAP, "small-druid-common-config"),
        (SERVICE, "druid-small-coordinator"),
        (STATEFUL_SET, "druid-small-historical"),
    ],
    ids=lambda value: getattr(value, "kind", value),
)
async def test_a_deleted_child_comes_back(
    world: Any, small: Small, resource: Any, child: str
) -> None:
    await world.create(small())
    first = await world.until(lambda: world.get(resource, child))
    await world.delete(resource, child)

    async def back() -> bool:
        again = await world.get(resource, child)
        return bool(again["metadata"]["uid"] != first["metadata"]["uid"])

    await world.until(back)


async def test_a_node_group_that_is_no_longer_wanted_goes(world: Any, small: Small) -> None:
    """With its children; a stranger's object that carries the same labels stays."""
    await world.create(small())
    await world.until(lambda: world.get(STATEFUL_SET, "druid-small-coordinator"))
    labels = {"app": "druid", "druid_cr": "small"}
    await world.env.client.create({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "users-own", "namespace": world.namespace, "labels": labels},
    })  # fmt: skip
    await world.change(DRUID, "small", {"spec": {"nodes": {"coordinator": None}}})
    for resource, child in (
        (STATEFUL_SET, "druid-small-coordinator"),
        (SERVICE, "druid-small-coordinator"),
        (CONFIG_MAP, "druid-small-coordinator-config"),
    ):
        await world.until(lambda r=resource, c=child: world.gone(r, c))
    assert not await world.gone(CONFIG_MAP, "users-own")
    assert not await world.gone(STATEFUL_SET, "druid-small-historical")


@pods
async def test_a_change_waits_for_the_group_before_it(world: Any, small: Small) -> None:
    """A bad image stops at the first group; the status says who waits; the repair goes through."""
    name = await world.create(small())
    await world.until_ready(name)
    await world.change(DRUID, name, {"spec": {"image": "apache/druid:34-never-ready"}})

    async def told() -> JSON:
        druid = await world.get(DRUID, name)
        messages = {c["name"]: c.get("message", "") for c in druid["status"]["components"]}
        waits = messages["coordinator"] == "waits for historical before it is changed"
        return druid if waits and "1 of 2 pods" in messages["historical"] else {}

    druid = await world.until(told)
    assert kstatus(druid) == "InProgress"
    assert (await world.condition(name, "RolloutComplete"))["reason"] == "RollingOut"
    assert (await world.condition(name, "ComponentsAvailable"))["status"] == "True"
    images = {
        s["metadata"]["name"]: s["spec"]["template"]["spec"]["containers"][0]["image"]
        for s in await world.list(STATEFUL_SET)
    }
    assert images["druid-small-coordinator"] == "apache/druid:33.0.0"

    await world.change(DRUID, name, {"spec": {"image": "apache/druid:34.0.0"}})
    await world.until_ready(name)
    for stateful_set in await world.list(STATEFUL_SET):
        container = stateful_set["spec"]["template"]["spec"]["containers"][0]
        assert container["image"] == "apache/druid:34.0.0"


REFUSED = {
    "port out of range": ({"druid.port": 70000}, "spec.nodes[historical].druid.port: 70000"),
    "no such kind": ({"kind": "DaemonSet"}, "spec.nodes[historical].kind: 'DaemonSet'"),
}


@pytest.mark.parametrize(("change", "message"), REFUSED.values(), ids=REFUSED)
async def test_a_wrong_spec_is_stalled_with_its_path(
    world: Any, small: Small, change: JSON, message: str
) -> None:
    """The operator lives, and serves the next object."""
    druid = small("wrong")
    druid["spec"]["nodes"]["historical"].update(change)
    await world.create(druid)

    async def stalled() -> bool:
        condition = await world.condition("wrong", "Stalled")
        return str(condition.get("message", "")).startswith(message)

    await world.until(stalled, message)
    assert kstatus(await world.get(DRUID, "wrong")) == "Failed"
    assert await world.list(STATEFUL_SET) == []
    await world.create(small("good"))
    await world.until(lambda: world.get(STATEFUL_SET, "druid-good-historical"))


async def test_a_spec_of_the_wrong_shape_is_refused_by_the_api_server(
    world: Any, small: Small
) -> None:
    druid = small("wrong")
    druid["spec"]["nodes"]["historical"]["nodeType"] = "historian"
    druid["spec"]["nodes"]["coordinator"]["druid.port"] = "8081"
    del druid["spec"]["common.runtime.properties"]
    with pytest.raises(Invalid) as refused:
        await world.create(druid)
    assert {cause.path for cause in refused.value.causes} == {
        "spec.nodes.historical.nodeType", "spec.nodes.coordinator.druid.port",
        "spec.common.runtime.properties",
    }  # fmt: skip


async def test_a_missing_reference_is_told_and_its_arrival_is_enough(
    world: Any, small: Small
) -> None:
    """Also its later change: the ConfigMap carries no label of ours and is watched by name."""
    await world.create(small(extraCommonConfig=[{"name": "extra"}]))

    async def stalled() -> bool:
        return (await world.condition("small", "Stalled")).get("reason") == "ReferenceNotFound"

    await world.until(stalled)
    await world.env.client.create({
        "apiVersion": "v1", "kind": "ConfigMap", "data": {"krb5.conf": "one"},
        "metadata": {"name": "extra", "namespace": world.namespace},
    })  # fmt: skip

    async def rendered(text: str) -> bool:
        data = (await world.get(CONFIG_MAP, "small-druid-common-config"))["data"]
        return bool(data.get("krb5.conf") == text)

    await world.until(lambda: rendered("one"))
    await world.change(CONFIG_MAP, "extra", {"data": {"krb5.conf": "two"}})
    await world.until(lambda: rendered("two"))


async def test_a_name_of_another_owner_is_not_touched(world: Any, small: Small) -> None:
    await world.env.client.create({
        "apiVersion": "v1", "kind": "ConfigMap", "data": {"mine": "1"},
        "metadata": {"name": "small-druid-common-config", "namespace": world.namespace},
    })  # fmt: skip
    await world.create(small())

    async def stalled() -> bool:
        return (await world.condition("small", "Stalled")).get("reason") == "NameConflict"

    await world.until(stalled)
    foreign = await world.get(CONFIG_MAP, "small-druid-common-config")
    assert foreign["data"] == {"mine": "1"}
    # Workloads need that file; everything else is made all the same.
    assert await world.list(STATEFUL_SET) == []
    assert not await world.gone(SERVICE, "druid-small-historical")
    await world.delete(CONFIG_MAP, "small-druid-common-config")
    await world.until(lambda: world.get(STATEFUL_SET, "druid-small-historical"))


@pods
async def test_a_paused_cluster_is_left_alone(world: Any, small: Small) -> None:
    name = await world.create(small())
    await world.until_ready(name)
    await world.change(DRUID, name, {"metadata": {"annotations": {IGNORED_ANNOTATION: "true"}}})

    async def paused() -> bool:
        return bool((await world.condition(name, "Paused")).get("status") == "True")

    await world.until(paused)
    await world.delete(SERVICE, "druid-small-historical")
    await world.change(DRUID, name, {"metadata": {"annotations": {IGNORED_ANNOTATION: "false"}}})
    await world.until(lambda: world.get(SERVICE, "druid-small-historical"))

    async def resumed() -> bool:
        return not await world.condition(name, "Paused")

    await world.until(resumed)


async def test_a_denied_namespace_is_left_alone(
    run_operator: Any, namespace: str, small: Small
) -> None:
    async with run_operator(deny_namespaces=frozenset({namespace})) as world:
        await world.create(small())

        async def seen() -> bool:
            return bool(world.passes() >= 1)

        await world.until(seen)
        assert (world.writes(), await world.list(CONFIG_MAP, app="druid")) == (0, [])


@pods
async def test_a_deleted_cluster_takes_its_claims_with_it(world: Any, small: Small) -> None:
    """Those that StatefulSets made for it; a claim that merely carries the labels stays."""
    name = await world.create(small())
    await world.until_ready(name)
    (claim, other) = await world.list(PERSISTENT_VOLUME_CLAIM, druid_cr=name)
    lookalike = {
        "apiVersion": "v1", "kind": "PersistentVolumeClaim",
        "metadata": {
            "name": "backup", "namespace": world.namespace, "labels": claim["metadata"]["labels"],
        },
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    }  # fmt: skip
    await world.env.client.create(lookalike)
    await world.delete(DRUID, name)
    await world.until(lambda: world.gone(DRUID, name))
    for gone in (claim, other):
        key = gone["metadata"]["name"]
        await world.until(lambda key=key: world.gone(PERSISTENT_VOLUME_CLAIM, key))
    assert not await world.gone(PERSISTENT_VOLUME_CLAIM, "backup")


@pods
async def test_claims_are_kept_where_that_is_asked_for(world: Any, small: Small) -> None:
    name = await world.create(small(disablePVCDeletionFinalizer=True))
    druid = await world.until_ready(name)
    assert PVC_FINALIZER not in (druid["metadata"].get("finalizers") or [])
    await world.delete(DRUID, name)
    await world.until(lambda: world.gone(DRUID, name))
    await world.until(lambda: world.gone(STATEFUL_SET, "druid-small-historical"))
    claims = await world.list(PERSISTENT_VOLUME_CLAIM, druid_cr=name)
    assert [c["metadata"].get("deletionTimestamp") for c in claims] == [None, None]


async def test_an_object_that_cannot_be_run_can_be_deleted(world: Any, small: Small) -> None:
    """Even while paused: who deletes an object asks for its end."""
    druid = small(image=None, extraCommonConfig=[{"name": "missing"}])
    name = await world.create(druid)

    async def stalled() -> bool:
        return bool((await world.condition(name, "Stalled")).get("status") == "True")

    await world.until(stalled)
    await world.change(DRUID, name, {"metadata": {"annotations": {IGNORED_ANNOTATION: "true"}}})
    await world.delete(DRUID, name)
    await world.until(lambda: world.gone(DRUID, name))
