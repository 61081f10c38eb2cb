"""The PodDisruptionBudget of a node group, always for exactly its pods."""

from __future__ import annotations

from collections.abc import Iterator

from druid_operator.internal.druid.manifest import Manifest, child
from druid_operator.internal.druid.resolved import ResolvedCluster
from druid_operator.pkg.scheme.builtin import POD_DISRUPTION_BUDGET


def build_disruption_budgets(cluster: ResolvedCluster) -> Iterator[Manifest]:
    for node in cluster.nodes:
        if node.disruption_budget is None:
            continue
        spec = {**node.disruption_budget, "selector": {"matchLabels": dict(node.labels)}}
        yield child(
            cluster,
            POD_DISRUPTION_BUDGET,
            node.unique_name,
            {"spec": spec},
            labels=node.labels,
            node=node,
        )
