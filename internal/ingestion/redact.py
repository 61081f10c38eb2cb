"""Nothing secret leaves: specs carry passwords in plain text, and Druid echoes them.

A value is secret by the name of its key. Names are matched generously: a hidden harmless value
costs a look at the object itself, a shown password costs more.
"""

from __future__ import annotations

import re
from typing import Any

REDACTED = "***"

_SECRET_NAME = re.compile(
    r"passw|secret|token|jaas|credential|private.?key|access.?key|api.?key|signature|authorization",
    re.IGNORECASE,
)
#: ``password="x"``, ``password: x`` and the like inside longer texts (a JAAS line, an error of
#: Druid).
_SECRET_TEXT = re.compile(
    r"""((?:passw\w*|secret\w*|token|access.?key|api.?key)["']?\s*[=:]\s*)"""
    r"""("(?:[^"\\]|\\.)*"|'[^']*'|[^\s,;"'&}\]]+)""",
    re.IGNORECASE,
)
_USER_INFO = re.compile(r"(\w+://)[^/\s:@]+:[^/\s@]+@")


def is_secret_name(name: str) -> bool:
    """Whether values under this key are never shown. ``accessKeyId`` counts too."""
    return _SECRET_NAME.search(name) is not None


def redact(value: Any) -> Any:
    """A copy without secrets, keys kept, for showing to people."""
    if isinstance(value, dict):
        return {
            key: REDACTED if is_secret_name(str(key)) and item is not None else redact(item)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [redact(item) for item in value]
    return redact_text(value) if isinstance(value, str) else value


def redact_text(text: str) -> str:
    """Free text, for example Druid's own words, without what looks like a secret in it."""
    return _USER_INFO.sub(rf"\1{REDACTED}@", _SECRET_TEXT.sub(rf"\1{REDACTED}", text))
