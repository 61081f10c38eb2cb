"""The part of Kubernetes' JSONPath that printer columns use."""

from __future__ import annotations

import re
from typing import Any

_STEP = re.compile(
    r"""\.(?P<name>[A-Za-z0-9_\-/]+(?:\\\.[A-Za-z0-9_\-/]+)*)"""
    r"""|\[\s*'(?P<quoted>[^']*)'\s*\]"""
    r"""|\[\s*(?P<index>-?\d+|\*)\s*\]"""
    r"""|\[\?\(\s*@(?P<path>(?:\.[A-Za-z0-9_\-]+)+)\s*(?P<op>==|!=)\s*"""
    r"""(?P<value>"[^"]*"|'[^']*'|[^)\s]+)\s*\)\]"""
    r"""|(?P<wild>\.\*)"""
)


def find(obj: Any, path: str) -> list[Any]:
    """Every value at ``path``. A path that cannot be read finds nothing: a printer must go on."""
    found = [obj]
    position = 0
    text = path.strip().removeprefix("{").removesuffix("}").removeprefix("$")
    if text and text[0] not in ".[":
        text = "." + text
    while position < len(text):
        step = _STEP.match(text, position)
        if step is None:
            return []
        found = [value for item in found for value in _take(item, step)]
        position = step.end()
    return found


def _take(item: Any, step: re.Match[str]) -> list[Any]:
    if (name := step["name"] or step["quoted"]) is not None:
        key = name.replace("\\.", ".")
        return [item[key]] if isinstance(item, dict) and key in item else []
    if (index := step["index"]) is not None and index != "*":
        if isinstance(item, list) and -len(item) <= int(index) < len(item):
            return [item[int(index)]]
        return []
    values = list(item.values()) if isinstance(item, dict) else item
    if not isinstance(values, list):
        return []
    if step["path"] is None:
        return values
    wanted = step["value"].strip("\"'")
    equal = step["op"] == "=="
    return [v for v in values if (_text(v, step["path"]) == wanted) is equal]


def _text(item: Any, path: str) -> str | None:
    for name in path.split(".")[1:]:
        item = item.get(name) if isinstance(item, dict) else None
    if isinstance(item, bool):
        return str(item).lower()
    return None if item is None else str(item)
