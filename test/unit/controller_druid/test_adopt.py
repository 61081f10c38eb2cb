"""Taking over a cluster restarts no pod; changing it afterwards does."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from druid_operator.api.v1alpha1 import Druid
from druid_operator.api.v1alpha1.keys import APPLIED_ANNOTATION, CONFIG_SHA_ANNOTATION
from druid_operator.internal.controller.druid.adopt import carried_config_sha
from druid_operator.internal.controller.druid.children import children_of, workload_id
from druid_operator.internal.druid.build import build
from druid_operator.internal.druid.resolve import resolve
from druid_operator.internal.druid.resolved import ResolvedCluster
from druid_operator.pkg.apply import ChildId
from druid_operator.pkg.meta import JSON
from druid_operator.pkg.scheme import Converter
from druid_operator.pkg.scheme.builtin import CONFIG_MAP

OTHER = "sha-of-another-encoding"


def cluster(properties: str = "a=1") -> ResolvedCluster:
    node = {
        "nodeType": "broker", "druid.port": 8082, "runtime.properties": "x=1", "replicas": 1,
        "nodeConfigMountPath": "/conf",
    }  # fmt: skip
    stored = {
        "metadata": {"name": "tiny", "namespace": "data", "uid": "u"},
        "spec": {
            "image": "druid:1", "common.runtime.properties": properties, "nodes": {"brokers": node},
        },
    }  # fmt: skip
    return resolve(Converter().decode(Druid, stored))


def running(desired: ResolvedCluster, **annotations: str) -> dict[ChildId, JSON]:
    """The children of a cluster that another build rendered."""
    other = desired.with_config_sha({"brokers": OTHER})
    children = {child.id: child.object for child in children_of(other, build(other))}
    workload = children[workload_id(other, "brokers")]
    workload["metadata"]["annotations"] |= annotations
    return children


def test_another_encoding_of_the_same_content_is_kept() -> None:
    desired = cluster()
    assert carried_config_sha(desired, running(desired)) == {"brokers": OTHER}


def test_the_same_value_is_not_worth_a_note() -> None:
    desired = cluster()
    children = {child.id: child.object for child in children_of(desired, build(desired))}
    assert carried_config_sha(desired, children) == {}


@pytest.mark.parametrize("field", ["data", "labels"])
def test_other_content_gets_our_own_value(field: str) -> None:
    desired = cluster()
    children = running(desired)
    for id_, obj in children.items():
        if id_.resource == CONFIG_MAP:
            target: dict[str, Any] = obj if field == "data" else obj["metadata"]
            target[field] = {**target[field], "changed": "1"}
    assert carried_config_sha(desired, children) == {}


def test_a_carried_value_is_kept_as_long_as_the_content_is() -> None:
    """Once applied, the note decides: the ConfigMaps are ahead of a group that waits its turn."""
    before, after = cluster("a=1"), cluster("a=2")
    note = before.node("brokers").config_sha
    noted = {APPLIED_ANNOTATION: "h", CONFIG_SHA_ANNOTATION: note}
    assert carried_config_sha(before, running(before, **noted)) == {"brokers": OTHER}
    assert carried_config_sha(after, running(after, **noted)) == {}
    assert carried_config_sha(after, running(after, **{APPLIED_ANNOTATION: "h"})) == {}


def test_the_note_is_written_beside_the_carried_value() -> None:
    desired = cluster()
    carried = {"brokers": OTHER}
    children = children_of(desired, build(desired.with_config_sha(carried)), carried)
    (workload,) = [c for c in children if c.id == workload_id(desired, "brokers")]
    annotations = workload.object["metadata"]["annotations"]
    assert annotations[CONFIG_SHA_ANNOTATION] == desired.node("brokers").config_sha
    (container,) = workload.object["spec"]["template"]["spec"]["containers"]
    assert container["env"][-1]["value"] == OTHER


def test_a_workload_requires_its_files_and_yields_its_replicas_to_an_autoscaler() -> None:
    plain = cluster()
    node = attrs.evolve(plain.nodes[0], autoscaler={"maxReplicas": 3})
    scaled = attrs.evolve(plain, nodes=(node,))
    for desired, yielded in ((plain, ()), (scaled, (("spec", "replicas"),))):
        children = children_of(desired, build(desired))
        (workload,) = [c for c in children if c.id == workload_id(desired, "brokers")]
        assert workload.yielded == yielded
        assert [r.key.name for r in workload.requires] == [
            "tiny-druid-common-config", "druid-tiny-brokers-config",
        ]  # fmt: skip
