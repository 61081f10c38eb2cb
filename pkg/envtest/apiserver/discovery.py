"""Discovery documents: which groups, versions and resources are served."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from druid_operator.pkg.apistore.backend import Registry
from druid_operator.pkg.apistore.resources import Served
from druid_operator.pkg.meta import JSON

_ALL_VERBS = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"]
_SUBRESOURCE_VERBS = ["get", "patch", "update"]

#: The Kubernetes release this server behaves as.
VERSION: JSON = {
    "major": "1",
    "minor": "37",
    "gitVersion": "v1.37.2+embedded",
    "gitCommit": "",
    "gitTreeState": "clean",
    "buildDate": "1970-01-01T00:00:00Z",
    "goVersion": "",
    "compiler": "",
    "platform": "linux/amd64",
}


def _subresources(served: Served) -> list[tuple[str, dict[str, str]]]:
    found: list[tuple[str, dict[str, str]]] = []
    if served.scale is not None:
        scale = {"group": "autoscaling", "version": "v1", "kind": "Scale"}
        found.append(("scale", scale))
    if served.status:
        found.append(("status", {"group": "", "version": "", "kind": served.resource.kind}))
    return found


def _by_version(registry: Registry, group: str) -> dict[str, list[Served]]:
    versions: dict[str, list[Served]] = {}
    for served in sorted(registry, key=lambda s: s.resource.plural):
        if served.resource.group == group:
            versions.setdefault(served.resource.gvk.version, []).append(served)
    return versions


def groups(registry: Registry) -> list[str]:
    """Named groups, in the order they were registered."""
    return [g for g in dict.fromkeys(s.resource.group for s in registry) if g]


def core_versions() -> JSON:
    return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []}


def group_document(registry: Registry, group: str) -> JSON | None:
    versions = [
        {"groupVersion": f"{group}/{version}", "version": version}
        for version in _by_version(registry, group)
    ]
    if not versions:
        return None
    return {"name": group, "versions": versions, "preferredVersion": versions[0]}


def group_list(registry: Registry) -> JSON:
    found = [group_document(registry, group) for group in groups(registry)]
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": [g for g in found if g]}


def resource_list(registry: Registry, group: str, version: str) -> JSON | None:
    """``APIResourceList`` of one version, ``None`` when it is not served."""
    found = _by_version(registry, group).get(version)
    if not found:
        return None
    resources: list[JSON] = []
    for served in found:
        resources.append(_resource(served))
        for name, kind in _subresources(served):
            entry: dict[str, Any] = {
                "name": f"{served.resource.plural}/{name}",
                "singularName": "",
                "namespaced": served.resource.namespaced,
                **{k: v for k, v in kind.items() if v},
                "verbs": _SUBRESOURCE_VERBS,
            }
            resources.append(entry)
    return {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": f"{group}/{version}" if group else version,
        "resources": resources,
    }


def _resource(served: Served) -> JSON:
    entry: JSON = {
        "name": served.resource.plural,
        "singularName": served.singular,
        "namespaced": served.resource.namespaced,
        "kind": served.resource.kind,
        "verbs": _ALL_VERBS,
    }
    if served.short_names:
        entry["shortNames"] = list(served.short_names)
    if served.categories:
        entry["categories"] = list(served.categories)
    return entry


def aggregated(registry: Registry, names: Iterable[str]) -> JSON:
    """``APIGroupDiscoveryList`` v2: everything about the named groups in one document."""
    items = []
    for group in names:
        versions = [
            {
                "version": version,
                "resources": [_aggregated_resource(served) for served in found],
                "freshness": "Current",
            }
            for version, found in _by_version(registry, group).items()
        ]
        items.append({"metadata": {"name": group} if group else {}, "versions": versions})
    return {
        "kind": "APIGroupDiscoveryList",
        "apiVersion": "apidiscovery.k8s.io/v2",
        "metadata": {},
        "items": items,
    }


def _aggregated_resource(served: Served) -> JSON:
    resource = served.resource
    entry: JSON = {
        "resource": resource.plural,
        "responseKind": {"group": "", "version": "", "kind": resource.kind},
        "scope": "Namespaced" if resource.namespaced else "Cluster",
        "singularResource": served.singular,
        "verbs": _ALL_VERBS,
    }
    if served.short_names:
        entry["shortNames"] = list(served.short_names)
    if served.categories:
        entry["categories"] = list(served.categories)
    below = [
        {"subresource": name, "responseKind": kind, "verbs": _SUBRESOURCE_VERBS}
        for name, kind in _subresources(served)
    ]
    if below:
        entry["subresources"] = below
    return entry
