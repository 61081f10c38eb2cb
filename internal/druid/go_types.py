"""The Kubernetes types as the Go operator's JSON encoder sees them.

``go_fields.json`` is generated (``cmd/generate/go_fields``) from k8s.io/api v0.27.7, the version
that the Go operator is built with. A type is written as a short word: ``string``, ``int``,
``bool``, ``bytes``, ``time``, ``quantity``, ``intOrString``, ``raw``, or the name of a struct;
``*``, ``[]`` and ``{}`` before it make it a pointer, a list and a map with string keys.
"""

from __future__ import annotations

import functools
import importlib.resources
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from druid_operator.pkg.meta import GroupVersionKind

#: Types that Go writes even when they are empty: ``omitempty`` has no effect on a struct.
_SCALARS = frozenset({"string", "int", "bool", "bytes", "time", "quantity", "intOrString", "raw"})
_EMPTY: Mapping[str, Any] = {"string": "", "int": 0, "bool": False, "bytes": ""}


class GoField(NamedTuple):
    """One field of a Go struct: its JSON name, its type, and whether it has ``omitempty``."""

    name: str
    type: str
    omitempty: bool


def struct_of(gvk: GroupVersionKind) -> str:
    """The name of a kind's Go struct: ``core/v1.ConfigMap``, ``networking/v1.Ingress``."""
    group = gvk.group.partition(".")[0] or "core"
    return f"{group}/{gvk.version}.{gvk.kind}"


@functools.cache
def fields_of(struct: str) -> tuple[GoField, ...]:
    """The fields in declaration order. Raises ``KeyError`` for a struct not in the table."""
    return tuple(_parse(line) for line in _table()[struct])


def is_struct(type_: str) -> bool:
    return type_[0] not in "*[{" and type_ not in _SCALARS


def is_empty(type_: str, value: Any) -> bool:
    """Whether ``omitempty`` leaves the value out: a nil pointer, no items, or a scalar's zero."""
    if type_[0] == "*":
        return value is None
    if type_[0] in "[{":
        return not value
    return type_ in _EMPTY and (value is None or value == _EMPTY[type_])


def _parse(line: str) -> GoField:
    name, _, type_ = line.rpartition(" ")
    return GoField(name, type_.removesuffix("?"), type_.endswith("?"))


@functools.cache
def _table() -> dict[str, list[str]]:
    file = importlib.resources.files("druid_operator.internal.druid") / "go_fields.json"
    structs: dict[str, list[str]] = msgspec.json.decode(file.read_bytes())["structs"]
    return structs
