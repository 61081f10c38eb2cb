"""The HorizontalPodAutoscaler of a node group. It owns the number of replicas from then on."""

from __future__ import annotations

from collections.abc import Iterator

from druid_operator.internal.druid import names
from druid_operator.internal.druid.manifest import Manifest, child
from druid_operator.internal.druid.resolved import ResolvedCluster, ResolvedNode
from druid_operator.pkg.meta import JSON
from druid_operator.pkg.scheme.builtin import HORIZONTAL_POD_AUTOSCALER


def build_autoscalers(cluster: ResolvedCluster) -> Iterator[Manifest]:
    for node in cluster.nodes:
        if node.autoscaler is None:
            continue
        spec = {**node.autoscaler, "scaleTargetRef": _target(node, node.autoscaler)}
        yield child(
            cluster,
            HORIZONTAL_POD_AUTOSCALER,
            node.unique_name,
            {"spec": spec},
            labels=names.cluster_labels(cluster.name),
            node=node,
        )


def _target(node: ResolvedNode, autoscaler: JSON) -> JSON:
    """The user's target; the node group's own workload where none is named."""
    given: JSON = autoscaler.get("scaleTargetRef") or {}
    if given.get("name"):
        return given
    return {"apiVersion": "apps/v1", "kind": node.kind, "name": node.unique_name}
