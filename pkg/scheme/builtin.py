"""The built-in kinds an operator usually owns or reads, and where the API server serves them."""

from __future__ import annotations

from druid_operator.pkg.meta import GroupVersionKind, Resource


def _r(group: str, version: str, kind: str, plural: str, *, namespaced: bool = True) -> Resource:
    return Resource(GroupVersionKind(group, version, kind), plural, namespaced)


CONFIG_MAP = _r("", "v1", "ConfigMap", "configmaps")
SECRET = _r("", "v1", "Secret", "secrets")
SERVICE = _r("", "v1", "Service", "services")
SERVICE_ACCOUNT = _r("", "v1", "ServiceAccount", "serviceaccounts")
POD = _r("", "v1", "Pod", "pods")
NAMESPACE = _r("", "v1", "Namespace", "namespaces", namespaced=False)
NODE = _r("", "v1", "Node", "nodes", namespaced=False)
PERSISTENT_VOLUME_CLAIM = _r("", "v1", "PersistentVolumeClaim", "persistentvolumeclaims")
PERSISTENT_VOLUME = _r("", "v1", "PersistentVolume", "persistentvolumes", namespaced=False)
CORE_EVENT = _r("", "v1", "Event", "events")
EVENT = _r("events.k8s.io", "v1", "Event", "events")
STATEFUL_SET = _r("apps", "v1", "StatefulSet", "statefulsets")
DEPLOYMENT = _r("apps", "v1", "Deployment", "deployments")
REPLICA_SET = _r("apps", "v1", "ReplicaSet", "replicasets")
CONTROLLER_REVISION = _r("apps", "v1", "ControllerRevision", "controllerrevisions")
POD_DISRUPTION_BUDGET = _r("policy", "v1", "PodDisruptionBudget", "poddisruptionbudgets")
HORIZONTAL_POD_AUTOSCALER = _r(
    "autoscaling", "v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers"
)
INGRESS = _r("networking.k8s.io", "v1", "Ingress", "ingresses")
STORAGE_CLASS = _r("storage.k8s.io", "v1", "StorageClass", "storageclasses", namespaced=False)
LEASE = _r("coordination.k8s.io", "v1", "Lease", "leases")
ROLE = _r("rbac.authorization.k8s.io", "v1", "Role", "roles")
ROLE_BINDING = _r("rbac.authorization.k8s.io", "v1", "RoleBinding", "rolebindings")
CLUSTER_ROLE = _r(
    "rbac.authorization.k8s.io", "v1", "ClusterRole", "clusterroles", namespaced=False
)
CLUSTER_ROLE_BINDING = _r(
    "rbac.authorization.k8s.io", "v1", "ClusterRoleBinding", "clusterrolebindings", namespaced=False
)
CUSTOM_RESOURCE_DEFINITION = _r(
    "apiextensions.k8s.io", "v1", "CustomResourceDefinition", "customresourcedefinitions",
    namespaced=False,
)  # fmt: skip

BUILTIN: tuple[Resource, ...] = (
    CONFIG_MAP, SECRET, SERVICE, SERVICE_ACCOUNT, POD, NAMESPACE, NODE, PERSISTENT_VOLUME_CLAIM,
    PERSISTENT_VOLUME, CORE_EVENT, EVENT, STATEFUL_SET, DEPLOYMENT, REPLICA_SET,
    CONTROLLER_REVISION, POD_DISRUPTION_BUDGET, HORIZONTAL_POD_AUTOSCALER, INGRESS, STORAGE_CLASS,
    LEASE, ROLE, ROLE_BINDING, CLUSTER_ROLE, CLUSTER_ROLE_BINDING, CUSTOM_RESOURCE_DEFINITION,
)  # fmt: skip
