"""The StatefulSet of a node group: the default workload, with its claims."""

from __future__ import annotations

from collections.abc import Iterator

from druid_operator.internal.druid.build.pod import pod_template
from druid_operator.internal.druid.manifest import Manifest, child
from druid_operator.internal.druid.resolved import ResolvedCluster
from druid_operator.pkg.scheme.builtin import STATEFUL_SET


def build_stateful_sets(cluster: ResolvedCluster) -> Iterator[Manifest]:
    for node in cluster.nodes:
        if node.kind != "StatefulSet":
            continue
        spec = {
            "replicas": node.replicas,
            "selector": {"matchLabels": dict(node.labels)},
            "template": pod_template(cluster, node),
            "volumeClaimTemplates": list(node.claim_templates),
            # Immutable, and empty where the node group has no Service.
            "serviceName": node.services[0].name if node.services else "",
            "podManagementPolicy": node.pod_management_policy,
            "updateStrategy": node.update_strategy,
        }
        yield child(
            cluster,
            STATEFUL_SET,
            node.unique_name,
            {"spec": spec},
            labels=node.labels,
            metadata={"annotations": node.workload_annotations},
            sent_replicas=node.autoscaler is None,
            node=node,
        )
