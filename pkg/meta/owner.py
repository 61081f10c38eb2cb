"""Owner references: who an object belongs to, and who may therefore change it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from druid_operator.pkg.meta.gvk import GroupVersionKind


def owner_reference(
    gvk: GroupVersionKind, name: str, uid: str, *, block_owner_deletion: bool = False
) -> dict[str, Any]:
    """A controller reference. The field order is the one that ``encoding/json`` gives it in Go."""
    ref: dict[str, Any] = {
        "apiVersion": gvk.api_version,
        "kind": gvk.kind,
        "name": name,
        "uid": uid,
        "controller": True,
    }
    if block_owner_deletion:
        ref["blockOwnerDeletion"] = True
    return ref


def controller_of(obj: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The owner reference with ``controller: true``; the API allows at most one."""
    refs = obj.get("metadata", {}).get("ownerReferences") or ()
    return next((ref for ref in refs if ref.get("controller")), None)


def is_controlled_by(obj: Mapping[str, Any], uid: str) -> bool:
    """True when the object's controller is the one with this uid. A namesake is another owner."""
    ref = controller_of(obj)
    return ref is not None and ref.get("uid") == uid
