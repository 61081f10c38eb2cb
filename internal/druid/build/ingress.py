"""The Ingress of a node group, as the user wrote it."""

from __future__ import annotations

from collections.abc import Iterator

from druid_operator.internal.druid import names
from druid_operator.internal.druid.manifest import Manifest, child
from druid_operator.internal.druid.resolved import ResolvedCluster
from druid_operator.pkg.scheme.builtin import INGRESS


def build_ingresses(cluster: ResolvedCluster) -> Iterator[Manifest]:
    for node in cluster.nodes:
        if node.ingress is None:
            continue
        yield child(
            cluster,
            INGRESS,
            node.unique_name,
            {"spec": node.ingress},
            labels=names.cluster_labels(cluster.name),
            metadata={"annotations": node.ingress_annotations},
            node=node,
        )
