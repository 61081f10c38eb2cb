"""What changed between two versions of an object, as sets of fields."""

from __future__ import annotations

from typing import Any

import attrs

from druid_operator.pkg.apistore.fieldset import FieldSet, Path, field_element
from druid_operator.pkg.apistore.typed import ABSENT, equal, index_items, shape_of
from druid_operator.pkg.apistore.typeschema import ListShape, MapShape, Type


@attrs.frozen
class Comparison:
    """No field is in more than one of the sets."""

    removed: FieldSet
    modified: FieldSet
    added: FieldSet

    def without(self, ignored: FieldSet) -> Comparison:
        """Without the fields that the write resets (``status`` of a main resource ...)."""
        if not ignored:
            return self
        return Comparison(
            self.removed.without(ignored),
            self.modified.without(ignored),
            self.added.without(ignored),
        )


def compare(old: Any, new: Any, type_: Type) -> Comparison:
    """Compare through the type. Containers that appear or vanish count as fields themselves."""
    comparison = Comparison(FieldSet(), FieldSet(), FieldSet())
    if not equal(old, new):
        _compare(old, new, type_, (), comparison)
    return comparison


def _compare(old: Any, new: Any, type_: Type, path: Path, found: Comparison) -> None:
    before, after = shape_of(type_, old), shape_of(type_, new)
    if new is ABSENT:
        in_leaf = _compare_shape(old, new, before, path, found)
    else:
        if old is not ABSENT and before is not after:
            _compare_shape(old, new, before, path, found)
        in_leaf = _compare_shape(old, new, after, path, found)
    if not in_leaf:
        if old is ABSENT:
            found.added.insert(path)
        elif new is ABSENT:
            found.removed.insert(path)


def _compare_shape(
    old: Any, new: Any, shape: MapShape | ListShape | str | None, path: Path, found: Comparison
) -> bool:
    """Returns whether the value was compared as a whole."""
    if isinstance(shape, MapShape):
        left = old if isinstance(old, dict) else {}
        right = new if isinstance(new, dict) else {}
        if not shape.atomic and (left or right):
            _compare_fields(left, right, shape, path, found)
            return False
    elif isinstance(shape, ListShape):
        left_items = old if isinstance(old, list) else []
        right_items = new if isinstance(new, list) else []
        if shape.associative and (left_items or right_items):
            _compare_items(left_items, right_items, shape, path, found)
            return False
    # Two empty containers are a leaf: this keeps the difference between empty and null.
    _compare_leaf(old, new, path, found)
    return True


def _compare_leaf(old: Any, new: Any, path: Path, found: Comparison) -> None:
    if old is ABSENT:
        found.added.insert(path)
    elif new is ABSENT:
        found.removed.insert(path)
    elif not equal(old, new):
        found.modified.insert(path)


def _compare_fields(
    old: dict[str, Any], new: dict[str, Any], shape: MapShape, path: Path, found: Comparison
) -> None:
    for name in old.keys() | new.keys():
        left, right = old.get(name, ABSENT), new.get(name, ABSENT)
        field_type = shape.type_of(name)
        if field_type is None or equal(left, right):
            continue
        _compare(left, right, field_type, (*path, field_element(name)), found)


def _compare_items(
    old: list[Any], new: list[Any], shape: ListShape, path: Path, found: Comparison
) -> None:
    left, right = index_items(shape, old), index_items(shape, new)
    for element in {**left, **right}:
        before, after = left.get(element, []), right.get(element, [])
        below = (*path, element)
        if len(before) <= 1 and len(after) <= 1:
            one, other = before[0] if before else ABSENT, after[0] if after else ABSENT
            if not equal(one, other):
                _compare(one, other, shape.element, below, found)
        elif len(before) > 1 and len(after) > 1:
            # Items that repeat a key have no identity: compared together, as if atomic.
            if not equal(before, after):
                found.modified.insert(below)
        elif len(before) > 1:
            if after:
                _compare(ABSENT, after[0], shape.element, below, found)
            found.removed.insert(below)
        else:
            if before:
                _compare(before[0], ABSENT, shape.element, below, found)
            found.added.insert(below)
