"""What the server does to an object between decoding and storing: per kind, before validation."""

from __future__ import annotations

from typing import Any

from druid_operator.pkg.apistore.crd import initial_status
from druid_operator.pkg.apistore.decode import empty
from druid_operator.pkg.apistore.resources import Served
from druid_operator.pkg.meta import JSON

#: Finalizers that the real server's admission adds, and that keep a volume while it is used.
_PROTECTION = {
    "PersistentVolumeClaim": "kubernetes.io/pvc-protection",
    "PersistentVolume": "kubernetes.io/pv-protection",
}


def prepare_create(served: Served, obj: JSON, now: str) -> None:
    """Clear what a creator may not set, set what the server starts an object with."""
    metadata = obj["metadata"]
    if served.generation:
        metadata["generation"] = 1
    if served.status:
        _reset_status(served, obj)
    if served.custom is not None:
        return
    match served.resource.kind:
        case "Namespace" if metadata.get("name"):
            obj["spec"].setdefault("finalizers", ["kubernetes"])
            # The default could not know a generated name.
            labels = metadata.setdefault("labels", {})
            labels["kubernetes.io/metadata.name"] = metadata["name"]
        case "Pod":
            _prepare_pod(obj)
        case "PersistentVolume":
            obj["status"] |= {"phase": "Pending", "lastPhaseTransitionTime": now}
        case "CustomResourceDefinition":
            obj["status"] = initial_status(obj)
        case "Job":
            _prepare_job(obj)
    if finalizer := _PROTECTION.get(served.resource.kind):
        finalizers = metadata.setdefault("finalizers", [])
        if finalizer not in finalizers:
            finalizers.append(finalizer)


def _reset_status(served: Served, obj: JSON) -> None:
    if served.custom is not None:
        obj.pop("status", None)
        return
    if served.resource.kind in ("Node", "Namespace"):
        return
    zero = empty(served.type).get("status")
    if zero is None:
        obj.pop("status", None)
        return
    phase = obj.get("status", {}).get("phase")
    obj["status"] = zero
    if phase is not None and served.resource.kind in ("Pod", "PersistentVolumeClaim"):
        obj["status"]["phase"] = "Pending"


def _prepare_pod(pod: JSON) -> None:
    """The work of the ServiceAccount, DefaultTolerationSeconds and Priority admission plugins."""
    spec = pod["spec"]
    account = spec.setdefault("serviceAccountName", "default")
    spec.setdefault("serviceAccount", account)
    spec.setdefault("priority", 0)
    spec.setdefault("preemptionPolicy", "PreemptLowerPriority")
    tolerations = spec.setdefault("tolerations", [])
    for key in ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"):
        if not any(t.get("key") in (key, None) for t in tolerations):
            tolerations.append(
                {"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}
            )
    pod["status"]["qosClass"] = qos_class(spec)


def qos_class(spec: JSON) -> str:
    """Guaranteed when every container's limits equal its requests for cpu and memory."""
    containers = [*(spec.get("containers") or ()), *(spec.get("initContainers") or ())]
    resources = [c.get("resources") or {} for c in containers]
    if not any(r.get("requests") or r.get("limits") for r in resources):
        return "BestEffort"
    for entry in resources:
        limits, requests = entry.get("limits") or {}, entry.get("requests") or {}
        for name in ("cpu", "memory"):
            if name not in limits or requests.get(name, limits[name]) != limits[name]:
                return "Burstable"
    return "Guaranteed"


def _prepare_job(job: JSON) -> None:
    if job["spec"].get("manualSelector"):
        return
    uid, name = job["metadata"]["uid"], job["metadata"]["name"]
    labels = {
        "batch.kubernetes.io/controller-uid": uid,
        "batch.kubernetes.io/job-name": name,
        "controller-uid": uid,
        "job-name": name,
    }
    template = job["spec"]["template"]["metadata"]
    template["labels"] = {**(template.get("labels") or {}), **labels}
    job["spec"]["selector"] = {"matchLabels": {"batch.kubernetes.io/controller-uid": uid}}


def prepare_update(served: Served, new: JSON, old: JSON, subresource: str) -> JSON:
    """Put back what this write may not change, and count generations. Returns what to store."""
    metadata, before = new["metadata"], old["metadata"]
    for name in ("uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds"):
        if name in before:
            metadata.setdefault(name, before[name])
    if "generation" in before:
        metadata["generation"] = before["generation"]
    else:
        metadata.pop("generation", None)
    if subresource == "status":
        return _prepare_status(served, new, old)
    if served.status:
        _put_back(new, old, "status")
    if served.generation and _intent(served, new) != _intent(served, old):
        metadata["generation"] = before.get("generation", 0) + 1
    return new


def _intent(served: Served, obj: JSON) -> Any:
    """What a generation counts changes of."""
    if served.custom is None and "spec" in obj:
        return obj["spec"]
    ignored = {"metadata", "status"} if served.status or served.custom is None else {"metadata"}
    return {name: value for name, value in obj.items() if name not in ignored}


def _prepare_status(served: Served, new: JSON, old: JSON) -> JSON:
    if served.custom is not None or served.resource.kind == "CustomResourceDefinition":
        kept: JSON = {**old, "metadata": dict(old["metadata"])}
        _put_back(kept, new, "status")
        managed = new["metadata"].get("managedFields")
        if managed is not None:
            kept["metadata"]["managedFields"] = managed
        else:
            kept["metadata"].pop("managedFields", None)
        kept["metadata"]["resourceVersion"] = new["metadata"].get("resourceVersion", "")
        return kept
    _put_back(new, old, "spec")
    if served.resource.kind == "Deployment":
        _put_back(new["metadata"], old["metadata"], "labels")
    if served.resource.kind == "Pod":
        _put_back(new["metadata"], old["metadata"], "ownerReferences")
    return new


def _put_back(target: JSON, source: JSON, name: str) -> None:
    if name in source:
        target[name] = source[name]
    else:
        target.pop(name, None)
