"""Which controllers must look at what after an event."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from druid_operator.pkg.envtest.dataplane import podfacts
from druid_operator.pkg.envtest.dataplane.claims import claims_used_by
from druid_operator.pkg.envtest.dataplane.cluster import Cluster
from druid_operator.pkg.meta import JSON, NamespacedName, Resource, controller_of
from druid_operator.pkg.scheme.builtin import (
    CONTROLLER_REVISION,
    DEPLOYMENT,
    NAMESPACE,
    PERSISTENT_VOLUME,
    PERSISTENT_VOLUME_CLAIM,
    POD,
    POD_DISRUPTION_BUDGET,
    REPLICA_SET,
    STATEFUL_SET,
    STORAGE_CLASS,
)

WORKLOADS = (STATEFUL_SET, REPLICA_SET, DEPLOYMENT)
OWNED = (POD, REPLICA_SET, CONTROLLER_REVISION)
WATCHED = (
    *WORKLOADS,
    CONTROLLER_REVISION,
    POD,
    PERSISTENT_VOLUME_CLAIM,
    PERSISTENT_VOLUME,
    POD_DISRUPTION_BUDGET,
    STORAGE_CLASS,
    NAMESPACE,
)


class Key(NamedTuple):
    """One object for one controller."""

    resource: Resource
    name: NamespacedName


def keys_for(cluster: Cluster, resource: Resource, obj: JSON) -> Iterator[Key]:
    """Every key whose decision may be another one now. The object's own comes first."""
    if resource == STORAGE_CLASS:
        yield from _every(cluster, PERSISTENT_VOLUME_CLAIM, "")
        return
    if resource != CONTROLLER_REVISION:
        yield Key(resource, NamespacedName.of(obj))
    if resource in OWNED:
        yield from _owners(cluster, obj)
    if resource == POD:
        yield from _beside_pod(cluster, obj)
    elif resource == PERSISTENT_VOLUME_CLAIM:
        yield from _beside_claim(cluster, obj)
    elif resource in WORKLOADS:
        yield from _every(cluster, POD_DISRUPTION_BUDGET, obj["metadata"]["namespace"])


def _owners(cluster: Cluster, obj: JSON) -> Iterator[Key]:
    """The controller of the object; for an orphan all that may adopt it."""
    namespace, owner = obj["metadata"]["namespace"], controller_of(obj)
    for workload in WORKLOADS:
        if owner is None:
            yield from _every(cluster, workload, namespace)
        elif owner["kind"] == workload.kind:
            yield Key(workload, NamespacedName(namespace, owner["name"]))


def _beside_pod(cluster: Cluster, pod: JSON) -> Iterator[Key]:
    """A pod's claims are released when it is gone, and its budgets counted."""
    namespace = pod["metadata"]["namespace"]
    for claim in claims_used_by(pod):
        yield Key(PERSISTENT_VOLUME_CLAIM, NamespacedName(namespace, claim))
    for budget in cluster.list(POD_DISRUPTION_BUDGET, namespace):
        if podfacts.selects(budget["spec"].get("selector"), pod):
            yield Key(POD_DISRUPTION_BUDGET, NamespacedName.of(budget))


def _beside_claim(cluster: Cluster, claim: JSON) -> Iterator[Key]:
    """Its volume; pods that wait until it is bound; sets that wait until its name is free."""
    namespace, name = claim["metadata"]["namespace"], claim["metadata"]["name"]
    if volume := claim["spec"].get("volumeName"):
        yield Key(PERSISTENT_VOLUME, NamespacedName("", volume))
    for pod in cluster.list(POD, namespace):
        if "nodeName" not in pod["spec"] and name in claims_used_by(pod):
            yield Key(POD, NamespacedName.of(pod))
    yield from _every(cluster, STATEFUL_SET, namespace)


def _every(cluster: Cluster, resource: Resource, namespace: str) -> Iterable[Key]:
    return [Key(resource, NamespacedName.of(obj)) for obj in cluster.list(resource, namespace)]
