"""Defaults of the remaining kinds."""

from __future__ import annotations

import base64
from typing import Any

from druid_operator.pkg.apistore.crd import default_definition as _default_definition
from druid_operator.pkg.apistore.crd import initial_status
from druid_operator.pkg.meta import JSON

_RBAC = "rbac.authorization.k8s.io"


def default_secret(secret: JSON) -> None:
    secret.setdefault("type", "Opaque")
    # stringData is write-only: it goes into data, base64, and is not stored.
    for name, text in (secret.pop("stringData", None) or {}).items():
        encoded = base64.b64encode(text.encode()).decode("ascii")
        secret.setdefault("data", {})[name] = encoded


def default_namespace(namespace: JSON) -> None:
    name = namespace["metadata"].get("name")
    if name:
        labels = namespace["metadata"].setdefault("labels", {})
        labels["kubernetes.io/metadata.name"] = name
    namespace["status"].setdefault("phase", "Active")


def default_role_binding(binding: JSON) -> None:
    binding["roleRef"]["apiGroup"] = binding["roleRef"].get("apiGroup") or _RBAC
    for subject in binding.get("subjects") or ():
        if subject["kind"] in ("User", "Group"):
            subject.setdefault("apiGroup", _RBAC)


def default_definition(crd: JSON) -> None:
    _default_definition(crd)
    if not crd["status"].get("storedVersions"):
        crd["status"] = initial_status(crd)


_SCALE_UP: dict[str, Any] = {
    "stabilizationWindowSeconds": 0,
    "selectPolicy": "Max",
    "policies": [
        {"type": "Pods", "value": 4, "periodSeconds": 15},
        {"type": "Percent", "value": 100, "periodSeconds": 15},
    ],
}
_SCALE_DOWN: dict[str, Any] = {
    "selectPolicy": "Max",
    "policies": [{"type": "Percent", "value": 100, "periodSeconds": 15}],
}


def default_autoscaler(autoscaler: JSON) -> None:
    spec = autoscaler["spec"]
    spec.setdefault("minReplicas", 1)
    if not spec.get("metrics"):
        target = {"type": "Utilization", "averageUtilization": 80}
        spec["metrics"] = [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]
    behavior = spec.get("behavior")
    if behavior is not None:
        for direction, rules in (("scaleUp", _SCALE_UP), ("scaleDown", _SCALE_DOWN)):
            chosen = behavior.setdefault(direction, {})
            for name, value in rules.items():
                copied = [dict(item) for item in value] if isinstance(value, list) else value
                chosen.setdefault(name, copied)
