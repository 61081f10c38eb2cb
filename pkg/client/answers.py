"""What an HTTP answer means: a typed error, a wait, a warning."""

from __future__ import annotations

import random
import re

import orjson

from druid_operator.pkg.errors import APIError, api_error

#: A body that is no Status (a proxy's HTML page) is quoted up to here.
MAX_QUOTED = 512
_RETRIABLE = frozenset({429, 503, 504})
#: warn-code SP warn-agent SP quoted-string. Source: RFC 7234, section 5.5.
_WARNING = re.compile(r'\s*\d{3} \S+ "((?:[^"\\]|\\.)*)"')


def retry_wait(error: APIError) -> float | None:
    """Seconds to wait before the same request may be sent again; ``None`` if it may not."""
    if error.code not in _RETRIABLE or error.version_too_large:
        return None  # of a version too large the caller knows better than to wait for it
    if error.retry_after is None:
        # Without Retry-After a 503 or 504 says nothing about whether the request was carried out.
        return 1.0 + random.random() if error.code == 429 else None
    return error.retry_after * (1 + 0.1 * random.random())


def error_of(code: int, payload: bytes, retry_after: str | None) -> APIError:
    """The typed error of a failure answer, also of one that is no ``Status``."""
    try:
        status = orjson.loads(payload)
    except orjson.JSONDecodeError:
        status = None
    if not isinstance(status, dict) or status.get("kind") != "Status":
        text = payload[:MAX_QUOTED].decode(errors="replace").strip()
        status = {"message": text or f"the server answered {code} with an empty body"}
    wait = float(retry_after) if retry_after and retry_after.isdigit() else None
    return api_error(code, status, retry_after=wait)


def warning_texts(header: str) -> list[str]:
    """The texts of one ``Warning`` header, which may hold several, without their quoting.

    A header of another form is returned as it is.
    """
    found = [re.sub(r"\\(.)", r"\1", text) for text in _WARNING.findall(header)]
    return found or [header]
