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
    """A deep copy in stored form; ``status``, which is not ours, is dropped.

    Fields are in the order of the Go types and maps sorted: one intent gives one text, however the
    user ordered it. The object must have passed
    :func:`~druid_operator.internal.druid.go_json.go_json`, which reports values of a wrong type.
    """
    stored = _struct(struct_of(GroupVersionKind.of(obj)), obj)
    stored.pop("status", None)
    # Go declares `kind` first; people expect it second.
    return {"apiVersion": stored.pop("apiVersion"), **stored}


def _struct(name: str, obj: JSON) -> JSON:
    result: JSON = {}
    fields = fields_of(name)
    for field in fields:
        value = obj.get(field.name)
        if not _is_dropped(field, value):
            stored = _value(field.type, value)
            # An empty struct is Go's word for "nothing given"; behind a pointer it is a choice.
            if stored or not is_struct(field.type):
                result[field.name] = stored
    for key in sorted(obj.keys() - {field.name for field in fields}):
        result[key] = copy.deepcopy(obj[key])
    return result


def _is_dropped(field: GoField, value: Any) -> bool:
    return value is None or (field.omitempty and is_empty(field.type, value))


def _value(type_: str, value: Any) -> Any:
    if type_[0] == "*":
        return _value(type_[1:], value)
    if type_[0] == "[":
        return [_value(type_[2:], item) for item in value]
    if type_[0] == "{":
        return {key: _value(type_[2:], value[key]) for key in sorted(value)}
    if type_ == "quantity":
        return canonical_quantity(value)
    return _struct(type_, value) if is_struct(type_) else copy.deepcopy(value)
