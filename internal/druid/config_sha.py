"""``configMapSHA``: the value in a pod's environment that changes when its configuration does.

It is part of the pod template, so a new value restarts pods. Builds of the Go operator compute
different values for one configuration; a cluster that is taken over keeps the one it runs with
until the configuration itself changes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from druid_operator.internal.druid import names
from druid_operator.internal.druid.config import config_map
from druid_operator.internal.druid.go_hash import config_map_sha
from druid_operator.internal.druid.go_json import ENCODINGS, GO_MASTER, GoEncoding
from druid_operator.internal.druid.resolved import ResolvedCluster, ResolvedNode


def config_sha(
    cluster: ResolvedCluster, node: ResolvedNode, encoding: GoEncoding = GO_MASTER
) -> str:
    """The value for the configuration as it is resolved."""
    common = config_map(
        names.common_config_name(cluster.name),
        cluster.namespace,
        names.cluster_labels(cluster.name),
        cluster.common_config,
    )
    own = config_map(
        names.node_config_name(node.unique_name), cluster.namespace, node.labels, node.config
    )
    return config_map_sha(common, own, encoding)


def with_carried_config_sha(cluster: ResolvedCluster, live: Mapping[str, str]) -> ResolvedCluster:
    """The cluster with the running values kept where they stand for the same configuration.

    Args:
        live: node key to the value in the live workload's template, see :func:`live_config_sha`.

    A live value is kept only if one of the known encodings gives it for the configuration wanted
    now. That the live ConfigMaps equal the wanted ones would prove nothing: they are written before
    the pods of a later wave restart, and those still carry the value of the old configuration.
    """
    carried = {
        node.key: live[node.key]
        for node in cluster.nodes
        if live.get(node.key) in {config_sha(cluster, node, encoding) for encoding in ENCODINGS}
    }
    return cluster.with_config_sha(carried)


def live_config_sha(workload: Mapping[str, Any]) -> str | None:
    """The value in a StatefulSet or Deployment; ``None`` when its Druid container has none."""
    pod = workload.get("spec", {}).get("template", {}).get("spec", {})
    own_name = workload.get("metadata", {}).get("name")
    for container in pod.get("containers") or ():
        if container.get("name") != own_name:
            continue
        for variable in container.get("env") or ():
            if variable.get("name") == names.CONFIG_SHA_ENV:
                value = variable.get("value")
                return str(value) if value else None
    return None
