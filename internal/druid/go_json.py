"""The bytes that Go's ``encoding/json`` makes of a Kubernetes object: what the Go operator hashes.

An object stored by the API server is not those bytes: its keys are sorted, and the zero structs
that Go always writes (``"resources":{}``, ``"status":{"loadBalancer":{}}``) are gone. So the object
is encoded anew, with the field order and the zero values of the Go types.
"""

from __future__ import annotations

import re
from typing import Any, Final

import attrs

from druid_operator.internal.druid.go_types import (
    GoField,
    fields_of,
    is_empty,
    struct_of,
)
from druid_operator.pkg.errors import FieldError, InvalidObject
from druid_operator.pkg.meta import JSON, GroupVersionKind
from druid_operator.pkg.meta.quantity import canonical_quantity


@attrs.frozen(kw_only=True)
class GoEncoding:
    """Where builds of the Go operator differ in the bytes they hash.

    Args:
        null_creation_timestamp: ``"creationTimestamp":null`` is written. Kubernetes libraries from
            0.34 on, built with Go 1.24 or newer, leave it out.
        short_control_escapes: backspace and form feed are written ``\\b`` and ``\\f``, as Go 1.22
            and newer do; older ones write ``\\u0008`` and ``\\u000c``.
    """

    null_creation_timestamp: bool = True
    short_control_escapes: bool = False


#: datainfrahq master, built with Go 1.21 and Kubernetes 0.27.
GO_MASTER: Final = GoEncoding()
#: Release 1.3.1, built with Go 1.23 and Kubernetes 0.29.
GO_V1_3_1: Final = GoEncoding(short_control_escapes=True)
#: Forks built on Kubernetes 0.34 and newer.
GO_OMITZERO: Final = GoEncoding(null_creation_timestamp=False, short_control_escapes=True)

#: The encodings that a taken-over cluster may carry, the reference first.
ENCODINGS: Final = (GO_MASTER, GO_V1_3_1, GO_OMITZERO)


def go_json(obj: JSON, encoding: GoEncoding = GO_MASTER) -> bytes:
    """Encode an object of a kind that the operator renders.

    Fields unknown to Kubernetes 0.27 are left out, as the Go operator would never have seen them.

    Raises:
        InvalidObject: a value has another type than the Go field, or is no quantity. Every fault is
            named with its path in the child object.
    """
    writer = _Writer(encoding)
    text = writer.struct(struct_of(GroupVersionKind.of(obj)), obj, "")
    if writer.faults:
        owner = f"{obj['kind']} {obj['metadata'].get('name', '')}"
        raise InvalidObject([FieldError(f"{owner}: {f.path}", f.message) for f in writer.faults])
    return text.encode()


class _Writer:
    """One encoding run; collects the faults it meets."""

    def __init__(self, encoding: GoEncoding) -> None:
        self.encoding = encoding
        self.faults: list[FieldError] = []

    def struct(self, name: str, obj: Any, path: str) -> str:
        if not isinstance(obj, dict):
            return self._fault(path, "an object", obj, "{}")
        parts = [
            f'"{field.name}":{self.value(field.type, obj.get(field.name), _join(path, field))}'
            for field in fields_of(name)
            if not self._left_out(field, obj.get(field.name))
        ]
        return "{" + ",".join(parts) + "}"

    def _left_out(self, field: GoField, value: Any) -> bool:
        if field.name == "creationTimestamp" and not value:
            return not self.encoding.null_creation_timestamp
        return field.omitempty and is_empty(field.type, value)

    def value(self, type_: str, value: Any, path: str) -> str:
        if type_[0] == "*":
            return "null" if value is None else self.value(type_[1:], value, path)
        if type_[0] == "[":
            return self._list(type_[2:], value, path)
        if type_[0] == "{":
            return self._map(type_[2:], value, path)
        match type_:
            case "string":
                return self._string(value, path)
            case "int":
                return self._int(value, path)
            case "bool":
                return self._bool(value, path)
            case "quantity":
                return self._quantity(value, path)
            case "intOrString":
                scalar = self._string if isinstance(value, str) else self._int
                return scalar(value, path)
            case "time" | "bytes":
                return self._string(value, path) if value else "null"
            case "raw":
                raise NotImplementedError("managedFields are never part of a desired object")
            case struct:
                return self.struct(struct, {} if value is None else value, path)

    def _list(self, item: str, value: Any, path: str) -> str:
        if value is None:
            return "null"
        if not isinstance(value, list):
            return self._fault(path, "a list", value, "[]")
        items = (self.value(item, v, f"{path}[{i}]") for i, v in enumerate(value))
        return "[" + ",".join(items) + "]"

    def _map(self, item: str, value: Any, path: str) -> str:
        if value is None:
            return "null"
        if not isinstance(value, dict):
            return self._fault(path, "an object", value, "{}")
        # Go sorts keys by bytes; code points of UTF-8 have the same order.
        pairs = (
            f"{self._quote(key)}:{self.value(item, value[key], f'{path}[{key}]')}"
            for key in sorted(value)
        )
        return "{" + ",".join(pairs) + "}"

    def _string(self, value: Any, path: str) -> str:
        if value is None:
            return '""'
        if not isinstance(value, str):
            return self._fault(path, "a string", value, '""')
        return self._quote(value)

    def _int(self, value: Any, path: str) -> str:
        if value is None:
            return "0"
        # `type() is` and not isinstance: True is an int to isinstance.
        return str(value) if type(value) is int else self._fault(path, "an integer", value, "0")

    def _bool(self, value: Any, path: str) -> str:
        if value is None or isinstance(value, bool):
            return "true" if value else "false"
        return self._fault(path, "a boolean", value, "false")

    def _quantity(self, value: Any, path: str) -> str:
        try:
            return '"0"' if value is None else self._quote(canonical_quantity(value))
        except ValueError as error:
            self.faults.append(FieldError(path, str(error)))
            return '"0"'

    def _quote(self, text: str) -> str:
        return '"' + _SPECIAL.sub(self._escape, text) + '"'

    def _escape(self, match: re.Match[str]) -> str:
        char = match[0]
        if char in _SHORT:
            return _SHORT[char]
        if self.encoding.short_control_escapes and char in _SHORT_SINCE_1_22:
            return _SHORT_SINCE_1_22[char]
        # Half of a surrogate pair is no text: Go decodes it to the replacement character.
        return "\ufffd" if "\ud800" <= char <= "\udfff" else f"\\u{ord(char):04x}"

    def _fault(self, path: str, expected: str, value: Any, placeholder: str) -> str:
        self.faults.append(FieldError(path, f"must be {expected}, got {value!r}"))
        return placeholder


_SPECIAL = re.compile('[\x00-\x1f"\\\\<>&\u2028\u2029\ud800-\udfff]')
_SHORT = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_SHORT_SINCE_1_22 = {"\b": "\\b", "\f": "\\f"}


def _join(path: str, field: GoField) -> str:
    return f"{path}.{field.name}" if path else field.name
