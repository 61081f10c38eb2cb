"""Typed kinds to CustomResourceDefinitions: the part that ``controller-gen`` plays in Go.

A model is an attrs class whose fields carry markers (:func:`druid_operator.pkg.schema.prop`). The
Python type gives the shape, the marker what else the API says; the JSON names are those that the
converter uses, so a model and its CRD cannot drift apart.
"""

from __future__ import annotations

import inspect
import types
from collections.abc import Collection, Mapping
from typing import Any, Union, get_args, get_origin

import attrs

from druid_operator.pkg.meta import JSON
from druid_operator.pkg.schema.embedded import EmbeddedTypes
from druid_operator.pkg.schema.listtype import LIST_MAP_KEYS, LIST_TYPE
from druid_operator.pkg.schema.markers import CustomResource, Marker, json_name, marker_of
from druid_operator.pkg.schema.structural import PRESERVE
from druid_operator.pkg.schema.validation import INT_OR_STRING

_SCALARS: Mapping[Any, JSON] = {
    str: {"type": "string"}, int: {"type": "integer"}, bool: {"type": "boolean"},
    float: {"type": "number"},
}  # fmt: skip

#: Marker attribute to schema keyword, for the keywords that constrain the value itself.
_KEYWORDS: Mapping[str, str] = {
    "format": "format", "minimum": "minimum", "maximum": "maximum", "min_length": "minLength",
    "max_length": "maxLength", "pattern": "pattern",
    "max_items": "maxItems", "list_type": LIST_TYPE, "map_type": "x-kubernetes-map-type",
}  # fmt: skip

_API_VERSION = "Group and version of this representation of the object."
_KIND = "Kind of the object."


def model_schema(model: type, embedded: EmbeddedTypes, *, skip: Collection[str] = ()) -> JSON:
    """The structural schema of an attrs class, without the fields whose JSON names are in ``skip``.

    Raises ``TypeError`` naming the field whose Python type has no schema, and ``ValueError`` naming
    a list-map whose key the API server would refuse.
    """
    attrs.resolve_types(model)
    result: JSON = {"type": "object"}
    description = summary(model)
    if description:
        result = {"description": description, **result}
    fields = [field for field in attrs.fields(model) if json_name(field) not in skip]
    required = [json_name(field) for field in fields if field.default is attrs.NOTHING]
    if required:
        result["required"] = required
    result["properties"] = {json_name(field): _field(model, field, embedded) for field in fields}
    return result


def custom_resource_definition(kind: CustomResource, embedded: EmbeddedTypes) -> JSON:
    """The whole CRD of a kind, with one version that is served and stored.

    ``metadata`` stays as open as the API server has it: its schema is the server's own.
    """
    schema = model_schema(kind.model, embedded, skip=("metadata",))
    schema["properties"] = {
        "apiVersion": {"description": _API_VERSION, "type": "string"},
        "kind": {"description": _KIND, "type": "string"},
        "metadata": {"type": "object"},
        **schema["properties"],
    }
    version: JSON = {"name": kind.resource.gvk.version, "served": True, "storage": True}
    if kind.print_columns:
        version["additionalPrinterColumns"] = [_column(column) for column in kind.print_columns]
    version["schema"] = {"openAPIV3Schema": schema}
    if kind.status:
        version["subresources"] = {"status": {}}
    names: JSON = {
        "kind": kind.resource.kind,
        "listKind": f"{kind.resource.kind}List",
        "plural": kind.resource.plural,
        "singular": kind.resource.kind.lower(),
    }
    if kind.short_names:
        names["shortNames"] = list(kind.short_names)
    if kind.categories:
        names["categories"] = list(kind.categories)
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": kind.crd_name},
        "spec": {
            "group": kind.resource.group,
            "names": names,
            "scope": "Namespaced" if kind.resource.namespaced else "Cluster",
            "versions": [version],
        },
    }


def value_type(annotation: Any) -> Any:
    """The type of a field's value without ``None``; a union of ``int`` and ``str`` stays one."""
    if get_origin(annotation) in (Union, types.UnionType):
        members = [arg for arg in get_args(annotation) if arg is not type(None)]
        return members[0] if len(members) == 1 else Union[tuple(members)]  # noqa: UP007 - at run time
    return annotation


def _field(model: type, field: attrs.Attribute[Any], embedded: EmbeddedTypes) -> JSON:
    marker = marker_of(field)
    try:
        schema = _value(value_type(field.type), marker, embedded)
    except TypeError as error:
        raise TypeError(f"{model.__name__}.{field.name}: {error}") from error
    _constrain(schema, marker)
    _check_keys(f"{model.__name__}.{field.name}", schema)
    if marker.description:
        schema = {"description": marker.description, **_without(schema, "description")}
    return schema


def _value(annotation: Any, marker: Marker, embedded: EmbeddedTypes) -> JSON:
    origin, args = get_origin(annotation), get_args(annotation)
    if origin is list:
        return {"type": "array", "items": _value(args[0], marker, embedded)}
    if marker.k8s:
        return embedded.schema(marker.k8s)
    if marker.int_or_string or origin in (Union, types.UnionType):
        return {"anyOf": [{"type": "integer"}, {"type": "string"}], INT_OR_STRING: True}
    if annotation in _SCALARS:
        return dict(_SCALARS[annotation])
    if annotation is Any:
        return {PRESERVE: True}
    if origin is dict:
        if args[1] is not Any:
            return {"type": "object", "additionalProperties": _value(args[1], marker, embedded)}
        if not marker.preserve_unknown:
            raise TypeError("an object without known keys would be stored empty")
        return {"type": "object", PRESERVE: True}
    if attrs.has(annotation):
        return model_schema(annotation, embedded)
    raise TypeError(f"no schema for the Python type {annotation!r}")


def _constrain(schema: JSON, marker: Marker) -> None:
    for attribute, keyword in _KEYWORDS.items():
        value = getattr(marker, attribute)
        if value is not None:
            schema[keyword] = value
    if marker.enum is not None:
        schema["enum"] = list(marker.enum)
    if marker.list_map_keys:
        schema[LIST_MAP_KEYS] = list(marker.list_map_keys)
    if schema.get("type") == "array":
        # What a missing list type means, said aloud: an applied list replaces the whole list.
        schema.setdefault(LIST_TYPE, "atomic")
    if marker.has_default:
        schema["default"] = marker.default
    if marker.rules:
        schema["x-kubernetes-validations"] = [
            {"rule": rule.rule, "message": rule.message} for rule in marker.rules
        ]


def _check_keys(field: str, schema: JSON) -> None:
    items = schema.get("items", {})
    for key in schema.get(LIST_MAP_KEYS, ()):
        found = items.get("properties", {}).get(key)
        if found is None or not (key in items.get("required", ()) or "default" in found):
            raise ValueError(f"{field}: the key {key!r} must be a required or defaulted field")


def _column(column: Any) -> JSON:
    result: JSON = {"name": column.name, "type": column.type, "jsonPath": column.json_path}
    if column.priority:
        result["priority"] = column.priority
    if column.description:
        result["description"] = column.description
    return result


def summary(model: type) -> str:
    """The first paragraph of a class' own docstring; attrs' generated one is none."""
    text = inspect.cleandoc(model.__dict__.get("__doc__") or "")
    if text.startswith("Method generated by attrs"):
        return ""
    return " ".join(text.split("\n\n", 1)[0].split())


def _without(schema: JSON, key: str) -> JSON:
    return {name: value for name, value in schema.items() if name != key}
