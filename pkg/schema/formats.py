"""The ``format`` and ``pattern`` keywords, as the API server reads them.

Only formats that the Kubernetes types and this project use are known; any other is not checked,
which is also what the API server does with a format it has never heard of.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date
from functools import lru_cache

_BASE64 = re.compile(
    r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{4})"
)
_TIME = re.compile(r"([0-9]{2}):([0-9]{2}):([0-9]{2})(.[0-9]+)?(z|[+-][0-9]{2}:[0-9]{2})")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_DURATION = re.compile(
    r"(\d+\s*(ns|nanos?|us|µs|micros?|ms|millis?|s|secs?|seconds?|m|mins?|minutes?"
    r"|h|hrs?|hours?|d|days?|w|weeks?)\s*)+"
)

#: Inclusive bounds of the integer formats; an integer without a format is an int64 in Go.
INTEGER_RANGE: Mapping[str, tuple[int, int]] = {
    "int32": (-(2**31), 2**31 - 1),
    "int64": (-(2**63), 2**63 - 1),
}


def _is_date(value: str) -> bool:
    if not _DATE.fullmatch(value):
        return False
    try:
        date.fromisoformat(value)
    except ValueError:
        return False
    return True


def _is_date_time(value: str) -> bool:
    # RFC 3339 allows a leap second; the API server does not.
    day, separator, rest = value.lower().partition("t")
    match = _TIME.fullmatch(rest)
    if not separator or match is None or not _is_date(day):
        return False
    hour, minute, second = match.group(1, 2, 3)
    return hour <= "23" and minute <= "59" and second <= "59"


_FORMATS: Mapping[str, Callable[[str], bool]] = {
    "byte": lambda value: _BASE64.fullmatch(value) is not None,
    "date": _is_date,
    "date-time": _is_date_time,
    "duration": lambda value: _DURATION.fullmatch(value) is not None,
}


def matches_format(name: str, value: str) -> bool:
    """True when ``value`` has the format, and for every format that is not known."""
    check = _FORMATS.get(name)
    return check is None or check(value)


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(_end_of_text(pattern), re.ASCII)


def matches_pattern(pattern: str, value: str) -> bool:
    """Search ``pattern``, an RE2 expression, in ``value``. Raises ``re.error`` on what is none."""
    return _compiled(pattern).search(value) is not None


def _end_of_text(pattern: str) -> str:
    """``$`` is the end of the text in RE2, but also stands before a last newline in Python."""
    result: list[str] = []
    escaped = in_class = False
    for char in pattern:
        if char == "$" and not escaped and not in_class:
            result.append(r"\Z")
        else:
            result.append(char)
        if escaped:
            escaped = False
        else:
            escaped = char == "\\"
            in_class = char == "[" or (in_class and char != "]")
    return "".join(result)
