"""The ConfigMap with a node group's own files."""

from __future__ import annotations

from collections.abc import Iterator

from druid_operator.internal.druid import names
from druid_operator.internal.druid.manifest import Manifest, child
from druid_operator.internal.druid.resolved import ResolvedCluster
from druid_operator.pkg.scheme.builtin import CONFIG_MAP


def build_node_configs(cluster: ResolvedCluster) -> Iterator[Manifest]:
    for node in cluster.nodes:
        yield child(
            cluster,
            CONFIG_MAP,
            names.node_config_name(node.unique_name),
            {"data": node.config},
            labels=node.labels,
            node=node,
        )
