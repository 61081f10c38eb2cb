"""What a request is about, read off its method, path and query."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from druid_operator.pkg.apistore.backend import Registry
from druid_operator.pkg.apistore.resources import Served
from druid_operator.pkg.meta import NamespacedName

_VERBS = {"GET": "get", "POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
_ON_COLLECTION = {"get": "list", "delete": "deletecollection"}


@attrs.frozen
class Target:
    """``served`` is ``None`` for a path that is no resource (health, discovery, unknown kinds).

    Args:
        verb: Kubernetes' word: ``get list watch create update patch delete deletecollection``.
        parts: the path's segments after ``/api/VERSION`` or ``/apis/GROUP/VERSION``.
    """

    method: str
    path: str
    verb: str
    group: str = ""
    version: str = ""
    plural: str = ""
    namespace: str = ""
    name: str = ""
    subresource: str = ""
    served: Served | None = None

    @property
    def key(self) -> NamespacedName:
        return NamespacedName(self.namespace, self.name)

    @property
    def kind(self) -> str:
        return self.served.resource.kind if self.served is not None else ""


def parse_target(method: str, path: str, query: Mapping[str, str], registry: Registry) -> Target:
    """Never fails: what cannot be understood is a target without ``served``."""
    verb = _VERBS.get(method, method.lower())
    bare = Target(method, path, verb)
    parts = [part for part in path.split("/") if part]
    if len(parts) >= 3 and parts[0] == "api":
        group, version, rest = "", parts[1], parts[2:]
    elif len(parts) >= 4 and parts[0] == "apis":
        group, version, rest = parts[1], parts[2], parts[3:]
    else:
        return bare
    namespace = ""
    if rest[0] == "namespaces" and len(rest) >= 3 and rest[2] not in ("status", "finalize"):
        namespace, rest = rest[1], rest[2:]
    plural, name, subresource = (*rest[:3], "", "", "")[:3]
    if not name:
        verb = _ON_COLLECTION.get(verb, verb)
    # The parameter means nothing for a single object: that is a plain GET.
    if verb == "list" and query.get("watch") in ("1", "true", "True"):
        verb = "watch"
    served = registry.find(group, version, plural)
    if served is not None and len(rest) > 3:
        served = None
    return attrs.evolve(
        bare,
        verb=verb,
        group=group,
        version=version,
        plural=plural,
        namespace=namespace,
        name=name,
        subresource=subresource,
        served=served,
    )
