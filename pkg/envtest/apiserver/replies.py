"""Answers: JSON bodies, ``Status`` objects, headers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import orjson
from aiohttp import web

from druid_operator.pkg.errors import APIError

_HEADERS = {"Cache-Control": "no-cache, private"}
_TEXT = {"X-Content-Type-Options": "nosniff"}


def json_reply(
    body: Any, *, status: int = 200, warnings: Iterable[str] = (), raw: bytes | None = None
) -> web.Response:
    response = web.Response(
        body=raw if raw is not None else orjson.dumps(body) + b"\n",
        status=status,
        content_type="application/json",
        headers=_HEADERS,
    )
    for warning in warnings:
        quoted = warning.replace("\\", "\\\\").replace('"', '\\"')
        response.headers.add("Warning", f'299 - "{quoted}"')
    return response


def error_reply(error: APIError) -> web.Response:
    """The ``Status`` of an error; errors without a reason (bare 500s) have none."""
    status = error.to_status()
    if not error.reason or error.reason == "Unknown":
        del status["reason"]
    if "details" not in status and error.details == {} and error.code in (404, 405, 406, 415, 422):
        status["details"] = {}
    response = json_reply(status, status=error.code)
    if error.retry_after is not None:
        response.headers["Retry-After"] = str(max(1, round(error.retry_after)))
    return response


def text_reply(text: str, *, status: int = 200) -> web.Response:
    return web.Response(text=text, status=status, headers={**_HEADERS, **_TEXT})


def success_status(details: Mapping[str, Any]) -> dict[str, Any]:
    status = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}
    return {**status, "details": dict(details)} if details else status
