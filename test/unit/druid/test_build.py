"""The children, beyond what the recordings of the Go operator show."""

from __future__ import annotations

import pytest

from druid_operator.api.v1alpha1.keys import GO_HASH_ANNOTATION
from druid_operator.internal.druid.build import build
from druid_operator.internal.druid.order import WAVES, wave_of
from druid_operator.internal.druid.resolve import resolve


def spec_of(manifest):
    return manifest.object["spec"]


def annotations_of(manifest):
    return {k: v for k, v in manifest.object["metadata"]["annotations"].items()
            if k != GO_HASH_ANNOTATION}  # fmt: skip


def test_children_of_a_plain_node(children):
    assert set(children()) == {
        "ConfigMap/tiny-druid-common-config",
        "ConfigMap/druid-tiny-brokers-config",
        "StatefulSet/druid-tiny-brokers",
    }


def test_children_stand_wave_by_wave_with_the_files_before_the_workload(make_druid):
    nodes = {
        "c": {"nodeType": "coordinator", "services": [{}]},
        "h": {"nodeType": "historical", "services": [{}]},
    }
    assert [str(m) for m in build(resolve(make_druid(nodes=nodes)))] == [
        "ConfigMap data/tiny-druid-common-config",
        "ConfigMap data/druid-tiny-h-config",
        "Service data/druid-tiny-h",
        "StatefulSet data/druid-tiny-h",
        "ConfigMap data/druid-tiny-c-config",
        "Service data/druid-tiny-c",
        "StatefulSet data/druid-tiny-c",
    ]


def test_waves_are_druids_order():
    assert [wave_of(t) for types in WAVES for t in types] == [1, 2, 2, 3, 4, 5, 6]


def test_one_controller_reference_without_block_owner_deletion(children):
    for manifest in children().values():
        assert manifest.object["metadata"]["ownerReferences"] == [
            {
                "apiVersion": "druid.apache.org/v1alpha1",
                "kind": "Druid",
                "name": "tiny",
                "uid": "u-1",
                "controller": True,
            }
        ]


def test_without_uid_there_is_no_owner_and_another_hash(make_druid, children):
    druid = make_druid()
    druid.metadata.pop("uid")
    for manifest in build(resolve(druid)):
        assert "ownerReferences" not in manifest.object["metadata"]
        owned = children()[f"{manifest.resource.kind}/{manifest.name}"]
        assert owned.object["metadata"]["annotations"] != manifest.object["metadata"]["annotations"]


def test_annotations_of_one_node_do_not_reach_another(children):
    built = children(
        {"workloadAnnotations": {"all": "x"}},
        {"a": {"workloadAnnotations": {"only-a": "1"}}, "b": {}},
    )
    assert annotations_of(built["StatefulSet/druid-tiny-a"]) == {"all": "x", "only-a": "1"}
    assert annotations_of(built["StatefulSet/druid-tiny-b"]) == {"all": "x"}


def test_labels_and_selectors_of_a_cluster_service_do_not_leak_between_nodes(children):
    service = {
        "metadata": {"labels": {"l": "1"}, "annotations": {"n": "1"}},
        "spec": {"selector": {"s": "1"}},
    }
    built = children(
        {"services": [service]}, {"a": {"podLabels": {"only-a": "1"}}, "b": {"podLabels": {}}}
    )
    service_b = built["Service/druid-tiny-b"]
    labels = {
        "app": "druid", "druid_cr": "tiny",
        "nodeSpecUniqueStr": "druid-tiny-b", "component": "broker",
    }  # fmt: skip
    assert service_b.object["metadata"]["labels"] == {"l": "1", **labels}
    assert spec_of(service_b)["selector"] == {"s": "1", **labels}
    assert annotations_of(service_b) == {"n": "1"}


@pytest.mark.parametrize(
    ("given", "ports"),
    [
        ({}, [{"name": "service-port", "port": 8082, "targetPort": 8082}]),
        ({"ports": [{"port": 80}]}, [{"port": 80}]),
        ({"ports": []}, None),
    ],
)
def test_ports_of_a_service(children, given, ports):
    built = children(nodes={"b": {"services": [{"spec": given}]}})
    assert spec_of(built["Service/druid-tiny-b"]).get("ports") == ports


def test_a_stateful_set_is_bound_to_its_first_service(children):
    built = children(nodes={"a": {"services": [{"metadata": {"name": "x"}}, {}]}, "b": {}})
    assert spec_of(built["StatefulSet/druid-tiny-a"])["serviceName"] == "x"
    assert spec_of(built["StatefulSet/druid-tiny-b"])["serviceName"] == ""


@pytest.mark.parametrize(
    ("node", "rolling"),
    [
        ({}, {}),
        ({"maxSurge": 1}, {"maxSurge": 1}),
        ({"maxUnavailable": 0}, {"maxUnavailable": 0}),
        ({"maxSurge": 2, "maxUnavailable": 1}, {"maxUnavailable": 1, "maxSurge": 2}),
    ],
)
def test_either_bound_of_a_rolling_update_stands_by_itself(children, node, rolling):
    built = children(nodes={"b": {"kind": "Deployment", **node}})
    assert spec_of(built["Deployment/druid-tiny-b"])["strategy"] == {
        "type": "RollingUpdate",
        "rollingUpdate": rolling,
    }


@pytest.mark.parametrize("kind", ["StatefulSet", "Deployment"])
def test_replicas_are_sent_only_without_autoscaler_and_hashed_in_any_case(children, kind):
    node = {"kind": kind, "replicas": 2}
    scaled = {**node, "hpAutoscaler": {"maxReplicas": 5}}
    plain, under_hpa, other = (
        children(nodes={"b": n})[f"{kind}/druid-tiny-b"]
        for n in (node, scaled, {**scaled, "replicas": 3})
    )
    assert spec_of(plain)["replicas"] == 2
    assert "replicas" not in spec_of(under_hpa)
    hashes = [m.object["metadata"]["annotations"][GO_HASH_ANNOTATION]
              for m in (plain, under_hpa, other)]  # fmt: skip
    assert hashes[0] == hashes[1] != hashes[2]


@pytest.mark.parametrize("given", [None, {}, {"apiVersion": "apps/v1", "kind": "StatefulSet"}])
def test_an_autoscaler_without_target_scales_its_own_workload(children, given):
    autoscaler = {"maxReplicas": 5, "scaleTargetRef": given}
    built = children(nodes={"b": {"kind": "Deployment", "hpAutoscaler": autoscaler}})
    assert spec_of(built["HorizontalPodAutoscaler/druid-tiny-b"])["scaleTargetRef"] == {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "name": "druid-tiny-b",
    }


def test_an_autoscaler_keeps_the_target_that_it_names(children):
    target = {"kind": "Other", "name": "x"}
    autoscaler = {"maxReplicas": 5, "scaleTargetRef": target}
    built = children(nodes={"b": {"hpAutoscaler": autoscaler}})
    assert spec_of(built["HorizontalPodAutoscaler/druid-tiny-b"])["scaleTargetRef"] == target


def test_the_selector_of_a_budget_is_always_the_nodes(children):
    budget = {"minAvailable": 1, "selector": {"matchLabels": {"x": "y"}}}
    built = children(nodes={"b": {"podDisruptionBudgetSpec": budget}})
    assert spec_of(built["PodDisruptionBudget/druid-tiny-b"])["selector"]["matchLabels"] == {
        "app": "druid", "druid_cr": "tiny",
        "nodeSpecUniqueStr": "druid-tiny-b", "component": "broker",
    }  # fmt: skip


def test_every_named_claim_becomes_its_own(children):
    claims = [{"metadata": {"name": n}, "spec": {"volumeName": n}} for n in ("x", "y")]
    built = children(nodes={"b": {"persistentVolumeClaim": [*claims, {"spec": {}}]}})
    assert spec_of(built["PersistentVolumeClaim/x"]) == {"volumeName": "x"}
    assert spec_of(built["PersistentVolumeClaim/y"]) == {"volumeName": "y"}
    assert "PersistentVolumeClaim/druid-tiny-b" in built


@pytest.mark.parametrize("kept", [True, False])
def test_a_claim_is_owned_unless_claims_outlive_the_cluster(children, kept):
    node = {"persistentVolumeClaim": [{"metadata": {"name": "x"}, "spec": {}}]}
    built = children({"disablePVCDeletionFinalizer": kept}, {"b": node})
    metadata = built["PersistentVolumeClaim/x"].object["metadata"]
    assert ("ownerReferences" in metadata) is not kept


def test_sidecars_follow_the_druid_container_and_init_containers_stand_apart(children):
    def container(name, **fields):
        return {"containerName": name, "image": "i", "command": ["c"], **fields}

    built = children(
        {"additionalContainer": [container("c1"), container("c2", runAsInit=True)]},
        {"b": {"additionalContainer": [container("n1", imagePullPolicy="Always")]}},
    )
    pod = spec_of(built["StatefulSet/druid-tiny-b"])["template"]["spec"]
    assert [c["name"] for c in pod["containers"]] == ["druid-tiny-b", "c1", "n1"]
    assert [c["name"] for c in pod["initContainers"]] == ["c2"]
    assert pod["containers"][2] == {
        "name": "n1",
        "image": "i",
        "command": ["c"],
        "imagePullPolicy": "Always",
    }


def test_a_field_newer_than_the_go_operator_is_sent_and_not_hashed(children):
    def volume(**fields):
        return {"volumes": [{"name": "v", "emptyDir": {}, **fields}]}

    old, new = (
        children(volume(**f))["StatefulSet/druid-tiny-brokers"] for f in ({}, {"image": {}})
    )
    assert spec_of(new)["template"]["spec"]["volumes"][2]["image"] == {}
    assert old.object["metadata"]["annotations"] == new.object["metadata"]["annotations"]
