"""From manifests to children: what the engine has to know beside the object."""

from __future__ import annotations

from collections.abc import Sequence

from druid_operator.internal.druid import names
from druid_operator.internal.druid.manifest import Manifest
from druid_operator.internal.druid.resolved import ResolvedCluster
from druid_operator.pkg.apply import Child, ChildId, FieldPath
from druid_operator.pkg.meta import NamespacedName, Resource
from druid_operator.pkg.scheme.builtin import (
    CONFIG_MAP,
    DEPLOYMENT,
    HORIZONTAL_POD_AUTOSCALER,
    INGRESS,
    PERSISTENT_VOLUME_CLAIM,
    POD_DISRUPTION_BUDGET,
    SERVICE,
    STATEFUL_SET,
)

WORKLOADS: tuple[Resource, ...] = (STATEFUL_SET, DEPLOYMENT)
#: Deleted when the spec no longer asks for them. Claims are not here: they hold data.
PRUNABLE: tuple[Resource, ...] = (
    CONFIG_MAP, SERVICE, *WORKLOADS, INGRESS, POD_DISRUPTION_BUDGET, HORIZONTAL_POD_AUTOSCALER,
)  # fmt: skip
#: Every kind of child; each is watched by label and read from the cache.
CHILD_KINDS: tuple[Resource, ...] = (*PRUNABLE, PERSISTENT_VOLUME_CLAIM)

REPLICAS: FieldPath = ("spec", "replicas")


def children_of(cluster: ResolvedCluster, manifests: Sequence[Manifest]) -> tuple[Child, ...]:
    """The children in the order of the manifests.

    A workload requires its two ConfigMaps: its pods would start with the files of before. Under an
    autoscaler its number of replicas is not ours.
    """
    scaled = {node.key for node in cluster.nodes if node.autoscaler is not None}
    return tuple(_child(cluster, manifest, scaled) for manifest in manifests)


def _child(cluster: ResolvedCluster, manifest: Manifest, scaled: set[str]) -> Child:
    if manifest.resource not in WORKLOADS:
        return Child(manifest.resource, manifest.object)
    unique = cluster.node(manifest.node).unique_name
    yielded = (REPLICAS,) if manifest.node in scaled else ()
    maps = (names.common_config_name(cluster.name), names.node_config_name(unique))
    requires = tuple(ChildId(CONFIG_MAP, NamespacedName(cluster.namespace, name)) for name in maps)
    return Child(manifest.resource, manifest.object, yielded=yielded, requires=requires)


def workload_id(cluster: ResolvedCluster, node_key: str) -> ChildId:
    """The StatefulSet or Deployment of a node group."""
    node = cluster.node(node_key)
    resource = DEPLOYMENT if node.kind == "Deployment" else STATEFUL_SET
    return ChildId(resource, NamespacedName(cluster.namespace, node.unique_name))
