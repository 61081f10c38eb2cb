"""Claims and their volumes: which a StatefulSet needs, how they are bound, grow and end."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from druid_operator.pkg.envtest.dataplane import podfacts
from druid_operator.pkg.envtest.dataplane.plan import Plan, with_status
from druid_operator.pkg.meta import JSON

CLAIM_PROTECTION = "kubernetes.io/pvc-protection"
VOLUME_PROTECTION = "kubernetes.io/pv-protection"
DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"
BOUND = {
    "pv.kubernetes.io/bind-completed": "yes",
    "pv.kubernetes.io/bound-by-controller": "yes",
}


def claim_name(template: Mapping[str, Any], sts_name: str, ordinal: int) -> str:
    return f"{template['metadata']['name']}-{sts_name}-{ordinal}"


def claims_for(sts: JSON, ordinal: int) -> list[JSON]:
    """The claims of one pod: the templates, labelled with the set's selector as well."""
    metadata, spec = sts["metadata"], sts["spec"]
    selector = spec["selector"].get("matchLabels") or {}
    claims: list[JSON] = []
    for template in spec.get("volumeClaimTemplates") or ():
        own = copy.deepcopy(template["metadata"])
        kept = {k: own[k] for k in ("annotations", "finalizers") if k in own}
        claims.append(
            {
                "apiVersion": "v1",
                "kind": "PersistentVolumeClaim",
                "metadata": {
                    **kept,
                    "name": claim_name(template, metadata["name"], ordinal),
                    "namespace": metadata["namespace"],
                    "labels": {**(own.get("labels") or {}), **selector},
                },
                "spec": copy.deepcopy(template["spec"]),
            }
        )
    return claims


def claim_volumes(sts: JSON, ordinal: int) -> list[JSON]:
    """The pod's volumes of the same names, which replace those of the template."""
    return [
        {
            "name": template["metadata"]["name"],
            "persistentVolumeClaim": {
                "claimName": claim_name(template, sts["metadata"]["name"], ordinal)
            },
        }
        for template in sts["spec"].get("volumeClaimTemplates") or ()
    ]


def claims_used_by(pod: Mapping[str, Any]) -> list[str]:
    volumes = pod["spec"].get("volumes") or ()
    sources = [v["persistentVolumeClaim"] for v in volumes if v.get("persistentVolumeClaim")]
    return [source["claimName"] for source in sources]


def plan_claim(claim: JSON, classes: Sequence[JSON], pods: Iterable[JSON]) -> Plan:
    """Bind a claim to a volume of its class, let it grow, let it go when no pod uses it.

    Args:
        classes: every StorageClass; a claim of none of them stays Pending.
        pods: those of the claim's namespace.
    """
    metadata, spec = claim["metadata"], claim["spec"]
    if podfacts.terminating(claim):
        return _release(claim, pods)
    if not spec.get("volumeName"):
        return _bind(claim, classes)
    status = claim.get("status") or {}
    capacity = dict(status.get("capacity") or {})
    if (metadata.get("annotations") or {}).get("test/no-resize") != "true" or not capacity:
        capacity["storage"] = spec["resources"]["requests"]["storage"]
    bound = {
        **status,
        "phase": "Bound",
        "accessModes": spec.get("accessModes") or [],
        "capacity": capacity,
    }
    return Plan(status=with_status(claim, bound))


def plan_volume(volume: JSON, claim: JSON | None) -> Plan:
    """Keep a volume while its claim lives, then delete or release it as its policy says.

    Args:
        claim: the one of the name that the volume refers to, if there is one.
    """
    spec = volume["spec"]
    reference = spec.get("claimRef")
    if reference is None:
        return Plan()
    if claim is not None and claim["metadata"]["uid"] == reference["uid"]:
        return Plan(status=with_status(volume, {**(volume.get("status") or {}), "phase": "Bound"}))
    if podfacts.terminating(volume):
        protected = VOLUME_PROTECTION in (volume["metadata"].get("finalizers") or ())
        return Plan(update=[_without_finalizer(volume, VOLUME_PROTECTION)] if protected else ())
    if spec.get("persistentVolumeReclaimPolicy") == "Delete":
        return Plan(delete=[volume])
    return Plan(status=with_status(volume, {**(volume.get("status") or {}), "phase": "Released"}))


def _without_finalizer(obj: JSON, finalizer: str) -> JSON:
    metadata = obj["metadata"]
    left = [f for f in metadata.get("finalizers") or () if f != finalizer]
    return {**obj, "metadata": {**metadata, "finalizers": left}}


def _bind(claim: JSON, classes: Sequence[JSON]) -> Plan:
    metadata, spec = claim["metadata"], claim["spec"]
    storage_class = _class_of(spec, classes)
    if storage_class is None:
        return Plan(status=with_status(claim, {**(claim.get("status") or {}), "phase": "Pending"}))
    name = storage_class["metadata"]["name"]
    volume: JSON = {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": f"pvc-{metadata['uid']}"},
        "spec": {
            "capacity": dict(spec["resources"]["requests"]),
            "accessModes": spec.get("accessModes") or [],
            "hostPath": {"path": f"/simulated/{metadata['uid']}"},
            "claimRef": {
                "apiVersion": "v1",
                "kind": "PersistentVolumeClaim",
                "namespace": metadata["namespace"],
                "name": metadata["name"],
                "uid": metadata["uid"],
            },
            "persistentVolumeReclaimPolicy": storage_class.get("reclaimPolicy", "Delete"),
            "storageClassName": name,
            "volumeMode": spec.get("volumeMode", "Filesystem"),
        },
    }
    bound = {
        **claim,
        "metadata": {
            **metadata,
            "annotations": {**(metadata.get("annotations") or {}), **BOUND},
        },
        "spec": {
            "volumeMode": "Filesystem",
            **spec,
            "volumeName": volume["metadata"]["name"],
            "storageClassName": name,
        },
    }
    return Plan(create=[volume], update=[bound])


def _class_of(spec: Mapping[str, Any], classes: Sequence[JSON]) -> JSON | None:
    name = spec.get("storageClassName")
    if name is not None:
        return next((c for c in classes if c["metadata"]["name"] == name), None)
    marked = [
        c for c in classes if (c["metadata"].get("annotations") or {}).get(DEFAULT_CLASS) == "true"
    ]
    return marked[0] if marked else None


def _release(claim: JSON, pods: Iterable[JSON]) -> Plan:
    metadata = claim["metadata"]
    finalizers = metadata.get("finalizers") or []
    used = any(metadata["name"] in claims_used_by(pod) and not podfacts.ended(pod) for pod in pods)
    if used or CLAIM_PROTECTION not in finalizers:
        return Plan()
    return Plan(update=[_without_finalizer(claim, CLAIM_PROTECTION)])
