"""The columns of built-in kinds, as ``kubectl get`` shows them on a real server."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import attrs

from druid_operator.pkg.clock import parse_rfc3339
from druid_operator.pkg.meta import JSON

Cell = Callable[[JSON, datetime], Any]


@attrs.frozen
class Column:
    """``priority`` above 0: shown by ``-o wide`` only."""

    name: str
    cell: Cell
    type: str = "string"
    priority: int = 0
    description: str = ""
    format: str = ""


def age(timestamp: str | None, now: datetime) -> str:
    """``kubectl``'s short duration: ``45s``, ``3m12s``, ``5h``, ``2d``, ``400d``."""
    if not timestamp:
        return "<unknown>"
    seconds = int((now - parse_rfc3339(timestamp)).total_seconds())
    if seconds < -1:
        return "<invalid>"
    return _duration(max(0, seconds))


def _duration(seconds: int) -> str:
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    if seconds < 120:
        return f"{seconds}s"
    if minutes < 10:
        return f"{minutes}m{seconds % 60}s" if seconds % 60 else f"{minutes}m"
    if hours < 3:
        return f"{minutes}m"
    if hours < 8:
        return f"{hours}h{minutes % 60}m" if minutes % 60 else f"{hours}h"
    if hours < 48:
        return f"{hours}h"
    if days < 8:
        return f"{days}d{hours % 24}h" if hours % 24 else f"{days}d"
    if days < 730:
        return f"{days}d"
    return f"{days // 365}y"


def at(obj: JSON, path: str, default: Any = None) -> Any:
    value: Any = obj
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return default if value is None else value


def _field(path: str, default: Any = "") -> Cell:
    return lambda obj, _: at(obj, path, default)


def _count(path: str) -> Cell:
    return lambda obj, _: len(at(obj, path, ()))


def _labels(path: str) -> Cell:
    def cell(obj: JSON, _: datetime) -> str:
        pairs = at(obj, path, {})
        return ",".join(f"{k}={v}" for k, v in sorted(pairs.items())) or "<none>"

    return cell


NAME = Column("Name", lambda obj, _: obj["metadata"]["name"])
AGE = Column("Age", lambda obj, now: age(obj["metadata"].get("creationTimestamp"), now))


def _containers(key: str, path: str) -> Cell:
    return lambda obj, _: ",".join(c.get(key, "") for c in at(obj, path, ()))


_TEMPLATE = "spec.template.spec.containers"
_WIDE_TEMPLATE = (
    Column("Containers", _containers("name", _TEMPLATE), priority=1),
    Column("Images", _containers("image", _TEMPLATE), priority=1),
)


def _ready_of(spec: str, status: str) -> Cell:
    return lambda obj, _: f"{at(obj, status, 0)}/{at(obj, spec, 0)}"


def _pod_containers(pod: JSON) -> list[JSON]:
    statuses: list[JSON] = at(pod, "status.containerStatuses", [])
    return statuses


def _pod_ready(pod: JSON, _: datetime) -> str:
    ready = sum(1 for s in _pod_containers(pod) if s.get("ready"))
    return f"{ready}/{len(at(pod, 'spec.containers', ()))}"


def _pod_status(pod: JSON, _: datetime) -> str:
    if pod["metadata"].get("deletionTimestamp"):
        return "Terminating"
    for status in _pod_containers(pod):
        state = status.get("state") or {}
        reason = at(state, "waiting.reason") or at(state, "terminated.reason")
        if reason:
            return str(reason)
    reason = at(pod, "status.reason") or at(pod, "status.phase", "Unknown")
    return str(reason)


def _pod_restarts(pod: JSON, _: datetime) -> str:
    return str(sum(s.get("restartCount", 0) for s in _pod_containers(pod)))


def _service_ports(service: JSON, _: datetime) -> str:
    parts = []
    for port in at(service, "spec.ports", ()):
        node = f":{port['nodePort']}" if port.get("nodePort") else ""
        parts.append(f"{port['port']}{node}/{port.get('protocol', 'TCP')}")
    return ",".join(parts) or "<none>"


def _external_ip(service: JSON, _: datetime) -> str:
    kind = at(service, "spec.type", "ClusterIP")
    if kind == "ExternalName":
        return str(at(service, "spec.externalName", "<none>"))
    given = list(at(service, "spec.externalIPs", ()))
    if kind == "LoadBalancer":
        ingress = at(service, "status.loadBalancer.ingress", ())
        given += [i.get("ip") or i.get("hostname") or "" for i in ingress]
        return ",".join(filter(None, given)) or "<pending>"
    return ",".join(given) or "<none>"


def _access_modes(obj: JSON, _: datetime) -> str:
    short = {
        "ReadWriteOnce": "RWO", "ReadOnlyMany": "ROX", "ReadWriteMany": "RWX",
        "ReadWriteOncePod": "RWOP",
    }  # fmt: skip
    modes: list[str] = at(obj, "status.accessModes") or at(obj, "spec.accessModes", ())
    return ",".join(short.get(m, m) for m in modes)


def _claim_of(volume: JSON, _: datetime) -> str:
    ref = at(volume, "spec.claimRef")
    return f"{ref.get('namespace', '')}/{ref.get('name', '')}" if ref else ""


def _phase_or_terminating(obj: JSON, _: datetime) -> str:
    if obj["metadata"].get("deletionTimestamp"):
        return "Terminating"
    return str(at(obj, "status.phase", ""))


def _hosts(ingress: JSON, _: datetime) -> str:
    return ",".join(r["host"] for r in at(ingress, "spec.rules", ()) if r.get("host")) or "*"


def _ingress_ports(ingress: JSON, _: datetime) -> str:
    return "80, 443" if at(ingress, "spec.tls") else "80"


def _node_status(node: JSON, _: datetime) -> str:
    ready = next((c for c in at(node, "status.conditions", ()) if c["type"] == "Ready"), None)
    text = "Unknown" if ready is None else "Ready" if ready["status"] == "True" else "NotReady"
    return text + (",SchedulingDisabled" if at(node, "spec.unschedulable") else "")


def _event_last_seen(event: JSON, now: datetime) -> str:
    seen = (
        at(event, "series.lastObservedTime")
        or event.get("lastTimestamp")
        or event.get("eventTime")
        or event.get("firstTimestamp")
    )
    return age(seen, now)


def _event_object(event: JSON, _: datetime) -> str:
    regarding = event.get("involvedObject") or event.get("regarding") or {}
    return f"{regarding.get('kind', '').lower()}/{regarding.get('name', '')}"


def _event_message(event: JSON, _: datetime) -> str:
    return str(event.get("message") or event.get("note") or "").strip()


def _role_ref(binding: JSON, _: datetime) -> str:
    return f"{at(binding, 'roleRef.kind', '')}/{at(binding, 'roleRef.name', '')}"


def _created(obj: JSON, _: datetime) -> str:
    return str(obj["metadata"].get("creationTimestamp", ""))


def _hpa_reference(autoscaler: JSON, _: datetime) -> str:
    target = at(autoscaler, "spec.scaleTargetRef", {})
    return f"{target.get('kind', '')}/{target.get('name', '')}"


def _default_class(obj: JSON, _: datetime) -> str:
    annotations = obj["metadata"].get("annotations") or {}
    default = annotations.get("storageclass.kubernetes.io/is-default-class") == "true"
    return f"{obj['metadata']['name']}{' (default)' if default else ''}"


_EVENTS = (
    Column("Last Seen", _event_last_seen),
    Column("Type", _field("type")),
    Column("Reason", _field("reason")),
    Column("Object", _event_object),
    Column("Message", _event_message),
)
_BINDING = (NAME, Column("Role", _role_ref), AGE)

BUILTIN_COLUMNS: Mapping[tuple[str, str], Sequence[Column]] = {
    ("", "ConfigMap"): (
        NAME,
        Column("Data", lambda o, _: len(at(o, "data", ())) + len(at(o, "binaryData", ()))),
        AGE,
    ),
    ("", "Secret"): (
        NAME, Column("Type", _field("type")), Column("Data", _count("data")), AGE,
    ),
    ("", "Service"): (
        NAME,
        Column("Type", _field("spec.type")),
        Column("Cluster-IP", _field("spec.clusterIP", "<none>")),
        Column("External-IP", _external_ip),
        Column("Port(s)", _service_ports),
        AGE,
        Column("Selector", _labels("spec.selector"), priority=1),
    ),
    ("", "ServiceAccount"): (NAME, Column("Secrets", _count("secrets")), AGE),
    ("", "Pod"): (
        NAME,
        Column("Ready", _pod_ready),
        Column("Status", _pod_status),
        Column("Restarts", _pod_restarts),
        AGE,
        Column("IP", _field("status.podIP", "<none>"), priority=1),
        Column("Node", _field("spec.nodeName", "<none>"), priority=1),
    ),
    ("", "Namespace"): (NAME, Column("Status", _field("status.phase")), AGE),
    ("", "Node"): (
        NAME,
        Column("Status", _node_status),
        Column("Roles", lambda _obj, _now: "<none>"),
        AGE,
        Column("Version", _field("status.nodeInfo.kubeletVersion")),
    ),
    ("", "PersistentVolumeClaim"): (
        NAME,
        Column("Status", _phase_or_terminating),
        Column("Volume", _field("spec.volumeName")),
        Column("Capacity", _field("status.capacity.storage")),
        Column("Access Modes", _access_modes),
        Column("StorageClass", _field("spec.storageClassName")),
        AGE,
    ),
    ("", "PersistentVolume"): (
        NAME,
        Column("Capacity", _field("spec.capacity.storage")),
        Column("Access Modes", _access_modes),
        Column("Reclaim Policy", _field("spec.persistentVolumeReclaimPolicy")),
        Column("Status", _phase_or_terminating),
        Column("Claim", _claim_of),
        Column("StorageClass", _field("spec.storageClassName")),
        AGE,
    ),
    ("", "Event"): _EVENTS,
    ("events.k8s.io", "Event"): _EVENTS,
    ("apps", "StatefulSet"): (
        NAME, Column("Ready", _ready_of("spec.replicas", "status.readyReplicas")), AGE,
        *_WIDE_TEMPLATE,
    ),
    ("apps", "Deployment"): (
        NAME,
        Column("Ready", _ready_of("spec.replicas", "status.readyReplicas")),
        Column("Up-to-date", _field("status.updatedReplicas", 0)),
        Column("Available", _field("status.availableReplicas", 0)),
        AGE,
        *_WIDE_TEMPLATE,
    ),
    ("apps", "ReplicaSet"): (
        NAME,
        Column("Desired", _field("spec.replicas", 0), "integer"),
        Column("Current", _field("status.replicas", 0), "integer"),
        Column("Ready", _field("status.readyReplicas", 0), "integer"),
        AGE,
    ),
    ("apps", "ControllerRevision"): (
        NAME,
        Column("Controller", lambda o, _: next(
            (f"{r['kind'].lower()}.{r['apiVersion'].partition('/')[0]}/{r['name']}"
             for r in o["metadata"].get("ownerReferences", ()) if r.get("controller")), "<none>")),
        Column("Revision", _field("revision", 0)),
        AGE,
    ),
    ("policy", "PodDisruptionBudget"): (
        NAME,
        Column("Min Available", _field("spec.minAvailable", "N/A")),
        Column("Max Unavailable", _field("spec.maxUnavailable", "N/A")),
        Column("Allowed Disruptions", _field("status.disruptionsAllowed", 0)),
        AGE,
    ),
    ("autoscaling", "HorizontalPodAutoscaler"): (
        NAME,
        Column("Reference", _hpa_reference),
        Column("MinPods", _field("spec.minReplicas", 1)),
        Column("MaxPods", _field("spec.maxReplicas", 0)),
        Column("Replicas", _field("status.currentReplicas", 0)),
        AGE,
    ),
    ("networking.k8s.io", "Ingress"): (
        NAME,
        Column("Class", _field("spec.ingressClassName", "<none>")),
        Column("Hosts", _hosts),
        Column("Ports", _ingress_ports),
        AGE,
    ),
    ("storage.k8s.io", "StorageClass"): (
        Column("Name", _default_class),
        Column("Provisioner", _field("provisioner")),
        Column("ReclaimPolicy", _field("reclaimPolicy")),
        Column("VolumeBindingMode", _field("volumeBindingMode")),
        Column("AllowVolumeExpansion", lambda o, _: bool(o.get("allowVolumeExpansion"))),
        AGE,
    ),
    ("coordination.k8s.io", "Lease"): (
        NAME, Column("Holder", _field("spec.holderIdentity")), AGE,
    ),
    ("rbac.authorization.k8s.io", "Role"): (NAME, Column("Created At", _created)),
    ("rbac.authorization.k8s.io", "ClusterRole"): (NAME, Column("Created At", _created)),
    ("rbac.authorization.k8s.io", "RoleBinding"): _BINDING,
    ("rbac.authorization.k8s.io", "ClusterRoleBinding"): _BINDING,
    ("apiextensions.k8s.io", "CustomResourceDefinition"): (NAME, Column("Created At", _created)),
}  # fmt: skip
