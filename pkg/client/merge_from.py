"""The merge patch that leads from one state of an object to another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from druid_operator.pkg.client.patch import Patch, merge_patch
from druid_operator.pkg.meta import JSON


def merge_diff(old: Mapping[str, Any], new: Mapping[str, Any]) -> JSON:
    """The smallest RFC 7386 patch that turns ``old`` into ``new``; empty when they are equal.

    A list that differs is replaced whole, and a ``null`` in ``new`` means "absent", since a merge
    patch can say neither more nor less. Numbers and booleans are told apart (``1`` is not
    ``true``).
    """
    patch: JSON = {key: None for key in old if new.get(key) is None and old[key] is not None}
    for key, value in new.items():
        before = old.get(key)
        if value is None or _same(value, before):
            continue
        if isinstance(value, Mapping) and isinstance(before, Mapping):
            patch[key] = merge_diff(before, value)
        else:
            patch[key] = _without_nulls(value)
    return patch


def merge_from(
    old: Mapping[str, Any], new: Mapping[str, Any], *, optimistic_lock: bool = False
) -> Patch | None:
    """The patch to send, or ``None`` when there is nothing to change.

    Args:
        old: the object as it was read.
        new: the object as it is to be.
        optimistic_lock: add the resourceVersion of ``old``, so that the server answers ``Conflict``
            when another writer came first. Needed wherever a list is changed: a merge patch
            replaces it whole.
    """
    diff = merge_diff(old, new)
    if not diff:
        return None
    if optimistic_lock:
        version = old["metadata"]["resourceVersion"]
        diff.setdefault("metadata", {})["resourceVersion"] = version
    return merge_patch(diff)


def _same(a: object, b: object) -> bool:
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        return not merge_diff(b, a)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(_identical(x, y) for x, y in zip(a, b, strict=True))
    return isinstance(a, bool) == isinstance(b, bool) and a == b


def _identical(a: object, b: object) -> bool:
    """Within a list nothing is merged, so there an absent field and a ``null`` differ."""
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        return a.keys() == b.keys() and all(_identical(value, b[key]) for key, value in a.items())
    return (a is None) == (b is None) and _same(a, b)


def _without_nulls(value: Any) -> Any:
    """A map that is new as a whole must not carry nulls: they would only say "remove"."""
    if isinstance(value, Mapping):
        return {key: _without_nulls(item) for key, item in value.items() if item is not None}
    return value
