"""The JSON patch (RFC 6902) that leads from one document to another: what a mutating webhook says.

Pure. Objects are compared key by key and lists position by position, so that what is equal on both
sides is never mentioned: the API server's object may have fields that the webhook's types do not
know, and those survive.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from druid_operator.pkg.meta import JSON


def json_diff(before: Any, after: Any, path: str = "") -> list[JSON]:
    """Operations in an order in which they can be applied; empty when nothing differs.

    Numbers and booleans are told apart: ``1`` is not ``true``.
    """
    return list(_diff(before, after, path))


def _diff(before: Any, after: Any, path: str) -> Iterator[JSON]:
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        yield from _objects(before, after, path)
    elif isinstance(before, list) and isinstance(after, list):
        yield from _lists(before, after, path)
    elif not _same(before, after):
        yield {"op": "replace", "path": path, "value": after}


def _objects(before: Mapping[str, Any], after: Mapping[str, Any], path: str) -> Iterator[JSON]:
    for key in before:
        if key not in after:
            yield {"op": "remove", "path": f"{path}/{_escape(key)}"}
    for key, value in after.items():
        below = f"{path}/{_escape(key)}"
        if key in before:
            yield from _diff(before[key], value, below)
        else:
            yield {"op": "add", "path": below, "value": value}


def _lists(before: list[Any], after: list[Any], path: str) -> Iterator[JSON]:
    for index, (old, new) in enumerate(zip(before, after, strict=False)):
        yield from _diff(old, new, f"{path}/{index}")
    # From the end, or each removal would move what is behind it.
    for index in range(len(before) - 1, len(after) - 1, -1):
        yield {"op": "remove", "path": f"{path}/{index}"}
    for value in after[len(before) :]:
        yield {"op": "add", "path": f"{path}/-", "value": value}


def _same(before: Any, after: Any) -> bool:
    return isinstance(before, bool) == isinstance(after, bool) and bool(before == after)


def _escape(key: str) -> str:
    """A key as a reference token. Source: RFC 6901, section 3."""
    return key.replace("~", "~0").replace("/", "~1")
