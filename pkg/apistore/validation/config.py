"""ConfigMaps and Secrets."""

from __future__ import annotations

import re
from base64 import b64decode

from druid_operator.pkg.apistore.validation.faults import Faults
from druid_operator.pkg.meta import JSON

_KEY = (
    "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',"
    "  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')"
)
#: Of all values of a ConfigMap together.
_MAX_BYTES = 1_048_576


def validate_data(obj: JSON, faults: Faults) -> None:
    for field in ("data", "binaryData"):
        for key in obj.get(field) or {}:
            if not re.fullmatch(r"[-._a-zA-Z0-9]+", key):
                faults.invalid(f"{field}[{key}]", key, _KEY)


def validate_config_map(obj: JSON, faults: Faults) -> None:
    validate_data(obj, faults)
    size = sum(len(text.encode()) for text in (obj.get("data") or {}).values())
    size += sum(len(b64decode(text)) for text in (obj.get("binaryData") or {}).values())
    if size > _MAX_BYTES:
        faults.too_long("[]", _MAX_BYTES)  # an empty path, as Go writes it


def validate_data_update(obj: JSON, before: JSON, faults: Faults) -> None:
    if before.get("immutable"):
        why = "field is immutable when `immutable` is set"
        for field in ("immutable", "data", "binaryData"):
            if obj.get(field) != before.get(field):
                faults.forbidden(field, why)
    if obj.get("type") != before.get("type"):
        faults.invalid("type", obj.get("type"), "field is immutable")
