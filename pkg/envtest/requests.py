"""What an API server was asked, in one form for every backend that can tell."""

from __future__ import annotations

import os
from pathlib import Path

import attrs
import orjson

from druid_operator.pkg.envtest.apiserver.requestlog import Request
from druid_operator.pkg.meta import JSON

WRITE_VERBS = frozenset({"create", "update", "patch", "delete", "deletecollection"})


@attrs.frozen
class ServerRequest:
    """One request as the server saw it.

    Args:
        verb: Kubernetes' word; a server-side apply is a ``patch``, as in an audit log.
        plural: the resource, ``""`` for a path that is none (``/healthz``, discovery).
        name: as in the path, so empty for a create.
        status: the answer's code, 0 while there is none.
    """

    verb: str
    group: str
    plural: str
    namespace: str
    name: str
    subresource: str
    user_agent: str
    status: int

    @property
    def is_write(self) -> bool:
        return self.verb in WRITE_VERBS

    def __str__(self) -> str:
        path = "/".join(filter(None, (self.plural, self.namespace, self.name, self.subresource)))
        return f"{self.verb} {path} -> {self.status or '-'}"


class AuditLog:
    """The audit log of a kube-apiserver, read as it grows.

    It writes each line before it answers the request, so what was answered can be read.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0
        self._inode = 0
        self._requests: dict[str, ServerRequest] = {}

    def read(self) -> list[ServerRequest]:
        """Every request so far; a watch counts from its start."""
        with self._path.open("rb") as file:
            inode = os.fstat(file.fileno()).st_ino
            if inode != self._inode:  # a new log: the server turns a large one over
                self._inode, self._offset = inode, 0
            file.seek(self._offset)
            for line in file:
                if not line.endswith(b"\n"):
                    break  # being written
                self._offset += len(line)
                event = orjson.loads(line)
                self._requests[event["auditID"]] = _from_audit(event)
        return list(self._requests.values())


def from_embedded(request: Request) -> ServerRequest:
    """The embedded server's own record in the common form."""
    target = request.target
    return ServerRequest(
        verb="patch" if request.verb == "apply" else request.verb,
        group=target.group,
        plural=target.plural,
        namespace=target.namespace,
        name=target.name,
        subresource=target.subresource,
        user_agent=request.user_agent,
        status=request.status,
    )


def _from_audit(event: JSON) -> ServerRequest:
    reference = event.get("objectRef") or {}
    created = event["verb"] == "create" and not reference.get("subresource")
    return ServerRequest(
        verb=event["verb"],
        group=reference.get("apiGroup", ""),
        plural=reference.get("resource", ""),
        namespace=reference.get("namespace", ""),
        name="" if created else reference.get("name", ""),
        subresource=reference.get("subresource", ""),
        user_agent=event.get("userAgent", ""),
        status=(event.get("responseStatus") or {}).get("code", 0),
    )
