"""Go's durations: what `time.ParseDuration` reads (`10s`, `1m30s`, `500ms`), exactly.

Nanoseconds as integers, because Go's are: `2.5s` and `2500ms` must be the same value.
"""

from __future__ import annotations

import re
from decimal import Decimal

_NANOSECONDS = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,  # U+00B5, the micro sign
    "μs": 1_000,
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60 * 1_000_000_000,
    "h": 3600 * 1_000_000_000,
}
_PART = re.compile(r"(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)")


def parse_duration(text: str) -> int:
    """Nanoseconds. Raises ``ValueError`` that quotes the text and says what is expected."""
    sign = -1 if text.startswith("-") else 1
    body = text[1:] if text[:1] in "+-" else text
    if body == "0":
        return 0
    total = Decimal(0)
    position = 0
    for match in _PART.finditer(body):
        if match.start() != position:
            break
        total += Decimal(match.group(1)) * _NANOSECONDS[match.group(2)]
        position = match.end()
    if not body or position != len(body):
        raise ValueError(f"not a duration: {text!r} (write for example 10s, 1m30s or 500ms)")
    return sign * int(total)


def parse_seconds(text: str) -> float:
    """The same in seconds."""
    return parse_duration(text) / 1_000_000_000
