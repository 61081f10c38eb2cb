"""Taking over a cluster whose ``configMapSHA`` was computed in another way.

Builds of the Go operator encode a ConfigMap differently (newer libraries leave out the null
timestamp, older ones write control characters otherwise), so one content has several hashes. The
value stands in every pod: writing ours would restart them all for nothing. While the content stays
as it was, the running value is therefore carried over.
"""

from __future__ import annotations

from collections.abc import Mapping

from druid_operator.api.v1alpha1.keys import APPLIED_ANNOTATION, CONFIG_SHA_ANNOTATION
from druid_operator.internal.controller.druid.children import workload_id
from druid_operator.internal.druid import names
from druid_operator.internal.druid.resolved import ResolvedCluster, ResolvedNode
from druid_operator.pkg.apply import ChildId
from druid_operator.pkg.meta import JSON, NamespacedName
from druid_operator.pkg.scheme.builtin import CONFIG_MAP


def carried_config_sha(
    cluster: ResolvedCluster, children: Mapping[ChildId, JSON]
) -> Mapping[str, str]:
    """The ``configMapSHA`` to keep, by node key; nodes that get our own value are left out.

    Decided from the ConfigMaps only before our first apply. Later they are ahead of a node group
    that waits for its turn, and would make its old value look right: then the annotation tells for
    which of our own values the running one was carried.
    """
    carried: dict[str, str] = {}
    for node in cluster.nodes:
        workload = children.get(workload_id(cluster, node.key))
        running = _running_value(node, workload) if workload else ""
        if not workload or not running or running == node.config_sha:
            continue
        annotations = workload["metadata"].get("annotations") or {}
        if APPLIED_ANNOTATION in annotations:
            unchanged = annotations.get(CONFIG_SHA_ANNOTATION) == node.config_sha
        else:
            unchanged = _same_content(cluster, node, children)
        if unchanged:
            carried[node.key] = running
    return carried


def _running_value(node: ResolvedNode, workload: JSON) -> str:
    containers = workload["spec"]["template"]["spec"]["containers"]
    for container in containers:
        if container["name"] == node.unique_name:
            for variable in container.get("env") or ():
                if variable["name"] == names.CONFIG_SHA_ENV:
                    return str(variable.get("value") or "")
    return ""


def _same_content(
    cluster: ResolvedCluster, node: ResolvedNode, children: Mapping[ChildId, JSON]
) -> bool:
    """Data and labels: what the hash is made of."""
    for name, data, labels in (
        (
            names.common_config_name(cluster.name),
            cluster.common_config,
            names.cluster_labels(cluster.name),
        ),
        (names.node_config_name(node.unique_name), node.config, node.labels),
    ):
        live = children.get(ChildId(CONFIG_MAP, NamespacedName(cluster.namespace, name)))
        if live is None or (live.get("data") or {}) != data:
            return False
        if (live["metadata"].get("labels") or {}) != labels:
            return False
    return True
