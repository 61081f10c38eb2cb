"""A request on its way through the proxy: what it is about, in Kubernetes' words."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import TypeAlias
from urllib.parse import unquote

import attrs
from aiohttp import web

_VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}


@attrs.define
class ProxiedRequest:
    """One request as it came in. ``verb`` is Kubernetes' word; ``at`` is the event loop's time.

    ``status`` is the answer's, 0 while there is none and for ever if the connection was cut.
    """

    number: int
    at: float
    verb: str
    plural: str
    namespace: str
    name: str
    subresource: str
    query: Mapping[str, str]
    user_agent: str
    token: str = attrs.field(repr=False)
    status: int = 0

    @property
    def is_watch(self) -> bool:
        """A watch that goes on from a version; one that begins with a list is ``is_list``."""
        return self.verb == "watch" and not self.is_streaming_list

    @property
    def is_streaming_list(self) -> bool:
        return self.verb == "watch" and self.query.get("sendInitialEvents") == "true"

    @property
    def is_list(self) -> bool:
        """A page of a list, or a streaming list."""
        return self.verb == "list" or self.is_streaming_list

    @property
    def is_write(self) -> bool:
        return self.verb in _VERBS.values() or self.verb == "deletecollection"

    @property
    def version(self) -> str:
        return self.query.get("resourceVersion", "")

    def __str__(self) -> str:
        path = "/".join(filter(None, (self.plural, self.namespace, self.name, self.subresource)))
        version = f"@{self.version}" if self.version else ""
        streaming = " (streaming list)" if self.is_streaming_list else ""
        return f"{self.number} {self.verb} {path}{version}{streaming} -> {self.status or '-'}"


Match: TypeAlias = Callable[[ProxiedRequest], bool]


def anything(_: ProxiedRequest) -> bool:
    return True


def parse_request(http: web.BaseRequest, number: int) -> ProxiedRequest:
    parts = [unquote(part) for part in http.path.strip("/").split("/")]
    prefix = {"api": 2, "apis": 3}.get(parts[0], len(parts))
    rest = parts[prefix:]
    namespace = ""
    if len(rest) > 2 and rest[0] == "namespaces" and rest[2] not in ("status", "finalize"):
        namespace, rest = rest[1], rest[2:]
    plural, name, subresource = (*rest, "", "", "")[:3]
    watching = http.query.get("watch") in ("true", "1")
    read = "watch" if watching else "get" if name or not plural else "list"
    verb = _VERBS.get(http.method, read)
    return ProxiedRequest(
        number=number,
        at=asyncio.get_running_loop().time(),
        verb="deletecollection" if verb == "delete" and not name else verb,
        plural=plural,
        namespace=namespace,
        name=name,
        subresource=subresource,
        query=dict(http.query),
        user_agent=http.headers.get("User-Agent", ""),
        token=http.headers.get("Authorization", "").removeprefix("Bearer "),
    )
