"""Values seen through their type: which shape applies, which element a list item is, what is owned.

The laws are those of Kubernetes' structured merge and diff: an atomic list or map is owned as a
whole, an associative list by item, every other map key by key.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from druid_operator.pkg.apistore.fieldset import (
    FieldSet,
    Path,
    field_element,
    format_path,
    key_element,
    value_element,
)
from druid_operator.pkg.apistore.typeschema import ListShape, MapShape, Type
from druid_operator.pkg.errors import FieldError


class Absent:
    """The value of a field that is not there; ``None`` is JSON's null, which is."""

    def __repr__(self) -> str:
        return "ABSENT"


ABSENT = Absent()


def equal(a: Any, b: Any) -> bool:
    """JSON equality: numbers by value, but true is not one, as it is to Python's ``==``."""
    return bool(a == b) and _same_booleans(a, b)


def _same_booleans(a: Any, b: Any) -> bool:
    if isinstance(a, dict):
        return all(_same_booleans(value, b[name]) for name, value in a.items())
    if isinstance(a, list):
        return all(_same_booleans(x, y) for x, y in zip(a, b, strict=True))
    return isinstance(a, bool) is isinstance(b, bool)


def shape_of(type_: Type, value: Any) -> MapShape | ListShape | str | None:
    """The shape that ``value`` takes among those its type allows; a string is a scalar's name.

    Null and absent values take whatever the type offers first: map, then scalar, then list. A value
    of a kind that the type does not allow does the same, and validation reports it.
    """
    if isinstance(value, dict) and type_.map is not None:
        return type_.map
    if isinstance(value, list) and type_.list is not None:
        return type_.list
    if isinstance(value, str | bool | int | float) and type_.scalar is not None:
        return type_.scalar
    return type_.map or type_.scalar or type_.list


class ElementError(ValueError):
    """A list item that has no identity."""


def item_element(shape: ListShape, item: Any) -> str:
    """The path element of an item of an associative list. Raises :class:`ElementError`."""
    if not shape.keys:
        if isinstance(item, dict):
            raise ElementError("associative list without keys has an element that's a map type")
        if isinstance(item, list):
            raise ElementError("not supported: associative list with lists as elements")
        if item is None:
            raise ElementError(
                "associative list without keys has an element that's an explicit null"
            )
        return value_element(item)
    if item is None:
        raise ElementError("associative list with keys may not have a null element")
    if not isinstance(item, dict):
        raise ElementError("associative list with keys may not have non-map elements")
    element = shape.element.map
    found: list[tuple[str, Any]] = []
    for key in shape.keys:
        if key in item:
            found.append((key, item[key]))
            continue
        declared = element.fields.get(key) if element is not None else None
        if declared is not None and declared.default is not None:
            found.append((key, declared.default))
    if not found:
        keys = " ".join(f'"{k}"' for k in shape.keys)
        raise ElementError(
            f"associative list with keys has an element that omits all key fields [{keys}] "
            "(and doesn't have default values for any key fields)"
        )
    return key_element(found)


def index_items(shape: ListShape, items: Sequence[Any]) -> dict[str, list[Any]]:
    """Items by element, in order of first appearance. Items without identity are left out."""
    index: dict[str, list[Any]] = {}
    for item in items:
        try:
            index.setdefault(item_element(shape, item), []).append(item)
        except ElementError:
            continue
    return index


def to_field_set(value: Any, type_: Type) -> FieldSet:
    """What a manager owns who applies ``value``."""
    owned = FieldSet()
    _collect(value, type_, (), owned)
    return owned


def _collect(value: Any, type_: Type, path: Path, owned: FieldSet) -> None:
    shape = shape_of(type_, value)
    if isinstance(shape, MapShape):
        if shape.atomic:
            owned.insert(path)
        elif isinstance(value, dict):
            _collect_map(value, shape, path, owned)
    elif isinstance(shape, ListShape):
        if not shape.associative:
            owned.insert(path)
        elif isinstance(value, list):
            for element, items in index_items(shape, value).items():
                owned.insert((*path, element))
                if len(items) == 1:
                    _collect(items[0], shape.element, (*path, element), owned)
    else:
        owned.insert(path)


def _collect_map(value: dict[str, Any], shape: MapShape, path: Path, owned: FieldSet) -> None:
    for name, item in value.items():
        below = (*path, field_element(name))
        field_type = shape.type_of(name)
        if field_type is None:
            continue
        _collect(item, field_type, below, owned)
        # A declared field is owned through what it holds; a map key, or an empty value, by itself.
        if item is None or item == {} or name not in shape.fields:
            owned.insert(below)


def remove_items(value: Any, removed: FieldSet, type_: Type) -> Any:
    """``value`` without the members of ``removed``. Containers that become empty turn to null,
    as does anything atomic: the caller asks only for parts of what is not."""
    shape = shape_of(type_, value)
    if isinstance(shape, MapShape):
        if not isinstance(value, dict) or not value or shape.atomic:
            return None
        return _remove_fields(value, removed, shape) or None
    if isinstance(shape, ListShape):
        if not isinstance(value, list) or not value or not shape.associative:
            return None
        return _remove_list_items(value, removed, shape) or None
    return value


def _remove_fields(value: dict[str, Any], removed: FieldSet, shape: MapShape) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for name, item in value.items():
        element = field_element(name)
        if element in removed.members:
            continue
        below = removed.child(element)
        field_type = shape.type_of(name)
        kept[name] = remove_items(item, below, field_type) if below and field_type else item
    return kept


def _remove_list_items(value: list[Any], removed: FieldSet, shape: ListShape) -> list[Any]:
    kept: list[Any] = []
    for item in value:
        element = item_element(shape, item)
        if element in removed.members:
            continue
        below = removed.child(element)
        kept.append(remove_items(item, below, shape.element) if below else item)
    return kept


def validate(value: Any, type_: Type, *, allow_duplicates: bool = False) -> list[FieldError]:
    """What keeps ``value`` from being read through ``type_``; paths as ``.spec.replicas``."""
    errors: list[FieldError] = []
    _validate(value, type_, (), errors, allow_duplicates)
    return errors


def _validate(
    value: Any, type_: Type, path: Path, errors: list[FieldError], allow_duplicates: bool
) -> None:
    if value is None:
        return
    shape = shape_of(type_, value)
    if isinstance(shape, MapShape):
        if not isinstance(value, dict):
            errors.append(FieldError(format_path(path), f"expected map, got {_go_value(value)}"))
            return
        for name, item in value.items():
            below = (*path, field_element(name))
            field_type = shape.type_of(name)
            if field_type is None:
                errors.append(FieldError(format_path(below), "field not declared in schema"))
            else:
                _validate(item, field_type, below, errors, allow_duplicates)
    elif isinstance(shape, ListShape):
        if not isinstance(value, list):
            errors.append(FieldError(format_path(path), f"expected list, got {_go_value(value)}"))
            return
        _validate_list(value, shape, path, errors, allow_duplicates)
    elif shape is not None and not _scalar_fits(shape, value):
        errors.append(FieldError(format_path(path), _wrong_scalar(shape, value)))


def _validate_list(
    value: list[Any],
    shape: ListShape,
    path: Path,
    errors: list[FieldError],
    allow_duplicates: bool,
) -> None:
    seen: set[str] = set()
    for index, item in enumerate(value):
        if not shape.associative:
            _validate(item, shape.element, (*path, f"i:{index}"), errors, allow_duplicates)
            continue
        try:
            element = item_element(shape, item)
        except ElementError as error:
            errors.append(FieldError(format_path(path), f"element {index}: {error}"))
            continue
        if element in seen and not allow_duplicates:
            where = format_path((element,))
            errors.append(FieldError(format_path(path), f"duplicate entries for key {where}"))
            continue
        seen.add(element)
        _validate(item, shape.element, (*path, element), errors, allow_duplicates)


def _scalar_fits(kind: str, value: Any) -> bool:
    if kind == "string":
        return isinstance(value, str)
    if kind == "boolean":
        return isinstance(value, bool)
    if kind == "numeric":
        return isinstance(value, int | float) and not isinstance(value, bool)
    return True


def _wrong_scalar(kind: str, value: Any) -> str:
    """In Go's words, which differ by what was expected."""
    if kind == "numeric":
        return f"expected numeric (int or float), got {_go_type(value)}"
    return f"expected {kind}, got {_go_value(value)}"


def _go_type(value: Any) -> str:
    names = {str: "string", bool: "bool", int: "int64", float: "float64"}
    names |= {dict: "map[string]interface {}", list: "[]interface {}"}
    return names[type(value)]


def _go_value(value: Any) -> str:
    text = json.dumps(value) if isinstance(value, str | bool) else str(value)
    return f"&value.valueUnstructured{{Value:{text}}}"
