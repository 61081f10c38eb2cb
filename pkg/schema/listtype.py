"""``x-kubernetes-list-type``: a set has no equal items, a map no two items with equal keys."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from druid_operator.pkg.errors import FieldError
from druid_operator.pkg.schema.structural import Schema, child_path

LIST_TYPE = "x-kubernetes-list-type"
LIST_MAP_KEYS = "x-kubernetes-list-map-keys"


def check_lists(schema: Schema, value: Any, path: str = "") -> list[FieldError]:
    """The duplicates in every set and list-map below ``value``.

    Each value that occurs more than once is reported once, where it comes the second time.
    Server-side apply cannot merge a list with duplicates, hence the API server refuses them.
    """
    return list(_walk(schema, value, path))


def _walk(schema: Schema, value: Any, path: str) -> Iterator[FieldError]:
    if isinstance(value, dict):
        properties: Mapping[str, Any] = schema.get("properties") or {}
        additional = schema.get("additionalProperties")
        for key, item in value.items():
            if key in properties:
                yield from _walk(properties[key], item, child_path(path, key))
            elif isinstance(additional, Mapping):
                # Here, unlike in its other messages, the server writes map keys in brackets.
                yield from _walk(additional, item, f"{path}[{key}]")
    elif isinstance(value, list):
        yield from _duplicates(schema, value, path)
        for index, item in enumerate(value if schema.get("items") else ()):
            yield from _walk(schema["items"], item, f"{path}[{index}]")


def _duplicates(schema: Schema, items: list[Any], path: str) -> Iterator[FieldError]:
    kind = schema.get(LIST_TYPE)
    if kind == "set":
        shown = items
    elif kind == "map":
        keys = schema.get(LIST_MAP_KEYS) or ()
        shown = [_keys_of(item, keys) for item in items]
    else:
        return
    seen: dict[str, int] = {}
    for index, value in enumerate(shown):
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
        seen[text] = seen.get(text, 0) + 1
        if seen[text] == 2:
            yield FieldError(f"{path}[{index}]", f"Duplicate value: {text}", "FieldValueDuplicate")


def _keys_of(item: Any, keys: Any) -> Any:
    # An item of another type is the type check's fault to report.
    return {key: item[key] for key in keys if key in item} if isinstance(item, dict) else item
