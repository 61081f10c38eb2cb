"""Claims and classes."""

from __future__ import annotations

from druid_operator.pkg.apistore.validation.faults import Faults
from druid_operator.pkg.meta import JSON

_MUTABLE = (
    "spec is immutable after creation except resources.requests and volumeAttributesClassName for "
    "bound claims"
)


def validate_claim(claim: JSON, faults: Faults) -> None:
    spec = claim["spec"]
    if not spec.get("accessModes"):
        faults.required("spec.accessModes", "at least 1 access mode is required")
    if "storage" not in (spec["resources"].get("requests") or {}):
        faults.required("spec.resources[storage]")


def validate_claim_update(claim: JSON, before: JSON, faults: Faults) -> None:
    old, new = before["spec"], claim["spec"]
    ignored = {"volumeName"} if not old.get("volumeName") else set()
    if before["status"].get("phase") == "Bound":
        ignored |= {"resources", "volumeAttributesClassName"}
    if not old.get("storageClassName"):
        ignored.add("storageClassName")  # a default class may be filled in later
    for name in {*old, *new} - ignored:
        if old.get(name) != new.get(name):
            faults.forbidden("spec", _MUTABLE)
            return


def validate_storage_class_update(obj: JSON, before: JSON, faults: Faults) -> None:
    for name in ("parameters", "provisioner", "reclaimPolicy", "volumeBindingMode"):
        if obj.get(name) != before.get(name):
            faults.invalid(name, None, "field is immutable")
