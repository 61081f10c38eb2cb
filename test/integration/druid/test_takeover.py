"""Taking over a cluster that the Go operator made: no pod restarts, and it is ours afterwards.

The objects are those that the Go operator stored, made again in the test's namespace under the
manager name of its binary. In another namespace its ``configMapSHA`` has other values than ours
would have, as if they came from a build with another encoding.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from druid_operator.api.v1alpha1 import DRUID
from druid_operator.api.v1alpha1.keys import APPLIED_ANNOTATION
from druid_operator.internal.controller.druid.setup import GO_FIELD_MANAGER
from druid_operator.pkg.envtest.environment import Environment
from druid_operator.pkg.envtest.eventually import eventually
from druid_operator.pkg.errors import AlreadyExists
from druid_operator.pkg.meta import JSON
from druid_operator.pkg.scheme.builtin import CONFIG_MAP, POD, SERVICE, STATEFUL_SET

RECORDED = Path(__file__).parents[2] / "golden" / "go-operator"
#: What the Go operator does not make itself.
_OF_CONTROLLERS = ("Pod", "PersistentVolumeClaim")


async def make_what_pods_need(env: Environment, namespace: str) -> None:
    """The service account and the storage class that the recorded clusters name."""
    account = {"metadata": {"name": "druid", "namespace": namespace}}
    await env.client.create({"apiVersion": "v1", "kind": "ServiceAccount", **account})
    fast = {"metadata": {"name": "fast"}, "provisioner": "kubernetes.io/host-path"}
    try:
        await env.client.create({"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", **fast})
    except AlreadyExists:
        pass  # another test of this control plane made it


async def make_as_go_did(env: Environment, namespace: str, cluster: str) -> JSON:
    """Create the ``Druid`` and its recorded children; wait for the pods."""
    await make_what_pods_need(env, namespace)
    druid = yaml.safe_load((RECORDED / cluster / "cr.yaml").read_text())
    druid["metadata"] = {"name": druid["metadata"]["name"], "namespace": namespace}
    druid = await env.client.create(druid)
    pods = 0
    for child in json.loads((RECORDED / cluster / "children.json").read_bytes()):
        if child["kind"] in _OF_CONTROLLERS:
            continue
        if child["kind"] in ("StatefulSet", "Deployment"):
            pods += child["spec"]["replicas"]
        old = child["metadata"]
        (owner,) = old["ownerReferences"]
        metadata = {
            "name": old["name"], "namespace": namespace, "labels": old["labels"],
            "annotations": old["annotations"],
            "ownerReferences": [{**owner, "uid": druid["metadata"]["uid"]}],
        }  # fmt: skip
        body = {key: value for key, value in child.items() if key != "status"}
        if child["kind"] == "Service" and body["spec"].get("clusterIP") != "None":
            body["spec"] = {k: v for k, v in body["spec"].items() if not k.startswith("clusterIP")}
            for port in body["spec"]["ports"]:
                port.pop("nodePort", None)
        await env.client.create({**body, "metadata": metadata}, field_owner=GO_FIELD_MANAGER)

    async def all_ready() -> bool:
        found = await env.client.list(POD, namespace=namespace)
        return len(found) == pods and all(_is_ready(pod) for pod in found)

    await eventually(all_ready, timeout=20.0)
    return druid


def _is_ready(pod: JSON) -> bool:
    conditions = pod.get("status", {}).get("conditions") or ()
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)


async def uids(world: Any) -> set[str]:
    return {pod["metadata"]["uid"] for pod in await world.list(POD)}


@pytest.mark.usefixtures("needs_pods")
@pytest.mark.parametrize("cluster", ["tiny", "tiers"])
async def test_no_pod_restarts_and_the_fields_become_ours(
    env: Environment, namespace: str, run_operator: Any, cluster: str
) -> None:
    await make_as_go_did(env, namespace, cluster)
    async with run_operator() as world:
        before = await uids(world)
        specs = {s["metadata"]["name"]: s["spec"] for s in await world.list(STATEFUL_SET)}
        await world.until_ready(cluster)
        assert await uids(world) == before
        for stateful_set in await world.list(STATEFUL_SET):
            assert stateful_set["spec"] == specs[stateful_set["metadata"]["name"]]
            assert stateful_set["metadata"]["generation"] == 1
        for resource in (CONFIG_MAP, SERVICE, STATEFUL_SET):
            for child in await world.list(resource, druid_cr=cluster):
                assert APPLIED_ANNOTATION in child["metadata"]["annotations"]
                writers = [e["manager"] for e in child["metadata"]["managedFields"]]
                assert GO_FIELD_MANAGER not in writers
        assert await world.quiet_passes(3) == 0


@pytest.mark.usefixtures("needs_pods")
async def test_a_change_after_the_take_over_reaches_the_pods(
    env: Environment, namespace: str, run_operator: Any
) -> None:
    """A field that is no longer wanted goes, too: it was the Go operator's, and is ours now."""
    await make_as_go_did(env, namespace, "tiny")
    async with run_operator() as world:
        await world.until_ready("tiny")
        before = await uids(world)
        change = {"spec": {"common.runtime.properties": "changed=1", "podAnnotations": None}}
        await world.change(DRUID, "tiny", change)
        await world.until_ready("tiny")
        assert not await uids(world) & before
        for stateful_set in await world.list(STATEFUL_SET):
            template = stateful_set["spec"]["template"]["metadata"]
            assert not template.get("annotations")
