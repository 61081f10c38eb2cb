"""The Services of a node group: the user's, completed with name, labels, selector and port."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from druid_operator.internal.druid import names
from druid_operator.internal.druid.manifest import Manifest, child, metadata_of
from druid_operator.internal.druid.resolved import (
    ResolvedCluster,
    ResolvedNode,
    ResolvedService,
)
from druid_operator.pkg.meta import JSON
from druid_operator.pkg.scheme.builtin import SERVICE


def build_services(cluster: ResolvedCluster) -> Iterator[Manifest]:
    for node in cluster.nodes:
        for service in node.services:
            metadata = metadata_of(service.template)
            yield child(
                cluster,
                SERVICE,
                service.name,
                _content(node, service),
                labels={**(metadata.pop("labels", None) or {}), **node.labels},
                metadata=metadata,
                node=node,
            )


def _content(node: ResolvedNode, service: ResolvedService) -> dict[str, Any]:
    spec: JSON = dict(service.template.get("spec") or {})
    spec["selector"] = {**(spec.get("selector") or {}), **node.labels}
    if spec.get("ports") is None:
        port = {"name": names.SERVICE_PORT_NAME, "port": node.port, "targetPort": node.port}
        spec["ports"] = [port]
    content = {"spec": spec}
    if service.template.get("status"):
        # Never sent, but part of what the Go operator hashes.
        content["status"] = service.template["status"]
    return content
