"""JSON patch, RFC 6902, with the leniences of the library that the API server uses."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any


class JSONPatchError(ValueError):
    """An operation does not apply (a missing path, a failed test): the whole patch is refused."""


def apply_json_patch(document: Any, operations: Sequence[Any]) -> Any:
    """The patched copy of ``document``. Raises :class:`JSONPatchError`; nothing is applied then."""
    patched = copy.deepcopy(document)
    for operation in operations:
        if not isinstance(operation, dict):
            raise JSONPatchError("an operation must be an object")
        patched = _apply(patched, operation)
    return patched


def _apply(document: Any, operation: dict[str, Any]) -> Any:
    path = _pointer(operation.get("path"))
    match operation.get("op"):
        case "add":
            return _add(document, path, copy.deepcopy(operation.get("value")))
        case "remove":
            _remove(document, path)
        case "replace":
            if not path:
                return copy.deepcopy(operation.get("value"))
            return _replace(document, path, copy.deepcopy(operation.get("value")))
        case "move":
            source = _pointer(operation.get("from"))
            value = _get(document, source)
            _remove(document, source)
            return _add(document, path, value)
        case "copy":
            return _add(
                document, path, copy.deepcopy(_get(document, _pointer(operation.get("from"))))
            )
        case "test":
            _test(document, path, operation.get("value"))
        case other:
            raise JSONPatchError(f"unexpected kind: {other}")
    return document


def _pointer(text: Any) -> list[str]:
    if not isinstance(text, str) or (text and not text.startswith("/")):
        raise JSONPatchError(f"invalid path {text!r}")
    return [part.replace("~1", "/").replace("~0", "~") for part in text.split("/")[1:]]


def _index(container: list[Any], token: str, *, insert: bool = False) -> int:
    if insert and token == "-":
        return len(container)
    try:
        index = int(token)
    except ValueError:
        raise JSONPatchError(f"invalid array index {token!r}") from None
    limit = len(container) + (1 if insert else 0)
    if index < 0:  # the server's library counts negative indices from the end
        index += limit
    if not 0 <= index < limit:
        raise JSONPatchError(f"index out of bounds: {token}")
    return index


def _get(document: Any, path: list[str]) -> Any:
    for token in path:
        if isinstance(document, dict) and token in document:
            document = document[token]
        elif isinstance(document, list):
            document = document[_index(document, token)]
        else:
            raise JSONPatchError(f"missing path: {token}")
    return document


def _add(document: Any, path: list[str], value: Any) -> Any:
    if not path:
        return value
    parent = _get(document, path[:-1])
    if isinstance(parent, dict):
        parent[path[-1]] = value
    elif isinstance(parent, list):
        parent.insert(_index(parent, path[-1], insert=True), value)
    else:
        raise JSONPatchError(f"missing path: {path[-1]}")
    return document


def _replace(document: Any, path: list[str], value: Any) -> Any:
    """RFC 6902 wants the target to exist; the server's library wants only its parent to."""
    parent = _get(document, path[:-1])
    if isinstance(parent, list):
        parent[_index(parent, path[-1])] = value
        return document
    return _add(document, path, value)


def _remove(document: Any, path: list[str]) -> None:
    parent = _get(document, path[:-1])
    if isinstance(parent, dict) and path and path[-1] in parent:
        del parent[path[-1]]
    elif isinstance(parent, list):
        del parent[_index(parent, path[-1])]
    else:
        raise JSONPatchError(f"missing path: {path[-1] if path else ''}")


def _test(document: Any, path: list[str], expected: Any) -> None:
    try:
        found = _get(document, path)
    except JSONPatchError:
        found = None
    if found != expected:
        raise JSONPatchError("testing value failed")
