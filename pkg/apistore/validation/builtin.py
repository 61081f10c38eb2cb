"""The rules of built-in kinds that an operator's mistakes run into. Not all of Kubernetes'."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from druid_operator.pkg.apistore.resources import Served
from druid_operator.pkg.apistore.validation import config, policy, services, storage, workloads
from druid_operator.pkg.apistore.validation.faults import Faults
from druid_operator.pkg.errors import FieldError
from druid_operator.pkg.meta import JSON

_RBAC = "rbac.authorization.k8s.io"
_CREATE: Mapping[tuple[str, str], Callable[[JSON, Faults], None]] = {
    ("", "ConfigMap"): config.validate_config_map,
    ("", "Secret"): config.validate_data,
    ("", "Service"): services.validate_service,
    ("", "Pod"): workloads.validate_pod,
    ("", "PersistentVolumeClaim"): storage.validate_claim,
    ("", "Event"): policy.validate_core_event,
    ("events.k8s.io", "Event"): policy.validate_event,
    ("apps", "StatefulSet"): workloads.validate_stateful_set,
    ("apps", "Deployment"): workloads.validate_deployment,
    ("apps", "ReplicaSet"): workloads.validate_replica_set,
    ("apps", "DaemonSet"): workloads.validate_daemon_set,
    ("policy", "PodDisruptionBudget"): policy.validate_budget,
    ("autoscaling", "HorizontalPodAutoscaler"): policy.validate_autoscaler,
    ("networking.k8s.io", "Ingress"): policy.validate_ingress,
    ("coordination.k8s.io", "Lease"): policy.validate_lease,
    (_RBAC, "Role"): policy.validate_role,
    (_RBAC, "ClusterRole"): policy.validate_role,
}
_UPDATE: Mapping[tuple[str, str], Callable[[JSON, JSON, Faults], None]] = {
    ("", "ConfigMap"): config.validate_data_update,
    ("", "Secret"): config.validate_data_update,
    ("", "Service"): services.validate_service_update,
    ("", "PersistentVolumeClaim"): storage.validate_claim_update,
    ("storage.k8s.io", "StorageClass"): storage.validate_storage_class_update,
    ("apps", "StatefulSet"): workloads.validate_stateful_set_update,
    ("apps", "Deployment"): workloads.validate_workload_update,
    ("apps", "ReplicaSet"): workloads.validate_workload_update,
    ("apps", "DaemonSet"): workloads.validate_workload_update,
    (_RBAC, "RoleBinding"): policy.validate_binding_update,
    (_RBAC, "ClusterRoleBinding"): policy.validate_binding_update,
}


def validate_builtin(served: Served, obj: JSON) -> list[FieldError]:
    """The faults of an object that has been decoded and defaulted."""
    faults = Faults()
    rule = _CREATE.get((served.resource.group, served.resource.kind))
    if rule is not None:
        rule(obj, faults)
    return faults.errors


def validate_builtin_update(served: Served, obj: JSON, before: JSON) -> list[FieldError]:
    """What an update may not change."""
    faults = Faults()
    rule = _UPDATE.get((served.resource.group, served.resource.kind))
    if rule is not None:
        rule(obj, before, faults)
    return faults.errors
