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
    PERSISTENT_VOLUME_CLAIM,
    POD,
    POD_DISRUPTION_BUDGET,
    REPLICA_SET,
    STATEFUL_SET,
    STORAGE_CLASS,
)

WORKLOADS = (STATEFUL_SET, REPLICA_SET, DEPLOYMENT)
WATCHED = (*WORKLOADS, CONTROLLER_REVISION, POD, PERSISTENT_VOLUME_CLAIM, POD_DISRUPTION_BUDGET)


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
    namespace = obj["metadata"].get("namespace", "")
    owner = controller_of(obj)
    if owner is not None:
        for workload in WORKLOADS:
            if workload.kind == owner["kind"]:
                yield Key(workload, NamespacedName(namespace, owner["name"]))
    elif resource in (POD, REPLICA_SET, CONTROLLER_REVISION):
        # An orphan: whichever selects it adopts it.
        for workload in WORKLOADS:
            yield from _every(cluster, workload, namespace)
    if resource == POD:
        for claim in claims_used_by(obj):
            yield Key(PERSISTENT_VOLUME_CLAIM, NamespacedName(namespace, claim))
        yield from _budgets(cluster, obj)
    elif resource in WORKLOADS:
        yield from _every(cluster, POD_DISRUPTION_BUDGET, namespace)
    elif resource == PERSISTENT_VOLUME_CLAIM:
        # Pods wait for their claims, sets for a terminating claim's name.
        yield from _waiting_for(cluster, obj)
        yield from _every(cluster, STATEFUL_SET, namespace)


def _every(cluster: Cluster, resource: Resource, namespace: str) -> Iterable[Key]:
    return [Key(resource, NamespacedName.of(obj)) for obj in cluster.list(resource, namespace)]


def _budgets(cluster: Cluster, pod: JSON) -> Iterator[Key]:
    for budget in cluster.list(POD_DISRUPTION_BUDGET, pod["metadata"]["namespace"]):
        if podfacts.selects(budget["spec"].get("selector"), pod):
            yield Key(POD_DISRUPTION_BUDGET, NamespacedName.of(budget))


def _waiting_for(cluster: Cluster, claim: JSON) -> Iterator[Key]:
    name = claim["metadata"]["name"]
    for pod in cluster.list(POD, claim["metadata"]["namespace"]):
        if "nodeName" not in pod["spec"] and name in claims_used_by(pod):
            yield Key(POD, NamespacedName.of(pod))
