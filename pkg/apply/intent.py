"""What we send for a child, and the hash by which a later pass knows that it was sent."""

from __future__ import annotations

import hashlib
from typing import Any

import orjson

from druid_operator.pkg.apply.child import Child, FieldPath
from druid_operator.pkg.meta import JSON

#: Set by the server; sending them would claim them, or be refused.
_SERVER_METADATA = (
    "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "generation",
    "managedFields", "resourceVersion", "selfLink", "uid",
)  # fmt: skip


def intent_of(child: Child) -> JSON:
    """The child's object without status, server-set metadata, nulls and yielded fields. A copy."""
    intent: JSON = _without_nulls(child.object)
    intent.pop("status", None)
    for name in _SERVER_METADATA:
        intent["metadata"].pop(name, None)
    for path in child.yielded:
        _remove(intent, path)
    return intent


def intent_hash(intent: JSON) -> str:
    """SHA-256 of the intent, in hex. The order of an object's fields does not matter."""
    return hashlib.sha256(orjson.dumps(intent, option=orjson.OPT_SORT_KEYS)).hexdigest()


def with_annotation(intent: JSON, name: str, value: str) -> JSON:
    """The intent with one more annotation; the argument is left as it is."""
    metadata = intent["metadata"]
    annotations = {**metadata.get("annotations", {}), name: value}
    return {**intent, "metadata": {**metadata, "annotations": annotations}}


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _without_nulls(v) for k, v in value.items() if v is not None}
    if isinstance(value, list):
        return [_without_nulls(v) for v in value]
    return value


def _remove(obj: JSON, path: FieldPath) -> None:
    *parents, name = path
    for parent in parents:
        inner = obj.get(parent)
        if not isinstance(inner, dict):
            return
        obj = inner
    obj.pop(name, None)
