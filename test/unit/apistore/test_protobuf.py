"""Protobuf bodies, as typed Go clients send them."""

from __future__ import annotations

import pytest

from druid_operator.pkg.apistore.protobuf import MAGIC, ProtobufError, decode_object
from druid_operator.pkg.apistore.typeschema import builtin_types
from druid_operator.pkg.meta import GroupVersionKind


def field(number: int, content: bytes | int | str) -> bytes:
    if isinstance(content, int):
        return bytes([number << 3]) + varint(content)
    if isinstance(content, str):
        content = content.encode()
    return bytes([number << 3 | 2]) + varint(len(content)) + content


def varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def body(api_version: str, kind: str, raw: bytes) -> bytes:
    return MAGIC + field(1, field(1, api_version) + field(2, kind)) + field(2, raw)


def test_a_config_map() -> None:
    metadata = field(1, field(1, "name") + field(11, field(1, "k") + field(2, "v")))
    data = field(2, field(1, "a") + field(2, "b")) + field(2, field(1, "c") + field(2, "d"))
    type_ = builtin_types().kind(GroupVersionKind("", "v1", "ConfigMap"))
    assert type_ is not None
    assert decode_object(body("v1", "ConfigMap", metadata + data), type_) == {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "name", "labels": {"k": "v"}},
        "data": {"a": "b", "c": "d"},
    }


def test_quantities_embedded_structs_and_either_or_values() -> None:
    """A pod with a volume (its source is embedded), a probe's port by number, a request."""
    volume = field(1, field(1, "v") + field(2, field(2, b"")))
    port = field(2, field(2, 8080))
    probe = field(1, field(2, port))
    resources = field(2, field(1, "cpu") + field(2, field(1, "500m")))
    container = field(2, field(1, "c") + field(8, resources) + field(10, probe))
    type_ = builtin_types().kind(GroupVersionKind("", "v1", "Pod"))
    assert type_ is not None
    spec = decode_object(body("v1", "Pod", field(2, volume + container)), type_)["spec"]
    assert spec["volumes"] == [{"name": "v", "emptyDir": {}}]
    assert spec["containers"][0]["resources"] == {"requests": {"cpu": "500m"}}
    assert spec["containers"][0]["livenessProbe"] == {"httpGet": {"port": 8080}}


@pytest.mark.parametrize("broken", [b"", b"{}", MAGIC + b"\xff", MAGIC + b"\x12\x7fshort"])
def test_what_is_no_message(broken: bytes) -> None:
    type_ = builtin_types().kind(GroupVersionKind("", "v1", "ConfigMap"))
    assert type_ is not None
    with pytest.raises(ProtobufError):
        decode_object(broken, type_)
