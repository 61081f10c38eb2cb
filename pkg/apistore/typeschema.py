"""The structure of a kind, as server-side apply and the decoder need it.

A :class:`Type` says what a value may be: a scalar, a list, a map, or several of them (an untyped
value may be any). Lists and maps carry how they merge. Types of built-in kinds come from the
generated table ``builtin_schema.json``; those of custom kinds from their structural schema.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from importlib import resources
from typing import Any, Literal

import attrs

from druid_operator.pkg.meta import JSON, GroupVersionKind

#: ``omit``: the server leaves a zero value out. ``always``: it writes one even if it was never
#: sent. ``pointer``: absent and zero are two different things.
Zero = Literal["omit", "always", "pointer"]


@attrs.define(eq=False)
class ListShape:
    """``associative``: items have identity (by ``keys``, or by themselves when there are none).

    ``merge_key`` belongs to strategic merge patches: ``None`` replaces the list, the empty string
    merges it as a set.
    """

    element: Type
    associative: bool = False
    keys: tuple[str, ...] = ()
    merge_key: str | None = None


@attrs.define(eq=False)
class MapShape:
    """``element`` is the type of keys that are no declared field, ``None`` if there are none."""

    fields: dict[str, Field] = attrs.field(factory=dict)
    element: Type | None = None
    atomic: bool = False

    def type_of(self, key: str) -> Type | None:
        declared = self.fields.get(key)
        return declared.type if declared is not None else self.element


@attrs.define(eq=False)
class Type:
    """What a value may be.

    ``format`` refines a scalar (``quantity``, ``time``, ``int32`` ...); ``name`` is the OpenAPI
    name of a built-in struct.
    """

    scalar: str | None = None
    list: ListShape | None = None
    map: MapShape | None = None
    format: str = ""
    name: str = ""


@attrs.define(eq=False)
class Field:
    """``default`` matters to list keys only: the item is found as if the key were there.

    ``wire`` is the field's protobuf number; a path, where Go embeds the struct that has it.
    """

    type: Type
    zero: Zero = "pointer"
    required: bool = False
    default: Any = None
    retain_keys: bool = False
    wire: tuple[int, ...] = ()


#: Any value, owned as a whole.
UNTYPED = Type(scalar="untyped")
UNTYPED.list = ListShape(UNTYPED)
UNTYPED.map = MapShape(element=UNTYPED, atomic=True)

#: Any value, maps owned key by key, lists as a whole: what a schema does not describe.
DEDUCED = Type(scalar="untyped", list=ListShape(UNTYPED))
DEDUCED.map = MapShape(element=DEDUCED)

_SCALARS: Mapping[str, Type] = {
    "string": Type("string"),
    "boolean": Type("boolean"),
    "int32": Type("numeric", format="int32"),
    "int64": Type("numeric", format="int64"),
    "integer": Type("numeric", format="int64"),
    "number": Type("numeric"),
    "bytes": Type("string", format="bytes"),
    "quantity": Type("untyped", format="quantity"),
    "int-or-string": Type("untyped", format="int-or-string"),
    "time": Type("untyped", format="time"),
    "micro-time": Type("untyped", format="micro-time"),
    "any": UNTYPED,
    "deduced": DEDUCED,
}


class BuiltinTypes:
    """The generated table, loaded once. Types refer to each other directly, also in circles."""

    def __init__(self, table: Mapping[str, Any]) -> None:
        self._kinds: Mapping[str, str] = table["kinds"]
        self._table: Mapping[str, Any] = table["types"]
        self._types: dict[str, Type] = {}

    def kind(self, gvk: GroupVersionKind) -> Type | None:
        """The type of a built-in kind, ``None`` for one that the table does not have."""
        name = self._kinds.get(f"{gvk.group}/{gvk.version}/{gvk.kind}")
        return None if name is None else self.named(name)

    def named(self, name: str) -> Type:
        """The type of that OpenAPI name, such as ``io.k8s.api.core.v1.Container``."""
        found = self._types.get(name)
        if found is None:
            definition = self._table[name]
            shape = MapShape(atomic=definition.get("atomic", False))
            found = self._types[name] = Type(map=shape, name=name)
            for field, entry in definition["fields"].items():
                shape.fields[field] = Field(
                    self._node(entry["type"]),
                    zero=entry["zero"],
                    required=entry.get("required", False),
                    default=entry.get("default"),
                    retain_keys=entry.get("retain_keys", False),
                    wire=tuple(int(n) for n in entry.get("wire", "").split(".") if n),
                )
        return found

    def _node(self, node: Any) -> Type:
        if isinstance(node, str):
            return _SCALARS[node]
        if "ref" in node:
            target = self.named(node["ref"])
            if node.get("atomic") and target.map is not None and not target.map.atomic:
                shape = MapShape(target.map.fields, target.map.element, atomic=True)
                return Type(map=shape, name=target.name)
            return target
        if "map" in node:
            return Type(
                map=MapShape(element=self._node(node["map"]), atomic=node.get("atomic", False))
            )
        keys = tuple(node.get("keys", ()))
        return Type(
            list=ListShape(
                self._node(node["list"]),
                associative=bool(keys) or node.get("set", False),
                keys=keys,
                merge_key=node.get("merge"),
            )
        )


@functools.cache
def builtin_types() -> BuiltinTypes:
    """The table of the package, read on first use."""
    text = (
        resources.files("druid_operator.pkg.apistore")
        .joinpath("builtin_schema.json")
        .read_text("utf-8")
    )
    return BuiltinTypes(json.loads(text))


def object_meta() -> Type:
    return builtin_types().named("io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta")


def from_structural(schema: Mapping[str, Any]) -> Type:
    """The type of a custom kind from its ``openAPIV3Schema``; ``metadata`` is always ObjectMeta."""
    root = _structural(schema, preserve=False)
    shape = root.map or MapShape()
    fields = {
        **shape.fields,
        "apiVersion": Field(_SCALARS["string"]),
        "kind": Field(_SCALARS["string"]),
        "metadata": Field(object_meta()),
    }
    return Type(map=MapShape(fields, shape.element, shape.atomic))


def _structural(schema: Mapping[str, Any], *, preserve: bool) -> Type:
    preserve = preserve or bool(schema.get("x-kubernetes-preserve-unknown-fields"))
    if schema.get("x-kubernetes-int-or-string"):
        return _SCALARS["int-or-string"]
    kind = schema.get("type", "")
    if kind in ("string", "integer", "number", "boolean"):
        return _SCALARS[kind]
    if kind == "array":
        return Type(list=_structural_list(schema, preserve=preserve))
    if kind == "object":
        return Type(map=_structural_map(schema, preserve=preserve))
    return Type(
        "untyped",
        list=_structural_list(schema, preserve=preserve),
        map=_structural_map(schema, preserve=preserve),
    )


def _structural_list(schema: JSON | Mapping[str, Any], *, preserve: bool) -> ListShape:
    items = schema.get("items")
    element = _structural(items, preserve=preserve) if items else UNTYPED
    kind = schema.get("x-kubernetes-list-type", "atomic")
    keys = tuple(schema.get("x-kubernetes-list-map-keys", ())) if kind == "map" else ()
    return ListShape(element, associative=kind in ("map", "set"), keys=keys)


def _structural_map(schema: Mapping[str, Any], *, preserve: bool) -> MapShape:
    properties: Mapping[str, Any] = schema.get("properties") or {}
    fields = {
        name: Field(_structural(sub, preserve=preserve), default=sub.get("default"))
        for name, sub in properties.items()
    }
    if schema.get("x-kubernetes-embedded-resource"):
        fields.setdefault("apiVersion", Field(_SCALARS["string"]))
        fields.setdefault("kind", Field(_SCALARS["string"]))
        fields["metadata"] = Field(object_meta())
    additional = schema.get("additionalProperties")
    element: Type | None
    if isinstance(additional, Mapping):
        element = _structural(additional, preserve=preserve)
    elif additional or (additional is None and (preserve or not properties)):
        element = DEDUCED
    else:
        element = None
    return MapShape(fields, element, schema.get("x-kubernetes-map-type") == "atomic")
