"""Druid's many shapes of an answer, each with the content type that Druid gives it."""

from __future__ import annotations

import html
import json
from typing import Any

from aiohttp import web

#: No Content-Type header at all; aiohttp would add one, so the server removes it on the way out.
NO_TYPE = "none/none"


class Refusal(Exception):
    """Ends a handler with an answer."""

    def __init__(self, answer: web.Response) -> None:
        super().__init__(answer.status)
        self.answer = answer


def raw(status: int, body: str, content_type: str | None = "application/json") -> web.Response:
    headers = {"Content-Type": content_type or NO_TYPE}
    return web.Response(status=status, body=body.encode(), headers=headers)


def ok(
    body: Any, *, status: int = 200, content_type: str | None = "application/json"
) -> web.Response:
    return raw(status, json.dumps(body, separators=(",", ":")), content_type)


def empty(status: int, content_type: str | None = None) -> web.Response:
    return raw(status, "", content_type)


def error(status: int, message: str) -> web.Response:
    """What most resources say."""
    return ok({"error": message}, status=status)


def unknown(kind: str, name: str) -> web.Response:
    """The authorization filter answers before the resource, in plain text."""
    return raw(404, f"Cannot find any {kind} with id: [{name}]", "text/plain")


def druid_exception(
    status: int,
    message: str,
    *,
    code: str = "invalidInput",
    category: str = "INVALID_INPUT",
    context: dict[str, str] | None = None,
) -> web.Response:
    body = {
        "error": "druidException", "errorCode": code, "persona": "USER",
        "category": category, "errorMessage": message, "context": context or {},
    }  # fmt: skip
    return ok(body, status=status)


def page(
    status: int,
    message: str,
    path: str,
    *,
    jetty12: bool,
    cause: bool = False,
    root: str = "",
) -> web.Response:
    """The container's error page as it answers ``Accept: application/json``.

    Texts are escaped for HTML. Jetty 12 writes its JSON with newlines as they are.
    """
    body = {"servlet": "default", "message": message, "url": path, "status": str(status)}
    if cause:
        body["cause0"] = message
    if root:
        body["cause1"] = root
    escaped = {k: html.escape(v).replace("&#x27;", "&apos;") for k, v in body.items()}
    if not jetty12:
        return ok(escaped, status=status)
    lines = ",\n".join(f'"{k}":"{v}"' for k, v in escaped.items())
    return raw(status, "{\n" + lines + "\n}")
