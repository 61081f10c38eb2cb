"""Budgets, autoscalers, ingresses, leases, roles and events."""

from __future__ import annotations

import re

from druid_operator.pkg.apistore.validation.faults import Faults
from druid_operator.pkg.meta import JSON

_PERCENT = (
    "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or "
    "'93%', regex used for validation is '[0-9]+%')"
)


def validate_budget(obj: JSON, faults: Faults) -> None:
    spec = obj["spec"]
    if spec.get("minAvailable") is not None and spec.get("maxUnavailable") is not None:
        shown = {
            "MinAvailable": spec["minAvailable"],
            "Selector": spec.get("selector"),
            "MaxUnavailable": spec["maxUnavailable"],
            "UnhealthyPodEvictionPolicy": spec.get("unhealthyPodEvictionPolicy"),
        }
        faults.invalid("spec", shown, "minAvailable and maxUnavailable cannot be both set")
    for name in ("minAvailable", "maxUnavailable"):
        value = spec.get(name)
        if isinstance(value, str) and not re.fullmatch(r"[0-9]+%", value):
            faults.invalid(f"spec.{name}", value, _PERCENT)
        faults.not_negative(f"spec.{name}", value)


def validate_autoscaler(obj: JSON, faults: Faults) -> None:
    spec = obj["spec"]
    if spec["maxReplicas"] < spec["minReplicas"]:
        why = "must be greater than or equal to `minReplicas`"
        faults.invalid("spec.maxReplicas", spec["maxReplicas"], why)
    if not spec["maxReplicas"]:
        faults.required("spec.maxReplicas")
    target = spec["scaleTargetRef"]
    for name in ("kind", "name"):
        if not target.get(name):
            faults.required(f"spec.scaleTargetRef.{name}")
    if "/" not in target.get("apiVersion", ""):
        why = "apiVersion must specify API group"
        faults.invalid("spec.scaleTargetRef.apiVersion", target.get("apiVersion", ""), why)


def validate_ingress(obj: JSON, faults: Faults) -> None:
    spec = obj["spec"]
    if not spec.get("rules") and not spec.get("defaultBackend"):
        faults.invalid("spec", None, "either `defaultBackend` or `rules` must be specified")
    for i, rule in enumerate(spec.get("rules") or ()):
        for j, entry in enumerate((rule.get("http") or {}).get("paths") or ()):
            path = f"spec.rules[{i}].http.paths[{j}]"
            kind = entry.get("pathType")
            if kind is None:
                faults.required(f"{path}.pathType", "pathType must be specified")
            elif kind in ("Exact", "Prefix") and not entry.get("path", "").startswith("/"):
                faults.invalid(f"{path}.path", entry.get("path", ""), "must be an absolute path")
            port = (entry["backend"].get("service") or {}).get("port")
            if port is not None and not port.get("name") and not port.get("number"):
                faults.required(f"{path}.backend", "port name or number is required")


def validate_lease(obj: JSON, faults: Faults) -> None:
    spec = obj.get("spec") or {}
    duration = spec.get("leaseDurationSeconds")
    if duration is not None and duration <= 0:
        faults.invalid("spec.leaseDurationSeconds", duration, "must be greater than 0")
    faults.not_negative("spec.leaseTransitions", spec.get("leaseTransitions"))


def validate_role(obj: JSON, faults: Faults) -> None:
    for index, rule in enumerate(obj.get("rules") or ()):
        if not rule.get("verbs"):
            faults.required(f"rules[{index}].verbs")


def validate_binding_update(obj: JSON, before: JSON, faults: Faults) -> None:
    ref = obj["roleRef"]
    if ref != before["roleRef"]:
        shown = {"APIGroup": ref.get("apiGroup"), "Kind": ref["kind"], "Name": ref["name"]}
        faults.invalid("roleRef", shown, "field is immutable")


def validate_core_event(event: JSON, faults: Faults) -> None:
    """The looser rules of ``v1`` events."""
    regarding = event["involvedObject"].get("namespace", "")
    namespace = event["metadata"].get("namespace")
    # An event about a cluster-scoped object lies in the namespace "default".
    if regarding != namespace and (regarding or namespace != "default"):
        faults.invalid("involvedObject.namespace", regarding, "does not match event.namespace")


def validate_event(event: JSON, faults: Faults) -> None:
    """``events.k8s.io/v1``; the server names the fields as the internal type does."""
    if event.get("eventTime") is None:
        faults.required("eventTime")
        return
    for name, label in (
        ("reportingController", "reportingController"),
        ("reportingInstance", "reportingInstance"),
        ("action", "action"),
        ("reason", "reason"),
    ):
        if not event.get(name):
            faults.required(label)
    if len(event.get("note") or "") > 1024:
        faults.invalid("message", "", "can have at most 1024 characters")
    if event.get("type") not in ("Normal", "Warning"):
        faults.invalid("type", "", f"has invalid value: {event.get('type', '')}")
