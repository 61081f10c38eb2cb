"""What controllers want to know about a pod, and how a pod is made from a template."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from druid_operator.pkg.apistore.selectors import selector_from_object
from druid_operator.pkg.envtest.dataplane.plan import Moment
from druid_operator.pkg.meta import JSON, GroupVersionKind, owner_reference

REVISION_LABEL = "controller-revision-hash"


def phase(pod: Mapping[str, Any]) -> str:
    return str(pod.get("status", {}).get("phase") or "Pending")


def terminating(obj: Mapping[str, Any]) -> bool:
    return bool(obj["metadata"].get("deletionTimestamp"))


def ended(pod: Mapping[str, Any]) -> bool:
    return phase(pod) in ("Succeeded", "Failed")


def condition_is_true(obj: Mapping[str, Any], kind: str) -> bool:
    conditions = obj.get("status", {}).get("conditions") or ()
    return any(c["type"] == kind and c["status"] == "True" for c in conditions)


def ready(pod: Mapping[str, Any]) -> bool:
    return phase(pod) == "Running" and condition_is_true(pod, "Ready")


def available(pod: Mapping[str, Any], min_ready_seconds: int, moment: Moment) -> bool:
    return ready(pod) and moment.age(pod["metadata"]["uid"]) >= min_ready_seconds


def revision(pod: Mapping[str, Any]) -> str:
    return str((pod["metadata"].get("labels") or {}).get(REVISION_LABEL, ""))


def ordinal(pod: Mapping[str, Any]) -> int:
    """The number at the end of the name; -1 if there is none."""
    digits = pod["metadata"]["name"].rpartition("-")[2]
    return int(digits) if digits.isdigit() else -1


def pod_from_template(template: Mapping[str, Any], owner: JSON) -> JSON:
    """A pod without a name, controlled by ``owner``."""
    metadata = copy.deepcopy(template.get("metadata") or {})
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            **{k: metadata[k] for k in ("labels", "annotations", "finalizers") if k in metadata},
            "generateName": f"{owner['metadata']['name']}-",
            "namespace": owner["metadata"]["namespace"],
            "ownerReferences": [controlled_by(owner)],
        },
        "spec": copy.deepcopy(template.get("spec") or {}),
    }


def controlled_by(owner: JSON) -> JSON:
    metadata = owner["metadata"]
    gvk = GroupVersionKind.of(owner)
    return owner_reference(gvk, metadata["name"], metadata["uid"], block_owner_deletion=True)


def adopted(obj: JSON, owner: JSON) -> JSON:
    """The orphan with ``owner`` as its controller."""
    metadata = obj["metadata"]
    references = [*(metadata.get("ownerReferences") or ()), controlled_by(owner)]
    return {**obj, "metadata": {**metadata, "ownerReferences": references}}


def selects(selector: Mapping[str, Any] | None, obj: JSON) -> bool:
    """Whether a label selector matches. A missing selector matches nothing, an empty one all."""
    return selector is not None and selector_from_object(selector).matches(obj)
