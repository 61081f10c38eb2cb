"""The merge rules between cluster and node group, one table per rule."""

from __future__ import annotations

import pytest

from druid_operator.internal.druid.resolve import extra_config_refs, resolve
from druid_operator.pkg.meta import NamespacedName

ITEM, OTHER = {"name": "cluster"}, {"name": "node"}
A, B = {"a": "1"}, {"b": "2"}


@pytest.mark.parametrize(
    ("cluster_field", "node_field", "attribute", "cluster", "node"),
    [
        ("env", "env", "env", [ITEM], [OTHER]),
        ("envFrom", "envFrom", "env_from", [ITEM], [OTHER]),
        ("nodeSelector", "nodeSelector", "node_selector", A, B),
        ("podAnnotations", "podAnnotations", "annotations", A, B),
        ("imagePullSecrets", "imagePullSecrets", "image_pull_secrets", [ITEM], [OTHER]),
        ("securityContext", "securityContext", "security_context", A, B),
        (
            "containerSecurityContext",
            "containerSecurityContext",
            "container_security_context",
            A,
            B,
        ),
        ("dnsConfig", "dnsConfig", "dns_config", A, B),
        ("affinity", "affinity", "affinity", {"nodeAffinity": {}}, {"podAffinity": {}}),
    ],
)
def test_replace_the_nodes_value_wins_even_when_empty(
    broker, cluster_field, node_field, attribute, cluster, node
):
    empty = type(node)()
    assert getattr(broker({cluster_field: cluster}).pod, attribute) == cluster
    assert getattr(broker({cluster_field: cluster}, {node_field: node}).pod, attribute) == node
    assert not getattr(broker({cluster_field: cluster}, {node_field: empty}).pod, attribute)


@pytest.mark.parametrize(
    ("cluster_field", "node_field", "attribute"),
    [
        ("image", "image", "image"),
        ("imagePullPolicy", "imagePullPolicy", "image_pull_policy"),
        ("priorityClassName", "priorityClassName", "priority_class_name"),
        ("dnsPolicy", "dnsPolicy", "dns_policy"),
        ("serviceAccount", "serviceAccountName", "service_account_name"),
    ],
)
def test_text_the_nodes_value_wins_when_it_is_not_empty(
    broker, cluster_field, node_field, attribute
):
    cluster = {cluster_field: "c"}
    assert getattr(broker(cluster).pod, attribute) == "c"
    assert getattr(broker(cluster, {node_field: "n"}).pod, attribute) == "n"
    assert getattr(broker(cluster, {node_field: ""}).pod, attribute) == "c"


@pytest.mark.parametrize(
    ("field", "attribute"),
    [("tolerations", "tolerations"), ("volumes", "volumes"), ("volumeMounts", "volume_mounts")],
)
def test_concat_the_clusters_items_come_first(broker, field, attribute):
    assert list(getattr(broker({field: [ITEM]}, {field: [OTHER]}).pod, attribute)) == [ITEM, OTHER]
    assert list(getattr(broker({field: [ITEM]}).pod, attribute)) == [ITEM]
    assert list(getattr(broker({field: [ITEM]}, {field: []}).pod, attribute)) == [ITEM]


def test_merge_key_by_key_the_node_wins(broker):
    node = broker(
        {"podLabels": {"x": "c", "y": "c"}, "workloadAnnotations": {"x": "c", "y": "c"}},
        {"podLabels": {"x": "n"}, "workloadAnnotations": {"z": "n"}},
    )
    assert (node.labels["x"], node.labels["y"]) == ("n", "c")
    assert node.workload_annotations == {"x": "c", "y": "c", "z": "n"}


@pytest.mark.parametrize(
    ("cluster", "node", "policy"),
    [
        ("", "", "Parallel"),
        ("OrderedReady", "", "OrderedReady"),
        ("", "OrderedReady", "OrderedReady"),
        ("OrderedReady", "Parallel", "Parallel"),
    ],
)
def test_pod_management_policy(broker, cluster, node, policy):
    resolved = broker({"podManagementPolicy": cluster}, {"podManagementPolicy": node})
    assert resolved.pod_management_policy == policy


def test_affinity_is_never_absent(broker):
    assert broker().pod.affinity == {}


def test_command_is_the_start_script_and_the_service(broker):
    assert broker({"startScript": "/druid.sh"}).pod.command == ("/druid.sh", "broker")
    assert broker({"startScript": ""}).pod.command == ("bin/run-druid.sh", "broker")


def test_replicas_absent_means_none(make_druid):
    assert resolve(make_druid(nodes={"b": {"replicas": None}})).node("b").replicas == 0


def test_services_of_the_node_replace_the_clusters_whole(broker):
    service = {"spec": {"type": "ClusterIP"}}
    named = {"metadata": {"name": "x-%s"}}
    assert [s.name for s in broker({"services": [service]}).services] == ["druid-tiny-brokers"]
    assert [s.name for s in broker({"services": [service]}, {"services": [named]}).services] == [
        "x-druid-tiny-brokers"
    ]
    assert broker({"services": [service]}, {"services": []}).services == ()


def test_a_deployment_has_no_claim_templates(make_druid):
    template = {"metadata": {"name": "data"}, "spec": {}}
    nodes = {"b": {"kind": "Deployment", "volumeClaimTemplates": [template]}}
    cluster = resolve(make_druid({"volumeClaimTemplates": [template]}, nodes))
    assert cluster.node("b").claim_templates == ()
    assert [w.path for w in cluster.warnings] == ["spec.nodes[b].volumeClaimTemplates"]


def test_nodes_stand_in_druids_rollout_order_and_by_key_within_a_wave(make_druid):
    types = {
        "z-hot": "historical", "a-cold": "historical", "peons": "middleManager", "ix": "indexer",
        "q": "broker", "r": "router", "o": "overlord", "c": "coordinator",
    }  # fmt: skip
    nodes = {key: {"nodeType": type_} for key, type_ in sorted(types.items(), reverse=True)}
    assert [node.key for node in resolve(make_druid(nodes=nodes)).nodes] == [
        "a-cold", "z-hot", "ix", "peons", "q", "r", "o", "c",
    ]  # fmt: skip


def test_extra_config_is_looked_up_in_the_own_namespace_unless_said_otherwise(make_druid):
    druid = make_druid({"extraCommonConfig": [{"name": "a"}, {"name": "b", "namespace": "other"}]})
    assert extra_config_refs(druid) == (NamespacedName("data", "a"), NamespacedName("other", "b"))


def test_a_later_extra_config_map_wins_also_over_our_own_files(make_druid):
    refs = [{"name": "a"}, {"name": "b"}]
    extra = {
        NamespacedName("data", "a"): {"x": "1", "y": "1"},
        NamespacedName("data", "b"): {"y": "2", "common.runtime.properties": "mine"},
    }
    cluster = resolve(make_druid({"extraCommonConfig": refs, "core-site.xml": "<c/>"}), extra)
    assert cluster.common_config == {
        "common.runtime.properties": "mine", "core-site.xml": "<c/>", "x": "1", "y": "2",
    }  # fmt: skip


def test_a_carried_sha_replaces_ours_for_the_named_nodes_alone(make_druid):
    cluster = resolve(make_druid(nodes={"a": {}, "b": {}}))
    carried = cluster.with_config_sha({"a": "live"})
    assert carried.node("a").config_sha == "live"
    assert carried.node("b").config_sha == cluster.node("b").config_sha != "live"


def test_an_unknown_node_is_a_key_error(make_druid):
    with pytest.raises(KeyError):
        resolve(make_druid()).node("nope")
