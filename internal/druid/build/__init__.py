"""The children of a cluster: one file per kind of object, one registry. Same input, same bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from druid_operator.internal.druid.build.common_config import build_common_config
from druid_operator.internal.druid.build.deployment import build_deployments
from druid_operator.internal.druid.build.hpa import build_autoscalers
from druid_operator.internal.druid.build.ingress import build_ingresses
from druid_operator.internal.druid.build.node_config import build_node_configs
from druid_operator.internal.druid.build.pdb import build_disruption_budgets
from druid_operator.internal.druid.build.pvc import build_claims
from druid_operator.internal.druid.build.service import build_services
from druid_operator.internal.druid.build.statefulset import build_stateful_sets
from druid_operator.internal.druid.manifest import Manifest
from druid_operator.internal.druid.resolved import ResolvedCluster

Builder = Callable[[ResolvedCluster], Iterator[Manifest]]

#: Every kind of child, in the order in which a node group's children are written. A new kind of
#: child is one file and one entry.
BUILDERS: tuple[Builder, ...] = (
    build_common_config,
    build_node_configs,
    build_claims,
    build_services,
    build_stateful_sets,
    build_deployments,
    build_ingresses,
    build_disruption_budgets,
    build_autoscalers,
)


def build(cluster: ResolvedCluster) -> tuple[Manifest, ...]:
    """Every child of the cluster, in rollout order: wave by wave, node group by node group."""
    manifests = [manifest for builder in BUILDERS for manifest in builder(cluster)]
    # The sort is stable: within a node group the order of BUILDERS stands.
    return tuple(sorted(manifests, key=lambda manifest: (manifest.wave, manifest.node)))


__all__ = ["build", "BUILDERS", "Builder"]
