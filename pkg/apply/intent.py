"""What we send for a child, and the hash by which a later pass knows that it was sent.

The hash has two parts, ``CONTENT-SHAPE``. The content's part changes with everything. The shape's
part changes only when some field, or some item of a list that merges by a key, comes or goes: while
it is the same, no field was dropped between what was sent then and what is sent now.
"""

from __future__ import annotations

import hashlib
from typing import Any

import orjson

from druid_operator.pkg.apply.child import Child, FieldPath
from druid_operator.pkg.apply.merge_keys import is_built_in, key_value, merge_key_of
from druid_operator.pkg.meta import JSON

#: Set by the server; sending them would claim them, or be refused.
_SERVER_METADATA = (
    "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "generation",
    "managedFields", "resourceVersion", "selfLink", "uid",
)  # fmt: skip
#: 64 bits: two shapes of one object have to differ, not those of all the world.
_SHAPE_DIGITS = 16


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
    """``CONTENT-SHAPE``, in hex. The order of an object's fields does not matter."""
    shape = _shape("", intent, keyed=is_built_in(intent))
    return f"{_digest(intent)}-{_digest(shape)[:_SHAPE_DIGITS]}"


def content_hash(intent: JSON) -> str:
    """The first part of :func:`intent_hash`, for half the work."""
    return _digest(intent)


def is_hash_of(hash_: str, content: str) -> bool:
    """Whether an intent's hash has that first part."""
    return hash_.partition("-")[0] == content


def same_shape(one: str, other: str) -> bool:
    """Whether two intents, given by their hashes, set the same fields, whatever their values."""
    return bool(one) and one.rpartition("-")[2] == other.rpartition("-")[2]


def _digest(value: Any) -> str:
    return hashlib.sha256(orjson.dumps(value, option=orjson.OPT_SORT_KEYS)).hexdigest()


def _shape(name: str, value: Any, *, keyed: bool) -> Any:
    """``value`` without what may change while ownership of fields stays the same."""
    if isinstance(value, dict):
        return {k: _shape(k, v, keyed=keyed) for k, v in value.items()}
    if isinstance(value, list):
        key = merge_key_of(name, value) if keyed else None
        if key is None:
            return value  # a set, or one value: told apart by all that it holds
        return [[key_value(item, key), _shape("", item, keyed=keyed)] for item in value]
    return None


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
