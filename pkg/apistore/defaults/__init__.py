"""The defaults that the API server writes into built-in kinds when it decodes them.

They are part of what a client is said to have set (it owns ``restartPolicy`` although it never sent
it), so they are applied before field ownership is worked out. What the server *allocates* (cluster
IPs, node ports) is not: see ``allocate.py``. Held to a real server by the conformance suite.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from druid_operator.pkg.apistore.defaults import misc, network, pods, storage, workloads
from druid_operator.pkg.apistore.resources import Served
from druid_operator.pkg.meta import JSON

_DEFAULTS: Mapping[tuple[str, str], Callable[[JSON], None]] = {
    ("", "Pod"): pods.default_pod,
    ("", "Service"): network.default_service,
    ("", "Endpoints"): network.default_endpoints,
    ("", "Secret"): misc.default_secret,
    ("", "PersistentVolumeClaim"): storage.default_claim,
    ("", "PersistentVolume"): storage.default_volume,
    ("", "Namespace"): misc.default_namespace,
    ("storage.k8s.io", "StorageClass"): storage.default_storage_class,
    ("apps", "StatefulSet"): workloads.default_stateful_set,
    ("apps", "Deployment"): workloads.default_deployment,
    ("apps", "ReplicaSet"): workloads.default_replica_set,
    ("apps", "DaemonSet"): workloads.default_daemon_set,
    ("batch", "Job"): workloads.default_job,
    ("batch", "CronJob"): workloads.default_cron_job,
    ("autoscaling", "HorizontalPodAutoscaler"): misc.default_autoscaler,
    ("networking.k8s.io", "NetworkPolicy"): network.default_network_policy,
    ("discovery.k8s.io", "EndpointSlice"): network.default_endpoint_slice,
    ("rbac.authorization.k8s.io", "RoleBinding"): misc.default_role_binding,
    ("rbac.authorization.k8s.io", "ClusterRoleBinding"): misc.default_role_binding,
    ("apiextensions.k8s.io", "CustomResourceDefinition"): misc.default_definition,
}


def apply_defaults(served: Served, obj: JSON) -> None:
    """Write the defaults of a built-in kind into ``obj``, which has been decoded."""
    default = _DEFAULTS.get((served.resource.group, served.resource.kind))
    if default is not None:
        default(obj)
