"""What each controller reads before it decides, and which decision function then gets it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from druid_operator.pkg.envtest.dataplane import podfacts
from druid_operator.pkg.envtest.dataplane.claims import plan_claim, plan_volume
from druid_operator.pkg.envtest.dataplane.cluster import Cluster
from druid_operator.pkg.envtest.dataplane.deployment import plan_deployment
from druid_operator.pkg.envtest.dataplane.disruption import plan_budget
from druid_operator.pkg.envtest.dataplane.plan import Moment, Plan
from druid_operator.pkg.envtest.dataplane.replicaset import plan_replicaset
from druid_operator.pkg.envtest.dataplane.statefulset import plan_statefulset
from druid_operator.pkg.envtest.world import default_service_account
from druid_operator.pkg.meta import JSON, NamespacedName, Resource, controller_of, is_controlled_by
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

Controller = Callable[[Cluster, JSON, Moment], Plan]


def statefulset(cluster: Cluster, sts: JSON, moment: Moment) -> Plan:
    namespace, name = sts["metadata"]["namespace"], sts["metadata"]["name"]
    pods = [
        pod
        for pod in _members(cluster, POD, sts)
        if pod["metadata"]["name"].rpartition("-")[0] == name
    ]
    claims = {
        claim["metadata"]["name"]: claim
        for claim in cluster.list(PERSISTENT_VOLUME_CLAIM, namespace)
    }
    return plan_statefulset(sts, pods, _members(cluster, CONTROLLER_REVISION, sts), claims, moment)


def replicaset(cluster: Cluster, rs: JSON, moment: Moment) -> Plan:
    return plan_replicaset(rs, _members(cluster, POD, rs), moment)


def deployment(cluster: Cluster, obj: JSON, moment: Moment) -> Plan:
    sets = _members(cluster, REPLICA_SET, obj)
    uids = {rs["metadata"]["uid"] for rs in sets}
    pods = cluster.list(POD, obj["metadata"]["namespace"])
    own = [p for p in pods if (controller_of(p) or {}).get("uid") in uids]
    return plan_deployment(obj, sets, own, moment)


def claim(cluster: Cluster, obj: JSON, moment: Moment) -> Plan:
    pods = cluster.list(POD, obj["metadata"]["namespace"])
    return plan_claim(obj, cluster.list(STORAGE_CLASS), pods)


def volume(cluster: Cluster, obj: JSON, moment: Moment) -> Plan:
    reference = obj["spec"].get("claimRef")
    if reference is None:
        return Plan()
    key = NamespacedName(reference["namespace"], reference["name"])
    return plan_volume(obj, cluster.get(PERSISTENT_VOLUME_CLAIM, key))


def budget(cluster: Cluster, obj: JSON, moment: Moment) -> Plan:
    selector = obj["spec"].get("selector")
    pods = cluster.list(POD, obj["metadata"]["namespace"])
    matching = [p for p in pods if podfacts.selects(selector, p)]
    return plan_budget(obj, matching, partial(_scale_of, cluster), moment.wall)


def namespace(cluster: Cluster, obj: JSON, moment: Moment) -> Plan:
    if podfacts.terminating(obj):
        return Plan()
    return Plan(create=[default_service_account(obj["metadata"]["name"])])


CONTROLLERS: Mapping[Resource, Controller] = {
    STATEFUL_SET: statefulset,
    REPLICA_SET: replicaset,
    DEPLOYMENT: deployment,
    PERSISTENT_VOLUME_CLAIM: claim,
    PERSISTENT_VOLUME: volume,
    POD_DISRUPTION_BUDGET: budget,
    NAMESPACE: namespace,
}


def _members(cluster: Cluster, resource: Resource, owner: JSON) -> list[JSON]:
    """What an owner controls, and the orphans that it would adopt."""
    metadata, selector = owner["metadata"], owner["spec"]["selector"]
    return [
        obj
        for obj in cluster.list(resource, metadata["namespace"])
        if is_controlled_by(obj, metadata["uid"])
        or (
            controller_of(obj) is None
            and not podfacts.terminating(obj)
            and not podfacts.terminating(owner)
            and podfacts.selects(selector, obj)
        )
    ]


def _scale_of(cluster: Cluster, pod: JSON) -> tuple[str, int] | None:
    """Up from the pod: its StatefulSet, its ReplicaSet's Deployment, or the ReplicaSet itself."""
    namespace = pod["metadata"]["namespace"]
    owner: JSON | None = None
    reference = controller_of(pod)
    for resource in (STATEFUL_SET, REPLICA_SET):
        if reference and reference["kind"] == resource.kind:
            owner = cluster.get(resource, NamespacedName(namespace, reference["name"]))
    above = controller_of(owner) if owner else None
    if above and above["kind"] == DEPLOYMENT.kind:
        owner = cluster.get(DEPLOYMENT, NamespacedName(namespace, above["name"])) or owner
    if owner is None:
        return None
    return owner["metadata"]["uid"], int(owner["spec"].get("replicas", 1))
