"""The Deployment of a node group that asks for one: no claims, pods without identity."""

from __future__ import annotations

from collections.abc import Iterator

from druid_operator.internal.druid.build.pod import pod_template
from druid_operator.internal.druid.manifest import Manifest, child
from druid_operator.internal.druid.resolved import ResolvedCluster, ResolvedNode
from druid_operator.pkg.meta import JSON
from druid_operator.pkg.scheme.builtin import DEPLOYMENT


def build_deployments(cluster: ResolvedCluster) -> Iterator[Manifest]:
    for node in cluster.nodes:
        if node.kind != "Deployment":
            continue
        spec = {
            "replicas": node.replicas,
            "selector": {"matchLabels": dict(node.labels)},
            "template": pod_template(cluster, node),
            "strategy": {"type": "RollingUpdate", "rollingUpdate": _rolling_update(node)},
        }
        yield child(
            cluster,
            DEPLOYMENT,
            node.unique_name,
            {"spec": spec},
            labels=node.labels,
            metadata={"annotations": node.workload_annotations},
            sent_replicas=node.autoscaler is None,
            node=node,
        )


def _rolling_update(node: ResolvedNode) -> JSON:
    """Each bound by itself: one without the other crashed the Go operator."""
    bounds = {"maxUnavailable": node.max_unavailable, "maxSurge": node.max_surge}
    return {name: bound for name, bound in bounds.items() if bound is not None}
