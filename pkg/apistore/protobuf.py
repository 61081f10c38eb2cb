"""Reading Kubernetes' protobuf, which ``kubectl create`` and other typed Go clients send.

Only reading: every client that sends it also accepts JSON. The numbers of the fields are in the
generated table; what the wire leaves out are zero values, as in Go.
"""

from __future__ import annotations

import base64
import struct
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import orjson

from druid_operator.pkg.apistore.typeschema import Field, Type
from druid_operator.pkg.clock import rfc3339, rfc3339_micro
from druid_operator.pkg.meta import JSON

MAGIC = b"k8s\x00"
MEDIA_TYPE = "application/vnd.kubernetes.protobuf"

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5

Message = dict[int, list[Any]]


class ProtobufError(ValueError):
    """The body is no protobuf message of a Kubernetes object."""


def decode_object(body: bytes, type_: Type) -> JSON:
    """The object in a request body, with ``apiVersion`` and ``kind`` from its envelope.

    Raises :class:`ProtobufError`.
    """
    if not body.startswith(MAGIC):
        raise ProtobufError("the body does not begin with the protobuf magic number")
    try:
        envelope = _message(body[len(MAGIC) :])
        identity = _message(_last(envelope, 1, b""))
        decoded = _struct(_message(_last(envelope, 2, b"")), type_)
    except (IndexError, UnicodeDecodeError, struct.error, TypeError) as error:
        raise ProtobufError(f"malformed protobuf: {error}") from None
    for number, name in ((1, "apiVersion"), (2, "kind")):
        if text := _last(identity, number, b"").decode():
            decoded[name] = text
    return decoded


def _message(data: bytes) -> Message:
    fields: Message = {}
    for number, value in _fields(data):
        fields.setdefault(number, []).append(value)
    return fields


def _fields(data: bytes) -> Iterator[tuple[int, Any]]:
    position = 0
    while position < len(data):
        tag, position = _varint(data, position)
        number, kind = tag >> 3, tag & 7
        if kind == _VARINT:
            value, position = _varint(data, position)
            yield number, value
        elif kind == _BYTES:
            size, position = _varint(data, position)
            if position + size > len(data):
                raise IndexError("a field ends after the message")
            yield number, data[position : position + size]
            position += size
        elif kind == _FIXED64:
            yield number, struct.unpack_from("<d", data, position)[0]
            position += 8
        elif kind == _FIXED32:
            yield number, struct.unpack_from("<f", data, position)[0]
            position += 4
        else:
            raise IndexError(f"unknown wire type {kind}")


def _varint(data: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7


def _last(message: Message, number: int, default: Any) -> Any:
    found = message.get(number)
    return found[-1] if found else default


def _struct(message: Message, type_: Type) -> JSON:
    decoded: JSON = {}
    if type_.map is None:
        return decoded
    for name, field in type_.map.fields.items():
        values = _values(message, field)
        if values:
            decoded[name] = _value(values, field.type)
    return decoded


def _values(message: Message, field: Field) -> list[Any]:
    """The occurrences of a field, through the structs that Go embeds."""
    if not field.wire:
        return []
    for number in field.wire[:-1]:
        message = _message(_last(message, number, b""))
    return message.get(field.wire[-1], [])


def _value(values: list[Any], type_: Type) -> Any:
    if type_.map is not None and type_.map.fields:
        return _struct(_message(values[-1]), type_)
    if type_.scalar == "untyped" and not type_.format:
        raw = _last(_message(values[-1]), 1, b"")
        return orjson.loads(raw) if raw else {}
    if type_.map is not None and type_.map.element is not None:
        element = type_.map.element
        entries = (_message(entry) for entry in values)
        return {
            _last(entry, 1, b"").decode(): _value([_last(entry, 2, b"")], element)
            for entry in entries
        }
    if type_.list is not None:
        return [_value([value], type_.list.element) for value in values]
    return _scalar(values[-1], type_)


def _scalar(value: Any, type_: Type) -> Any:
    match type_.format:
        case "quantity":
            return _last(_message(value), 1, b"").decode()
        case "int-or-string":
            either = _message(value)
            if _last(either, 1, 0):
                return _last(either, 3, b"").decode()
            return _signed(_last(either, 2, 0))
        case "time" | "micro-time":
            return _time(value, micro=type_.format == "micro-time")
        case "bytes":
            return base64.b64encode(value).decode("ascii")
    if type_.scalar == "boolean":
        return bool(value)
    if type_.scalar == "string":
        return value.decode()
    return _signed(value) if isinstance(value, int) else value


def _signed(value: int) -> int:
    return value - (1 << 64) if value >= 1 << 63 else value


def _time(value: bytes, *, micro: bool) -> str | None:
    moment = _message(value)
    seconds, nanos = _signed(_last(moment, 1, 0)), _last(moment, 2, 0)
    if not seconds and not nanos:
        return None
    at = datetime.fromtimestamp(seconds, UTC).replace(microsecond=nanos // 1000)
    return rfc3339_micro(at) if micro else rfc3339(at)
