"""A minimal ``/openapi/v3``: per group-version, the operations that ``kubectl`` looks for.

``kubectl`` asks two things of it: may I send ``fieldValidation`` (is the parameter on the PATCH of
this kind), and how do lists of this kind merge (client-side apply).
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from druid_operator.pkg.apistore.backend import Registry
from druid_operator.pkg.apistore.resources import Served
from druid_operator.pkg.apistore.typeschema import Type
from druid_operator.pkg.meta import JSON

_PARAMETERS = [
    {"name": name, "in": "query", "schema": {"type": "string", "uniqueItems": True}}
    for name in ("dryRun", "fieldManager", "fieldValidation", "pretty")
]


def index(registry: Registry) -> JSON:
    """``/openapi/v3``: one path per group-version, with a hash so that clients may cache."""
    paths: dict[str, JSON] = {}
    for served in registry:
        gvk = served.resource.gvk
        path = f"apis/{gvk.group}/{gvk.version}" if gvk.group else f"api/{gvk.version}"
        if path not in paths:
            digest = hashlib.sha256(json.dumps(document(registry, gvk.group, gvk.version)).encode())
            url = f"/openapi/v3/{path}?hash={digest.hexdigest().upper()}"
            paths[path] = {"serverRelativeURL": url}
    return {"paths": paths}


def document(registry: Registry, group: str, version: str) -> JSON | None:
    """The document of one group-version, ``None`` when it is not served."""
    found = [
        s for s in registry if s.resource.gvk.group == group and s.resource.gvk.version == version
    ]
    if not found:
        return None
    schemas: dict[str, JSON] = {}
    paths: dict[str, JSON] = {}
    for served in found:
        name = _schema_name(served)
        if served.custom is not None:
            schemas[name] = _custom_schema(served)
        else:
            _add_schema(served.type, schemas)
            schemas[name]["x-kubernetes-group-version-kind"] = [_gvk(served)]
        paths |= _paths(served, name)
    return {
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes", "version": "v1.37.2"},
        "paths": paths,
        "components": {"schemas": schemas},
    }


def _gvk(served: Served) -> JSON:
    gvk = served.resource.gvk
    return {"group": gvk.group, "version": gvk.version, "kind": gvk.kind}


def _schema_name(served: Served) -> str:
    if served.custom is None:
        return served.type.name
    gvk = served.resource.gvk
    return ".".join([*reversed(gvk.group.split(".")), gvk.version, gvk.kind])


def _custom_schema(served: Served) -> JSON:
    assert served.custom is not None
    return {**served.custom.schema, "x-kubernetes-group-version-kind": [_gvk(served)]}


def _paths(served: Served, schema: str) -> dict[str, JSON]:
    resource = served.resource
    collection = resource.path("{namespace}")
    reference = {"$ref": f"#/components/schemas/{schema}"}
    content = {"application/json": {"schema": reference}}

    def operation(action: str) -> JSON:
        made: JSON = {
            "x-kubernetes-action": action,
            "x-kubernetes-group-version-kind": _gvk(served),
            "parameters": _PARAMETERS,
            "responses": {"200": {"description": "OK", "content": content}},
        }
        if action != "get":
            made["requestBody"] = {"content": content}
        return made

    return {
        collection: {"post": operation("post")},
        f"{collection}/{{name}}": {
            "get": operation("get"),
            "put": operation("put"),
            "patch": operation("patch"),
        },
    }


def _add_schema(type_: Type, schemas: dict[str, JSON]) -> None:
    """The schema of a struct type and of every struct below it."""
    if not type_.name or type_.name in schemas or type_.map is None:
        return
    properties: dict[str, JSON] = {}
    schemas[type_.name] = {"type": "object", "properties": properties}
    for name, field in type_.map.fields.items():
        properties[name] = _schema(field.type, schemas)
        if field.default is not None:
            properties[name]["default"] = field.default
        if field.retain_keys:
            strategy = properties[name].get("x-kubernetes-patch-strategy")
            properties[name]["x-kubernetes-patch-strategy"] = (
                f"{strategy},retainKeys" if strategy else "retainKeys"
            )
    required = [name for name, field in type_.map.fields.items() if field.required]
    if required:
        schemas[type_.name]["required"] = required
    if type_.map.atomic:
        schemas[type_.name]["x-kubernetes-map-type"] = "atomic"


_SCALARS: dict[str, JSON] = {
    "string": {"type": "string"},
    "boolean": {"type": "boolean"},
    "numeric": {"type": "number"},
}
_FORMATS: dict[str, JSON] = {
    "int32": {"type": "integer", "format": "int32"},
    "int64": {"type": "integer", "format": "int64"},
    "bytes": {"type": "string", "format": "byte"},
    "time": {"type": "string", "format": "date-time"},
    "micro-time": {"type": "string", "format": "date-time"},
    "int-or-string": {
        "oneOf": [{"type": "integer"}, {"type": "string"}],
        "format": "int-or-string",
    },
    "quantity": {"oneOf": [{"type": "string"}, {"type": "number"}]},
}


def _schema(type_: Type, schemas: dict[str, JSON]) -> JSON:
    if type_.name:
        _add_schema(type_, schemas)
        return {"allOf": [{"$ref": f"#/components/schemas/{type_.name}"}]}
    if type_.scalar == "untyped" and not type_.format:
        return {"x-kubernetes-preserve-unknown-fields": True}
    if type_.list is not None:
        made: dict[str, Any] = {"type": "array", "items": _schema(type_.list.element, schemas)}
        if type_.list.keys:
            made["x-kubernetes-list-map-keys"] = list(type_.list.keys)
        kind = "map" if type_.list.keys else "set" if type_.list.associative else "atomic"
        made["x-kubernetes-list-type"] = kind
        if type_.list.merge_key is not None:
            made["x-kubernetes-patch-strategy"] = "merge"
            if type_.list.merge_key:
                made["x-kubernetes-patch-merge-key"] = type_.list.merge_key
        return made
    if type_.map is not None:
        element = type_.map.element
        made = {"type": "object", "additionalProperties": _schema(element, schemas) if element
                else False}  # fmt: skip
        if type_.map.atomic:
            made["x-kubernetes-map-type"] = "atomic"
        return made
    return dict(_FORMATS.get(type_.format) or _SCALARS.get(type_.scalar or "") or {})
