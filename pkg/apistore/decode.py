"""Reading what a client sent, as the API server's typed decoder does for built-in kinds.

Unknown fields are dropped (and reported, for ``fieldValidation``), wrong types refused, zero values
left out or filled in as Go encodes them, quantities and times brought to their canonical form. What
comes out is what the server stores, which is why server-side apply compares that.
"""

from __future__ import annotations

import base64
import binascii
from datetime import datetime
from typing import Any

from druid_operator.pkg.apistore.typeschema import MapShape, Type
from druid_operator.pkg.clock import rfc3339, rfc3339_micro
from druid_operator.pkg.meta import JSON
from druid_operator.pkg.meta.quantity import canonical_quantity

_NO_QUANTITY = (
    "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
)
_ZERO = {"string": "", "numeric": 0, "boolean": False}


class DecodeError(ValueError):
    """The body does not fit the Go type: answered 400."""


def decode(obj: JSON, type_: Type) -> tuple[JSON, list[str]]:
    """The object as it is stored, and the paths of unknown fields in the order they were met.

    Raises :class:`DecodeError`.
    """
    unknown: list[str] = []
    value = _Decoder(unknown).value(obj, type_, "", "")
    return value if isinstance(value, dict) else {}, unknown


def empty(type_: Type) -> JSON:
    """An object of the kind with nothing set: the zeros that are always written."""
    return decode({}, type_)[0]


class _Decoder:
    def __init__(self, unknown: list[str]) -> None:
        self.unknown = unknown

    def value(self, value: Any, type_: Type, path: str, struct: str) -> Any:
        if type_.map is not None and type_.map.fields:
            return self._struct(value, type_, path, struct)
        if type_.scalar == "untyped" and not type_.format:
            return value
        if value is None:
            return None
        if type_.map is not None:
            return self._map(value, type_, path, struct)
        if type_.list is not None:
            if not isinstance(value, list):
                raise _mismatch(value, type_, path, struct)
            element = type_.list.element
            return [
                self._element(item, element, f"{path}[{index}]", struct)
                for index, item in enumerate(value)
            ]
        return _scalar(value, type_, path, struct)

    def _element(self, value: Any, type_: Type, path: str, struct: str) -> Any:
        decoded = self.value(value, type_, path, struct)
        # A null in a list of values is the zero value to Go.
        return _ZERO.get(type_.scalar or "", decoded) if decoded is None else decoded

    def _map(self, value: Any, type_: Type, path: str, struct: str) -> JSON:
        if not isinstance(value, dict):
            raise _mismatch(value, type_, path, struct)
        element = type_.map.element if type_.map is not None else None
        if element is None:
            self.unknown.extend(_join(path, name) for name in value)
            return {}
        # Messages about a value name the map, not its key; paths of unknown fields name both.
        deep = element.map is not None
        return {
            name: self._element(item, element, _join(path, name) if deep else path, struct)
            for name, item in value.items()
        }

    def _struct(self, value: Any, type_: Type, path: str, struct: str) -> JSON | None:
        if value is None:
            return None
        if not isinstance(value, dict):
            raise _mismatch(value, type_, path, struct)
        shape = type_.map
        assert shape is not None
        struct = type_.name.rpartition(".")[2]
        decoded: JSON = {}
        for name, sent in value.items():
            field = shape.fields.get(name)
            if field is None:
                self.unknown.append(_join(path, name))
                continue
            item = self.value(sent, field.type, _join(path, name), struct)
            if item is None:
                continue
            if field.zero == "omit" and _is_zero(item, field.type):
                continue
            decoded[name] = item
        self._fill(decoded, shape, path)
        return decoded

    def _fill(self, decoded: JSON, shape: MapShape, path: str) -> None:
        """Write the zeros of fields that Go never leaves out."""
        for name, field in shape.fields.items():
            if field.zero != "always" or name in decoded:
                continue
            if field.type.map is not None and field.type.map.fields:
                decoded[name] = self._struct({}, field.type, path, "")
            else:
                decoded[name] = _ZERO.get(field.type.scalar or "")


def _is_zero(value: Any, type_: Type) -> bool:
    if isinstance(value, dict | list | str):
        return not value
    return type_.scalar in ("numeric", "boolean") and not value


def _scalar(value: Any, type_: Type, path: str, struct: str) -> Any:
    match type_.format:
        case "quantity":
            return _quantity(value, type_, path, struct)
        case "int-or-string":
            if isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool)):
                return value
            raise _mismatch(value, type_, path, struct)
        case "time" | "micro-time":
            return _time(value, type_, path, struct)
        case "bytes":
            return _bytes(value, type_, path, struct)
        case "int32" | "int64" if isinstance(value, float) and not value.is_integer():
            text = f"number {value}"
            raise DecodeError(
                f"json: cannot unmarshal {text} into Go {_where(path, struct, type_)}"
            )
    wanted: tuple[type, ...] = {"string": (str,), "boolean": (bool,), "numeric": (int, float)}[
        type_.scalar or "string"
    ]
    if not isinstance(value, wanted) or (isinstance(value, bool) and type_.scalar == "numeric"):
        raise _mismatch(value, type_, path, struct)
    if type_.format in ("int32", "int64") and isinstance(value, float):
        return int(value)
    return value


def _quantity(value: Any, type_: Type, path: str, struct: str) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise _mismatch(value, type_, path, struct)
    try:
        return canonical_quantity(value)
    except ValueError:
        raise DecodeError(_NO_QUANTITY) from None


def _time(value: Any, type_: Type, path: str, struct: str) -> str:
    if not isinstance(value, str):
        raise _mismatch(value, type_, path, struct)
    try:
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is None:
            raise ValueError
    except ValueError:
        layout = "2006-01-02T15:04:05" + (".000000" if type_.format == "micro-time" else "")
        raise DecodeError(f'parsing time "{value}" as "{layout}Z07:00"') from None
    return rfc3339_micro(moment) if type_.format == "micro-time" else rfc3339(moment)


def _bytes(value: Any, type_: Type, path: str, struct: str) -> str:
    if not isinstance(value, str):
        raise _mismatch(value, type_, path, struct)
    try:
        base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        raise DecodeError("illegal base64 data at input byte 0") from None
    return value


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _mismatch(value: Any, type_: Type, path: str, struct: str) -> DecodeError:
    return DecodeError(
        f"json: cannot unmarshal {_json_type(value)} into Go {_where(path, struct, type_)}"
    )


def _where(path: str, struct: str, type_: Type) -> str:
    bare = ".".join(part.partition("[")[0] for part in path.split("."))
    return (
        f"struct field {struct}.{bare} of type {_go_type(type_)}"
        if struct
        else (f"value of type {_go_type(type_)}")
    )


def _json_type(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, str):
        return "string"
    if isinstance(value, int | float):
        return "number"
    return "array" if isinstance(value, list) else "object"


def _go_type(type_: Type) -> str:
    if type_.name:
        *_, version, name = type_.name.split(".")
        return f"{version}.{name}"
    if type_.list is not None and type_.scalar is None:
        return "[]" + _go_type(type_.list.element)
    if type_.map is not None and type_.scalar is None:
        return (
            f"map[string]{_go_type(type_.map.element)}"
            if type_.map.element
            else "map[string]string"
        )
    if type_.format in ("int32", "int64"):
        return type_.format
    return {"boolean": "bool", "numeric": "float64"}.get(type_.scalar or "", "string")
