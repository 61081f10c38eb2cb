"""Where a cluster's HTTP API is, read from its ``Druid`` object.

The router is the one entry point that follows leaders by itself. Its port and scheme are the
spec's: the Go operator's fixed 8088 and plain HTTP were wrong for every cluster that chose
otherwise.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

import attrs

from druid_operator.internal.druid.names import SERVICE_PORT_NAME, service_name, unique_name
from druid_operator.pkg.errors import TerminalError
from druid_operator.pkg.meta import JSON


class NoEndpoint(TerminalError):
    """The spec describes nothing that could be asked; the message says what to add."""

    def __init__(self, message: str, path: str) -> None:
        super().__init__(message, reason="NoDruidEndpoint", path=path)


@attrs.frozen
class Endpoint:
    """Args:
    url: base URL, without a slash at the end.
    via_router: whether management calls go through a router's proxy.
    """

    url: str
    via_router: bool = True


def resolve_endpoint(druid: JSON, *, override: str = "") -> Endpoint:
    """The endpoint of a cluster.

    Args:
        druid: the object as stored; its spec may be invalid elsewhere.
        override: URL of the router for an operator outside of the cluster's network.

    Raises:
        NoEndpoint: no router with a Service, and no coordinator that is the overlord either.
    """
    if override:
        return Endpoint(override)
    for key, node in _nodes(druid, "router"):
        url = _service_url(druid, key, node)
        if url:
            return Endpoint(url)
    for key, node in _nodes(druid, "coordinator"):
        if _property(druid, node, "druid.coordinator.asOverlord.enabled") == "true":
            url = _service_url(druid, key, node)
            if url:
                return Endpoint(url, via_router=False)
    raise NoEndpoint(
        "no router with a Service (nodeType: router, services: [...]) and no coordinator with one "
        "that is also the overlord: Druid's API cannot be reached",
        "spec.nodes",
    )


def external_endpoint(url: str, allowed: Collection[str]) -> Endpoint:
    """A Druid that no object of this cluster describes.

    Args:
        allowed: origins that the operator's own settings permit: whoever may create an ingestion
            could otherwise make the operator send requests to any address that it can reach.

    Raises:
        NoEndpoint: no URL, or none that is allowed.
    """
    path = "spec.connection.url"
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username:
        raise NoEndpoint("must be http(s)://HOST[:PORT][/PATH] without credentials", path)
    origin = f"{parts.scheme}://{parts.netloc}"
    if origin not in allowed:
        raise NoEndpoint(f"{origin} is not allowed: see --allow-druid-url", path)
    return Endpoint(url.rstrip("/"))


def _nodes(druid: JSON, node_type: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    nodes = (druid.get("spec") or {}).get("nodes") or {}
    for key in sorted(nodes):
        node = nodes[key]
        if isinstance(node, dict) and node.get("nodeType") == node_type:
            yield key, node


def _service_url(druid: JSON, key: str, node: Mapping[str, Any]) -> str:
    """Empty when the node group has no Service with a usable port."""
    services = node.get("services")
    if services is None:
        services = (druid.get("spec") or {}).get("services")
    tls = _property(druid, node, "druid.enablePlaintextPort") == "false"
    port = _property(druid, node, "druid.tlsPort") if tls else node.get("druid.port")
    meta = druid["metadata"]
    for template in services or ():
        spec = template.get("spec") or {}
        if spec.get("type") == "ExternalName":
            continue
        name = service_name(
            (template.get("metadata") or {}).get("name") or "", unique_name(meta["name"], key)
        )
        service_port = _port(spec.get("ports"), port)
        if service_port:
            scheme = "https" if tls else "http"
            return f"{scheme}://{name}.{meta['namespace']}:{service_port}"
    return ""


def _port(ports: Any, target: Any) -> Any:
    """The Service port that leads to the service's own; a Service without ports gets one of
    ours.
    """
    if not ports:
        return target
    for port in ports:
        if str(port.get("targetPort", port.get("port"))) in (str(target), SERVICE_PORT_NAME):
            return port.get("port")
    return ports[0].get("port") if len(ports) == 1 else None


def _property(druid: JSON, node: Mapping[str, Any], key: str) -> str:
    """A Druid property: the node's own, else the common one, else empty."""
    common = (druid.get("spec") or {}).get("common.runtime.properties")
    found = ""
    for text in (common, node.get("runtime.properties")):
        for line in str(text or "").splitlines():
            name, separator, value = line.partition("=")
            if separator and name.strip() == key:
                found = value.strip()
    return found
