"""``pkg/apistore/builtin_schema.json``: how the built-in kinds are structured and merged.

Two sources, because neither tells all. The OpenAPI definitions (of the ``kubernetes-validate``
development package) know types, list types, merge keys and required fields.
``gotypes/fields.json``, printed by the Go program beside it (``cd cmd/generate/gotypes && go run .
> fields.json``), knows which fields are pointers, and with that whether the API server stores a
zero or leaves it out.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from druid_operator.cmd.generate.definitions import KUBERNETES, kubernetes_definitions

OUTPUT = "pkg/apistore/builtin_schema.json"
GO_FIELDS = Path(__file__).parent / "gotypes" / "fields.json"

#: Kinds to carry: those of ``pkg/scheme/builtin.py``, and a few that people list beside them.
KINDS = [
    "core.v1.ConfigMap",
    "core.v1.Secret",
    "core.v1.Service",
    "core.v1.ServiceAccount",
    "core.v1.Pod",
    "core.v1.Namespace",
    "core.v1.Node",
    "core.v1.PersistentVolumeClaim",
    "core.v1.PersistentVolume",
    "core.v1.Event",
    "core.v1.Endpoints",
    "events.v1.Event",
    "discovery.v1.EndpointSlice",
    "apps.v1.StatefulSet",
    "apps.v1.Deployment",
    "apps.v1.ReplicaSet",
    "apps.v1.DaemonSet",
    "apps.v1.ControllerRevision",
    "batch.v1.Job",
    "batch.v1.CronJob",
    "policy.v1.PodDisruptionBudget",
    "autoscaling.v2.HorizontalPodAutoscaler",
    "autoscaling.v1.Scale",
    "networking.v1.Ingress",
    "networking.v1.NetworkPolicy",
    "storage.v1.StorageClass",
    "coordination.v1.Lease",
    "rbac.v1.Role",
    "rbac.v1.RoleBinding",
    "rbac.v1.ClusterRole",
    "rbac.v1.ClusterRoleBinding",
    "authentication.v1.TokenReview",
    "authorization.v1.SelfSubjectAccessReview",
    "authorization.v1.SubjectAccessReview",
    "authorization.v1.LocalSubjectAccessReview",
]
CRD = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinition"

#: Definitions that are not what their shape says.
SCALARS = {
    "io.k8s.apimachinery.pkg.api.resource.Quantity": "quantity",
    "io.k8s.apimachinery.pkg.util.intstr.IntOrString": "int-or-string",
    "io.k8s.apimachinery.pkg.apis.meta.v1.Time": "time",
    "io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime": "micro-time",
    "io.k8s.apimachinery.pkg.apis.meta.v1.FieldsV1": "deduced",
    "io.k8s.apimachinery.pkg.runtime.RawExtension": "any",
}
_APIEXTENSIONS = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1."
SCALARS |= {
    _APIEXTENSIONS + name: "deduced"
    for name in (
        "JSON", "JSONSchemaPropsOrArray", "JSONSchemaPropsOrBool", "JSONSchemaPropsOrStringArray",
    )
}  # fmt: skip

#: Defaults of fields that are keys of list maps: server-side apply fills them in to find the item.
#: Read from the ``/openapi/v3`` of a v1.37.2 API server, the only two there that are such keys.
KEY_DEFAULTS = {
    ("io.k8s.api.core.v1.ContainerPort", "protocol"): "TCP",
    ("io.k8s.api.core.v1.ServicePort", "protocol"): "TCP",
}


def builtin_schema_files() -> dict[str, str]:
    """Path in the repository to content."""
    table = build_schema(kubernetes_definitions(), json.loads(GO_FIELDS.read_text()))
    return {OUTPUT: json.dumps(table, separators=(",", ":")) + "\n"}


def build_schema(
    definitions: Mapping[str, Any], go_fields: Mapping[str, dict[str, list[str]]]
) -> dict[str, Any]:
    """The table: ``kinds`` by ``group/version/Kind`` and ``types`` by OpenAPI name."""
    types: dict[str, Any] = {}
    kinds: dict[str, str] = {}
    for root in [*(f"io.k8s.api.{kind}" for kind in KINDS), CRD]:
        gvk = definitions[root]["x-kubernetes-group-version-kind"][0]
        kinds["/".join([gvk["group"], gvk["version"], gvk["kind"]])] = root
        _collect(root, definitions, go_fields, types)
    return {
        "version": KUBERNETES,
        "kinds": dict(sorted(kinds.items())),
        "types": dict(sorted(types.items())),
    }


def _collect(
    name: str, definitions: Mapping[str, Any], go_fields: Mapping[str, Any], types: dict[str, Any]
) -> None:
    if name in types or name in SCALARS:
        return
    definition = definitions[name]
    required = set(definition.get("required", ()))
    encodings = go_fields.get(name, {})
    fields: dict[str, Any] = {}
    shape: dict[str, Any] = {"fields": fields}
    types[name] = shape
    if definition.get("x-kubernetes-map-type") == "atomic":
        shape["atomic"] = True
    for field, spec in definition.get("properties", {}).items():
        zero, number = encodings.get(field, ("pointer", ""))
        entry: dict[str, Any] = {"type": _type(spec), "zero": zero}
        if number:
            entry["wire"] = number
        if field in required:
            entry["required"] = True
        if (name, field) in KEY_DEFAULTS:
            entry["default"] = KEY_DEFAULTS[name, field]
        if "retainKeys" in spec.get("x-kubernetes-patch-strategy", ""):
            entry["retain_keys"] = True
        fields[field] = entry
        for reference in _references(spec):
            _collect(reference, definitions, go_fields, types)


def _references(spec: Any) -> list[str]:
    if "$ref" in spec:
        return [spec["$ref"].rsplit("/", 1)[1]]
    for key in ("items", "additionalProperties"):
        if isinstance(spec.get(key), dict):
            return _references(spec[key])
    return []


def _type(spec: dict[str, Any]) -> Any:
    if "$ref" in spec:
        name = spec["$ref"].rsplit("/", 1)[1]
        if name in SCALARS:
            return SCALARS[name]
        atomic = spec.get("x-kubernetes-map-type") == "atomic"
        return {"ref": name, "atomic": True} if atomic else {"ref": name}
    kind = next(t for t in _as_list(spec.get("type", "any")) if t != "null")
    if kind == "array":
        return _list_type(spec)
    if kind == "object":
        node: dict[str, Any] = {"map": _type(spec.get("additionalProperties", {"type": "any"}))}
        if spec.get("x-kubernetes-map-type") == "atomic":
            node["atomic"] = True
        return node
    if kind == "integer":
        return spec.get("format", "int64")
    if kind == "string" and spec.get("format") == "byte":
        return "bytes"
    return kind


def _list_type(spec: dict[str, Any]) -> dict[str, Any]:
    node: dict[str, Any] = {"list": _type(spec["items"])}
    strategy = spec.get("x-kubernetes-patch-strategy", "")
    merge_key = spec.get("x-kubernetes-patch-merge-key", "")
    kind = spec.get("x-kubernetes-list-type")
    if kind is None and "merge" in strategy:
        kind = "map" if merge_key else "set"
    if kind == "map":
        node["keys"] = spec.get("x-kubernetes-list-map-keys", [merge_key])
    elif kind == "set":
        node["set"] = True
    if "merge" in strategy:
        node["merge"] = merge_key
    return node


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
