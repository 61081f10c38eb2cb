"""The Go operator's status, read with care and written in its form.

It compares ``currentIngestionSpec.json`` with the spec as text parsed to float64, and posts when
they differ. Written in exactly its form, a Go operator that comes back posts nothing.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

CREATE_SUCCESS = "DruidIngestionControllerCreateSuccess"
CREATE_FAIL = "DruidIngestionControllerCreateFail"
UPDATE_SUCCESS = "DruidIngestionControllerUpdateSuccess"

#: encoding/json escapes these even inside strings.
_GO_ESCAPES = str.maketrans({
    "<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029",
})  # fmt: skip
#: etcd refuses objects above 1.5 MiB; the rest of an object is well below what is left here.
_MAX_TWICE = 1_450_000


def spec_text_that_fits(document: Mapping[str, Any]) -> str | None:
    """The text, or ``None`` when the object, which holds the document already, had no room for it.

    A status that the API server cannot store would record nothing at all. A Go operator that came
    back would post such a document once more.
    """
    text = go_spec_text(document)
    # In the object it is text within JSON: quotes and backslashes take twice the room.
    quoted = len(json.dumps(text, ensure_ascii=False).encode(errors="surrogatepass"))
    return text if len(text.encode(errors="surrogatepass")) + quoted <= _MAX_TWICE else None


def go_spec_text(document: Mapping[str, Any]) -> str:
    """The document as the Go operator would store it: keys sorted, numbers through float64."""
    return "".join(_encode(document))


def same_as_go(document: Mapping[str, Any], stored: str) -> bool:
    """Whether the Go operator would take the two for equal; text that does not parse is not."""
    try:
        other = json.loads(stored)
    except ValueError:
        return False
    return bool(_floats(document) == _floats(other))


def submitted_by_go(status: Mapping[str, Any]) -> bool:
    """Whether Druid took this object's document once, whatever the status says of success.

    An id is Druid's own answer. ``CreateFail`` beside it means that the Go operator mistook "no
    compaction to write" for a failure.
    """
    return bool(status.get("taskId"))


def _floats(value: Any) -> Any:
    """Every number as the double that Go made of it."""
    if isinstance(value, Mapping):
        return {k: _floats(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_floats(v) for v in value]
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _double(value)
    return value


def _double(value: float) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def _encode(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        yield "{"
        # Go sorts keys by their bytes, which for UTF-8 is the order of code points.
        for n, key in enumerate(sorted(value)):
            yield ("," if n else "") + _string(key) + ":"
            yield from _encode(value[key])
        yield "}"
    elif isinstance(value, list):
        yield "["
        for n, item in enumerate(value):
            yield "," if n else ""
            yield from _encode(item)
        yield "]"
    elif isinstance(value, str):
        yield _string(value)
    elif value is None or isinstance(value, bool):
        yield json.dumps(value)
    else:
        yield go_number(_double(value))


def _string(text: str) -> str:
    encoded = json.dumps(text, ensure_ascii=False)
    # Since Go 1.22; the module that the Go operator was built with writes \u0008 and \u000c.
    encoded = encoded.replace("\\b", "\\u0008").replace("\\f", "\\u000c")
    return encoded.translate(_GO_ESCAPES)


def go_number(value: float) -> str:
    """encoding/json's float64: the shortest digits, with an exponent below 1e-6 and from 1e21."""
    if value == 0:
        return "-0" if math.copysign(1, value) < 0 else "0"
    if not 1e-6 <= abs(value) < 1e21:
        return repr(value).replace("e-0", "e-")
    # Through the shortest digits: int(value) would show the double's exact value instead.
    return format(Decimal(repr(value).removesuffix(".0")), "f")
