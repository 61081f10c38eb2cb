"""From manifests to children: what the engine has to know beside the object."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from druid_operator.api.v1alpha1.keys import CONFIG_SHA_ANNOTATION
from druid_operator.internal.druid import names
from druid_operator.internal.druid.manifest import Manifest
from druid_operator.internal.druid.resolved import ResolvedCluster
from druid_operator.pkg.apply import Child, ChildId, FieldPath, with_annotation
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


def children_of(
    cluster: ResolvedCluster, manifests: Sequence[Manifest], carried: Collection[str] = ()
) -> tuple[Child, ...]:
    """The children in the order of the manifests.

    A workload requires its two ConfigMaps: its pods would start with the files of before. Under an
    autoscaler its number of replicas is not ours.

    Args:
        cluster: as resolved, with our own values of ``configMapSHA``.
        carried: node groups whose pods keep another value, see :mod:`.adopt`.
    """
    return tuple(_child(cluster, manifest, carried) for manifest in manifests)


def _child(cluster: ResolvedCluster, manifest: Manifest, carried: Collection[str]) -> Child:
    obj = manifest.object
    if manifest.resource not in WORKLOADS:
        return Child(manifest.resource, obj)
    node = cluster.node(manifest.node)
    if node.key in carried:
        obj = with_annotation(obj, CONFIG_SHA_ANNOTATION, node.config_sha)
    maps = (names.common_config_name(cluster.name), names.node_config_name(node.unique_name))
    return Child(
        manifest.resource,
        obj,
        yielded=() if node.autoscaler is None else (REPLICAS,),
        requires=tuple(
            ChildId(CONFIG_MAP, NamespacedName(cluster.namespace, name)) for name in maps
        ),
    )


def workload_id(cluster: ResolvedCluster, node_key: str) -> ChildId:
    """The StatefulSet or Deployment of a node group."""
    node = cluster.node(node_key)
    resource = DEPLOYMENT if node.kind == "Deployment" else STATEFUL_SET
    return ChildId(resource, NamespacedName(cluster.namespace, node.unique_name))
