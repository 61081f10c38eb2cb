"""Reading JSON as Jackson does for Druid: coerced scalars, dropped keys, and its refusals."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from druid_operator.pkg.druidapi.fake.answers import Refusal, error

JSON = dict[str, Any]


def refuse(message: str, *, status: int = 400) -> Refusal:
    return Refusal(error(status, message))


def cannot_construct(java_class: str, problem: str) -> Refusal:
    return refuse(f"Cannot construct instance of `{java_class}`, problem: {problem}")


def integer(source: Mapping[str, Any], key: str, default: int | None) -> int | None:
    """Strings of digits become numbers; anything else is refused."""
    value = source.get(key)
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise refuse(f"Cannot deserialize value of type `int` from {value!r}")
    try:
        return int(value)
    except ValueError:
        words = f'String "{value}": not a valid `int` value'
        raise refuse(f"Cannot deserialize value of type `int` from {words}") from None


def number(source: Mapping[str, Any], key: str, default: float) -> float:
    value = source.get(key)
    return default if value is None else float(value)


def boolean(source: Mapping[str, Any], key: str, default: bool) -> bool:
    value = source.get(key)
    if value is None:
        return default
    if isinstance(value, str):
        return value.lower() == "true"
    return bool(value)


_BYTES = re.compile(r"^(\d+)\s*(?:([KMGTP])(i?)B?)?$", re.IGNORECASE)


def byte_size(source: Mapping[str, Any], key: str, default: int) -> int:
    """``100MiB`` and ``100000000`` are both written back as a number."""
    value = source.get(key)
    if value is None:
        return default
    found = _BYTES.match(str(value))
    if found is None:
        raise refuse(f"Invalid format of number: {value}.")
    base = 1024 if found[3] else 1000
    power = "KMGTP".index(found[2].upper()) + 1 if found[2] else 0
    return int(found[1]) * int(base**power)


def object_(source: Mapping[str, Any], key: str) -> JSON | None:
    value = source.get(key)
    return value if isinstance(value, dict) else None


def type_id(body: Any, java_class: str, known: Mapping[str, str] | frozenset[str]) -> str:
    """The ``type`` of a polymorphic object, or Jackson's refusal of it."""
    if isinstance(body, list):
        token = "END_ARRAY" if not body else "START_OBJECT"
        raise refuse(
            f"Unexpected token ({token}), expected VALUE_STRING: need JSON String that contains "
            f"type id (for subtype of {java_class})"
        )
    if not isinstance(body, dict):
        raise refuse(f"Cannot construct instance of `{java_class}`: no String-argument constructor")
    name = body.get("type")
    if name is None:
        raise refuse(
            f"Could not resolve subtype of [simple type, class {java_class}]: "
            "missing type id property 'type'"
        )
    if name not in known:
        raise refuse(
            f"Please make sure to load all the necessary extensions and jars with type '{name}' on "
            f"'druid/coordinator' service. Could not resolve type id '{name}' as a subtype of "
            f"`{java_class}` known type ids = [{', '.join(sorted(known))}]"
        )
    return str(name)


_PERIOD = re.compile(
    r"^([+-])?P(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?"
    r"(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)(?:\.(\d{1,3}))?S)?)?$"
)


def duration(source: Mapping[str, Any], key: str, default: str | None, chain: str) -> str | None:
    """A Joda duration: any ISO period is written back in seconds (``PT1H`` as ``PT3600S``)."""
    value = source.get(key)
    if value is None:
        return default
    found = _PERIOD.match(str(value)) if isinstance(value, str) else None
    if found is None or value in ("P", "PT"):
        raise refuse(f'Invalid format: "{value}" (through reference chain: {chain}["{key}"])')
    if found[2] or found[3]:
        raise refuse(f"Cannot convert to Duration as this period contains months or years: {value}")
    weeks, days, hours, minutes, seconds = (int(found[i] or 0) for i in (4, 5, 6, 7, 8))
    total = (((weeks * 7 + days) * 24 + hours) * 60 + minutes) * 60 + seconds
    fraction = (found[9] or "").ljust(3, "0").rstrip("0")
    sign = "-" if found[1] == "-" else ""
    return f"PT{sign}{total}{'.' + fraction if fraction else ''}S"


def seconds(text: str | None) -> float:
    """The seconds in what :func:`duration` wrote."""
    return float(text[2:-1]) if text else 0.0
