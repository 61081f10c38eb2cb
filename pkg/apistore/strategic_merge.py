"""Strategic merge patch: Kubernetes' own, which merges lists of built-in kinds by key."""

from __future__ import annotations

from typing import Any

from druid_operator.pkg.apistore.typeschema import ListShape, Type
from druid_operator.pkg.errors import BadRequest
from druid_operator.pkg.meta import JSON

_DELETE_PRIMITIVES = "$deleteFromPrimitiveList/"
_ORDER = "$setElementOrder/"
_RETAIN_KEYS = "$retainKeys"
_DIRECTIVE = "$patch"


def apply_strategic_merge(live: JSON, patch: JSON, type_: Type) -> JSON:
    """The patched object; no argument is changed. Raises ``BadRequest`` for a bad directive."""
    merged = _merge_map(live, patch, type_)
    return merged if isinstance(merged, dict) else {}


def _merge_map(live: JSON, patch: JSON, type_: Type | None) -> Any:
    directive = patch.get(_DIRECTIVE)
    if directive == "replace":
        return {name: value for name, value in patch.items() if name != _DIRECTIVE}
    if directive == "delete":
        return {}
    if directive not in (None, "merge"):
        raise BadRequest(f"Unknown patch type: {directive}")
    merged = dict(live)
    retained = patch.get(_RETAIN_KEYS)
    if retained is not None:
        merged = {name: value for name, value in merged.items() if name in retained}
    shape = type_.map if type_ is not None else None
    for name, value in patch.items():
        if name in (_DIRECTIVE, _RETAIN_KEYS) or name.startswith(_ORDER):
            continue
        if name.startswith(_DELETE_PRIMITIVES):
            field = name.removeprefix(_DELETE_PRIMITIVES)
            merged[field] = [item for item in merged.get(field) or () if item not in value]
            continue
        field_type = shape.type_of(name) if shape is not None else None
        if value is None:
            merged.pop(name, None)
        else:
            order = patch.get(_ORDER + name)
            merged[name] = _merge_value(merged.get(name), value, field_type, order)
    for name, order in patch.items():
        field = name.removeprefix(_ORDER)
        if name.startswith(_ORDER) and field not in patch and field in merged:
            field_type = shape.type_of(field) if shape is not None else None
            if field_type is not None and field_type.list is not None:
                items = merged[field]
                merged[field] = _ordered(items, order, items, field_type.list)
    return merged


def _merge_value(live: Any, patch: Any, type_: Type | None, order: list[Any] | None) -> Any:
    if isinstance(patch, dict):
        return _merge_map(live if isinstance(live, dict) else {}, patch, type_)
    shape = type_.list if type_ is not None else None
    if isinstance(patch, list) and shape is not None and shape.merge_key is not None:
        return _merge_list(live if isinstance(live, list) else [], patch, shape, order)
    return patch


def _merge_list(
    live: list[Any], patch: list[Any], shape: ListShape, order: list[Any] | None
) -> list[Any]:
    key = shape.merge_key
    if not key:
        merged = [*live, *(item for item in patch if item not in live)]
        return _ordered(merged, order or patch, live, shape)
    if any(isinstance(item, dict) and item.get(_DIRECTIVE) == "replace" for item in patch):
        return [item for item in patch if _DIRECTIVE not in item]
    merged = list(live)
    for item in patch:
        if not isinstance(item, dict) or key not in item:
            raise BadRequest(f"map: {item} does not contain declared merge key: {key}")
        at = next((i for i, have in enumerate(merged) if have.get(key) == item[key]), None)
        if item.get(_DIRECTIVE) == "delete":
            merged = [have for have in merged if have.get(key) != item[key]]
        elif at is None:
            merged.append(_merge_map({}, item, shape.element))
        else:
            merged[at] = _merge_map(merged[at], item, shape.element)
    return _ordered(merged, order or patch, live, shape)


def _ordered(items: list[Any], order: list[Any], live: list[Any], shape: ListShape) -> list[Any]:
    """Items that the patch names, in its order; those of the server alone put in between.

    A server's item goes before the first named one that comes after it in the live list; the order
    within either group is never broken for it.
    """
    key = shape.merge_key

    def identity(item: Any) -> Any:
        return item.get(key) if key and isinstance(item, dict) else item

    wanted = [identity(item) for item in order]
    present = [identity(item) for item in live]

    def position(known: list[Any], item: Any) -> int:
        value = identity(item)
        return known.index(value) if value in known else len(known)

    named = sorted(
        (item for item in items if identity(item) in wanted), key=lambda i: position(wanted, i)
    )
    others = sorted(
        (item for item in items if identity(item) not in wanted),
        key=lambda i: position(present, i),
    )
    placed: list[Any] = []
    while named and others:
        left, right = identity(others[0]), identity(named[0])
        known = left in present and right in present
        first = known and present.index(left) < present.index(right)
        placed.append((others if first else named).pop(0))
    return [*placed, *named, *others]
