"""What can never run is refused with the path of every fault; what the Go operator ran is not."""

from __future__ import annotations

import pytest

from druid_operator.internal.druid.resolve import resolve
from druid_operator.internal.druid.validate import MAX_LABEL, REFERENCE_NOT_FOUND
from druid_operator.pkg.errors import InvalidObject
from druid_operator.pkg.meta import NamespacedName


def faults(druid, extra=None):
    with pytest.raises(InvalidObject) as raised:
        resolve(druid, extra)
    return {error.path: error.message for error in raised.value.errors}


def test_every_fault_is_named_at_once(make_druid):
    druid = make_druid(
        {
            "image": None,
            "deepStorage": {"type": "s3", "spec": {}},
            "extraCommonConfig": [{"name": "x"}],
        },
        {
            "a": {"druid.port": 0, "nodeType": "zookeeper"},
            "b": {"kind": "deployment", "replicas": -1},
        },
    )
    assert set(faults(druid)) == {
        "spec.deepStorage", "spec.nodes[a].druid.port", "spec.nodes[a].nodeType",
        "spec.nodes[a].image", "spec.nodes[b].image", "spec.nodes[b].kind",
        "spec.nodes[b].replicas", "spec.extraCommonConfig[0]",
    }  # fmt: skip


@pytest.mark.parametrize("port", [0, -1, 65536])
def test_a_port_is_within_1_and_65535(make_druid, port):
    assert "spec.nodes[b].druid.port" in faults(make_druid(nodes={"b": {"druid.port": port}}))


@pytest.mark.parametrize("port", [1, 65535])
def test_the_first_and_the_last_port_are_ports(make_druid, port):
    resolve(make_druid(nodes={"b": {"druid.port": port}}))


@pytest.mark.parametrize("kind", ["StatefulSet", "Deployment", "", None])
def test_a_kind_may_be_absent(make_druid, kind):
    resolve(make_druid(nodes={"b": {"kind": kind}}))


def test_a_kind_in_lower_case_is_told_what_the_go_operator_made_of_it(make_druid):
    found = faults(make_druid(nodes={"b": {"kind": "deployment"}}))
    assert "write StatefulSet to keep that" in found["spec.nodes[b].kind"]


@pytest.mark.parametrize("key", ["Hot", "hot_1", "-hot", "hot-", "hot.1", "", "hot\n"])
def test_a_node_key_must_fit_a_container_name(make_druid, key):
    assert f"spec.nodes[{key}]" in faults(make_druid(nodes={key: {}}))


@pytest.mark.parametrize("name", ["my.cluster", "Tiny", "t" * 64])
def test_a_cluster_name_must_fit_a_container_name(make_druid, name):
    assert "metadata.name" in faults(make_druid(name=name))


def test_the_longest_names(make_druid):
    """A Deployment's name is a label; a StatefulSet's pods have a number on top of it."""
    room = MAX_LABEL - len("druid-tiny-")
    resolve(make_druid(nodes={"k" * room: {"kind": "Deployment"}}))
    assert faults(make_druid(nodes={"k" * (room + 1): {"kind": "Deployment"}}))

    stateful = room - len("-9")
    resolve(make_druid(nodes={"k" * stateful: {"replicas": 10}}))
    assert faults(make_druid(nodes={"k" * stateful: {"replicas": 11}}))


def test_a_name_that_may_clash_with_a_revision_is_a_warning(make_druid):
    key = "k" * (52 - len("druid-tiny-"))
    assert not resolve(make_druid(nodes={key: {}})).warnings
    (warning,) = resolve(make_druid(nodes={key + "k": {}})).warnings
    assert warning.path == f"spec.nodes[{key}k]"


def container(name, **fields):
    return {"containerName": name, "image": "i", "command": ["c"], **fields}


def test_container_names_are_unique_in_a_pod(make_druid):
    druid = make_druid(
        {"additionalContainer": [container("a"), container("a", runAsInit=True)]},
        {
            "b": {"additionalContainer": [container("a"), container("druid-tiny-b")]},
            "c": {"additionalContainer": [container("druid-tiny-b")]},
        },
    )
    assert set(faults(druid)) == {
        "spec.additionalContainer[1].containerName",
        "spec.nodes[b].additionalContainer[0].containerName",
        "spec.nodes[b].additionalContainer[1].containerName",
    }


def test_a_missing_extra_config_map_is_named_and_has_its_own_reason(make_druid):
    druid = make_druid({"extraCommonConfig": [{"name": "there"}, {"name": "gone"}]})
    with pytest.raises(InvalidObject) as raised:
        resolve(druid, {NamespacedName("data", "there"): {}})
    assert raised.value.reason == REFERENCE_NOT_FOUND
    (error,) = raised.value.errors
    assert (error.path, error.message) == (
        "spec.extraCommonConfig[1]",
        "ConfigMap data/gone does not exist",
    )


def named(name):
    return {"metadata": {"name": name}}


def test_services_of_one_name_are_refused(make_druid):
    druid = make_druid(
        {"services": [named("shared")]},
        {"a": {}, "b": {}, "c": {"services": [{}, {}]}, "d": {"services": [named("x-%s"), {}]}},
    )
    assert set(faults(druid)) == {
        "spec.services[0].metadata.name",
        "spec.nodes[c].services[0].metadata.name",
        "spec.nodes[c].services[1].metadata.name",
    }


@pytest.mark.parametrize("name", ["UPPER", "1st", "a" * 64, "%d-x"])
def test_a_service_needs_a_name_that_kubernetes_takes(make_druid, name):
    druid = make_druid(nodes={"a": {"services": [named(name)]}})
    assert "spec.nodes[a].services[0].metadata.name" in faults(druid)


def test_claims_of_one_name_are_refused(make_druid):
    nodes = {
        "a": {"persistentVolumeClaim": [named("x")]},
        "b": {"persistentVolumeClaim": [named("x")]},
    }
    assert set(faults(make_druid(nodes=nodes))) == {
        "spec.nodes[a].persistentVolumeClaim[0].metadata.name",
        "spec.nodes[b].persistentVolumeClaim[0].metadata.name",
    }


def test_a_deployment_that_mounts_a_claim_template_is_refused(make_druid):
    spec = {"volumeMounts": [{"name": "ok"}, {"name": "data"}], "volumes": [{"name": "ok"}]}
    nodes = {
        "d": {"kind": "Deployment", "volumeClaimTemplates": [named("data")]},
        "s": {"volumeClaimTemplates": [named("data")]},
    }
    assert set(faults(make_druid(spec, nodes))) == {"spec.volumeMounts[1]"}


def test_a_claim_template_without_storage_class_is_accepted(make_druid):
    resolve(make_druid(nodes={"b": {"volumeClaimTemplates": [named("data")]}}))
