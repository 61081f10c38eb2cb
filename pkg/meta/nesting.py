"""How deep JSON may nest: less than the API server stores.

A kube-apiserver takes JSON of 10,000 levels (measured on 1.37), which any field without a schema
may hold. Python's decoders end at about 1,000 and orjson's encoder at 254, so one such object would
end the watch of its whole kind, and the process with it. What comes from a server is therefore cut
at ``MAX_LEVELS`` where a decoder fails; types refuse objects that nest deeper than
``MAX_SPEC_LEVELS``, which a cut object always does: nobody mistakes the rest for the whole.

An object that was cut must not be sent back whole (PUT): patches leave alone what they do not name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import orjson

#: Below the least limit of the libraries, orjson's 254, with room for what an object is put into.
MAX_LEVELS = 200
#: Nothing that Kubernetes types or Druid documents hold comes near.
MAX_SPEC_LEVELS = 100

#: Strings are passed over whole: a bracket in them is text.
_TOKEN = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[\[{]|[\]}]')


def loads(data: bytes) -> Any:
    """As ``orjson.loads``, with null in place of whatever is below ``MAX_LEVELS``, if it has to be.

    Raises ``orjson.JSONDecodeError`` when it is no JSON.
    """
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        shallow = cut(data)
        if len(shallow) == len(data):
            raise
        return orjson.loads(shallow)


def dumps(value: Any) -> bytes:
    """As ``orjson.dumps``, with the same cut, if it has to be."""
    try:
        return orjson.dumps(value)
    except TypeError:
        return orjson.dumps(_pruned(value, MAX_LEVELS))


def cut(data: bytes, levels: int = MAX_LEVELS) -> bytes:
    """JSON text without what is below so many levels; null stands in its place.

    It does not recurse, and does not look whether the text is JSON.
    """
    kept: list[bytes] = []
    depth = copied = 0
    for token in _TOKEN.finditer(data):
        match data[token.start()]:
            case 0x22:  # a string
                continue
            case 0x5B | 0x7B:
                depth += 1
                if depth == levels + 1:
                    kept += (data[copied : token.start()], b"null")
            case _:
                depth -= 1
                if depth == levels:
                    copied = token.end()
    if depth <= levels:
        kept.append(data[copied:])
    return b"".join(kept)


def find_deep(value: Any, path: str, levels: int = MAX_SPEC_LEVELS) -> str:
    """Where, below ``path``, more than so many levels are nested: the first eight steps to it.

    Empty when nowhere.
    """
    stack: list[tuple[Any, tuple[str, ...]]] = [(value, ())]
    while stack:
        inner, steps = stack.pop()
        if not isinstance(inner, Mapping | list):
            continue
        if len(steps) >= levels:
            return path + "".join(steps[:8]) + "..."
        if isinstance(inner, Mapping):
            stack += [(child, (*steps, f".{key}")) for key, child in inner.items()]
        else:
            stack += [(child, (*steps, f"[{i}]")) for i, child in enumerate(inner)]
    return ""


def _pruned(value: Any, levels: int) -> Any:
    if not isinstance(value, dict | list):
        return value
    if levels == 0:
        return None
    if isinstance(value, dict):
        return {key: _pruned(child, levels - 1) for key, child in value.items()}
    return [_pruned(child, levels - 1) for child in value]
