"""A desired object in the form in which the API server stores it, before it adds its defaults.

Comparing what is wanted with what is live works only on one form. Users write ``1024Mi``,
``env: []`` or ``readOnly: false``; the server keeps ``1Gi`` and drops the others. The Go types say
which fields are dropped when empty. What they do not know (a field newer than Kubernetes 0.27)
stays as written.
"""

from __future__ import annotations

import copy
from typing import Any

from druid_operator.internal.druid.go_types import (
    GoField,
    fields_of,
    is_empty,
    is_struct,
    struct_of,
)
from druid_operator.pkg.meta import JSON, GroupVersionKind
from druid_operator.pkg.meta.quantity import canonical_quantity


def canonical(obj: JSON) -> JSON:
    """A deep copy in stored form. Keys keep their order; ``status``, which is not ours, is dropped.

    The object must have passed :func:`~druid_operator.internal.druid.go_json.go_json`, which
    reports values of a wrong type.
    """
    result: JSON = _struct(struct_of(GroupVersionKind.of(obj)), obj)
    result.pop("status", None)
    return result


def _struct(name: str, obj: JSON) -> JSON:
    known = {field.name: field for field in fields_of(name)}
    result: JSON = {}
    for key, value in obj.items():
        field = known.get(key)
        if field is None:
            result[key] = copy.deepcopy(value)
        elif not _is_dropped(field, value):
            stored = _value(field.type, value)
            # An empty struct is Go's word for "nothing given"; behind a pointer it is a choice.
            if stored or not is_struct(field.type):
                result[key] = stored
    return result


def _is_dropped(field: GoField, value: Any) -> bool:
    return value is None or (field.omitempty and is_empty(field.type, value))


def _value(type_: str, value: Any) -> Any:
    if type_[0] == "*":
        return _value(type_[1:], value)
    if type_[0] == "[":
        return [_value(type_[2:], item) for item in value]
    if type_[0] == "{":
        return {key: _value(type_[2:], item) for key, item in value.items()}
    if type_ == "quantity":
        return canonical_quantity(value)
    return _struct(type_, value) if is_struct(type_) else copy.deepcopy(value)
