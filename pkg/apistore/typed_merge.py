"""Merging an applied configuration into a live object, through the type."""

from __future__ import annotations

from typing import Any

from druid_operator.pkg.apistore.typed import ABSENT, item_element, shape_of
from druid_operator.pkg.apistore.typeschema import ListShape, MapShape, Type


def merge(live: Any, config: Any, type_: Type) -> Any:
    """``live`` with ``config`` laid over it: the configuration wins, what it does not name stays.

    The caller has validated both. Either may be ``ABSENT``, not both; a result may be ``ABSENT``
    where nothing is left to say (an empty map merged into one).
    """
    before, after = shape_of(type_, live), shape_of(type_, config)
    if config is ABSENT:
        return _merge_shape(live, config, before)
    return _merge_shape(live, config, after)


def _merge_shape(live: Any, config: Any, shape: MapShape | ListShape | str | None) -> Any:
    if isinstance(shape, MapShape):
        left = live if isinstance(live, dict) else {}
        right = config if isinstance(config, dict) else {}
        if not shape.atomic and (left or right):
            return _merge_fields(left, right, shape) or ABSENT
    elif isinstance(shape, ListShape):
        left_items = live if isinstance(live, list) else []
        right_items = config if isinstance(config, list) else []
        if shape.associative and (left_items or right_items):
            return _merge_items(left_items, right_items, shape) or ABSENT
    return live if config is ABSENT else config


def _merge_fields(live: dict[str, Any], config: dict[str, Any], shape: MapShape) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    for name in [*live, *(n for n in config if n not in live)]:
        field_type = shape.type_of(name)
        left, right = live.get(name, ABSENT), config.get(name, ABSENT)
        if field_type is None:
            value = left if right is ABSENT else right
        else:
            value = merge(left, right, field_type)
        if value is not ABSENT:
            merged[name] = value
    return merged


def _merge_items(live: list[Any], config: list[Any], shape: ListShape) -> list[Any]:
    """Items of both.

    Those of the live object alone keep their place among their neighbours; shared ones follow the
    order of the configuration.
    """
    left = [item_element(shape, item) for item in live]
    right = [item_element(shape, item) for item in config]
    # Items that repeat a key in the live object have no identity, so nothing is merged into them.
    by_left = {
        element: live[i] if left.count(element) == 1 else None for i, element in enumerate(left)
    }
    by_right = dict(zip(right, config, strict=True))
    shared = [element for element in right if element in by_left]
    taken: set[str] = set()
    merged: list[Any] = []

    def take(element: str) -> None:
        taken.add(element)
        before = by_left.get(element, ABSENT)
        merged.append(merge(before, by_right[element], shape.element))
        if shared and shared[0] == element:
            shared.pop(0)

    i = j = 0
    while i < len(left) or j < len(right):
        if i < len(left) and j < len(right):
            if left[i] == right[j]:
                take(right[j])
                i, j = i + 1, j + 1
                continue
            if left[i] in by_right and shared and shared[0] != left[i]:
                i += 1  # a shared item, but not the one whose turn it is
                continue
        if i < len(left):
            if left[i] not in by_right:
                merged.append(merge(live[i], ABSENT, shape.element))
                i += 1
                continue
            if left[i] in taken:
                i += 1
        if j < len(right):
            take(right[j])
            j += 1
    return [item for item in merged if item is not ABSENT]
