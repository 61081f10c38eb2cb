"""Where a kind is served, asked of the server: discovery, for kinds that no scheme names.

Nothing is asked before it is needed, and then two requests tell everything (aggregated discovery).
A kind that is not there is looked for again, because a CRD may have been installed since; a server
that cannot aggregate is asked group by group, and a group that fails is left out.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import orjson

from druid_operator.pkg.client.transport import Transport
from druid_operator.pkg.clock import Clock, SystemClock
from druid_operator.pkg.errors import APIError, OperatorError
from druid_operator.pkg.meta import JSON, GroupVersionKind, Resource

#: Both forms of the aggregated document, then the plain one, as client-go asks.
ACCEPT = ",".join(
    (
        "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList",
        "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList",
        "application/json",
    )
)
#: Seconds within which a kind that was not there is not looked for again.
RELOAD_AFTER = 2.0


class NoKindMatch(OperatorError):
    """The server serves no such kind, or not yet: a CRD may be missing."""


class RESTMapper:
    """Finds resources by kind and remembers them. One per API server.

    Args:
        transport: to ask with.
        clock: paces reloads.
    """

    def __init__(self, transport: Transport, *, clock: Clock | None = None) -> None:
        self._transport = transport
        self._clock = clock or SystemClock()
        # Per group and kind, in the server's order of preference.
        self._known: dict[tuple[str, str], list[Resource]] = {}
        self._loaded_at = float("-inf")
        self._loading = asyncio.Lock()

    async def resource_for(self, gvk: GroupVersionKind) -> Resource:
        """Raises :class:`NoKindMatch`; ``APIError`` or ``RequestNotSent`` when it cannot ask."""
        return await self._find(gvk.group, gvk.kind, gvk.version)

    async def preferred(self, group: str, kind: str) -> Resource:
        """The kind in the version that the server prefers. Raises as :meth:`resource_for`."""
        return await self._find(group, kind, "")

    def reset(self) -> None:
        """Forget everything."""
        self._known.clear()
        self._loaded_at = float("-inf")

    async def _find(self, group: str, kind: str, version: str) -> Resource:
        found = self._look_up(group, kind, version)
        if found is None:
            async with self._loading:
                # Another may have loaded while this one waited.
                found = self._look_up(group, kind, version)
                if found is None and self._clock.monotonic() - self._loaded_at >= RELOAD_AFTER:
                    await self._load()
                    found = self._look_up(group, kind, version)
        if found is None:
            name = GroupVersionKind(group, version, kind)
            raise NoKindMatch(f"the server serves no kind {name}: is its CRD installed?")
        return found

    def _look_up(self, group: str, kind: str, version: str) -> Resource | None:
        candidates = self._known.get((group, kind), ())
        return next((r for r in candidates if version in ("", r.gvk.version)), None)

    async def _load(self) -> None:
        known: dict[tuple[str, str], list[Resource]] = {}
        for root in ("/api", "/apis"):
            document = await self._get(root)
            if document.get("kind") == "APIGroupDiscoveryList":
                found = list(_aggregated(document))
            else:
                found = [r for path in _versions(root, document) for r in await self._one(path)]
            for resource in found:
                known.setdefault((resource.group, resource.kind), []).append(resource)
        self._known = known
        self._loaded_at = self._clock.monotonic()

    async def _one(self, path: str) -> list[Resource]:
        try:
            return list(_plain(await self._get(path)))
        except APIError:
            # Of a removed group 404, of an aggregated API that is down 503: it serves nothing now.
            return []

    async def _get(self, path: str) -> JSON:
        document: JSON = orjson.loads(await self._transport.request("GET", path, accept=ACCEPT))
        return document


def _aggregated(document: JSON) -> Iterator[Resource]:
    for group in document["items"]:
        name = group["metadata"].get("name") or ""
        for version in group.get("versions") or ():
            for entry in version.get("resources") or ():
                kind = entry["responseKind"]["kind"]
                yield Resource(
                    GroupVersionKind(name, version["version"], kind),
                    entry["resource"],
                    entry["scope"] == "Namespaced",
                )


def _versions(root: str, document: JSON) -> Iterator[str]:
    """Paths of the versions in an ``APIVersions`` or ``APIGroupList``, the preferred ones first."""
    for version in document.get("versions") or ():
        yield f"{root}/{version}"
    for group in document.get("groups") or ():
        preferred = group.get("preferredVersion") or {}
        for version in sorted(group["versions"], key=lambda v: v != preferred):
            yield f"{root}/{version['groupVersion']}"


def _plain(document: JSON) -> Iterator[Resource]:
    for entry in document.get("resources") or ():
        if "/" in entry["name"]:
            continue  # a subresource
        gvk = GroupVersionKind.from_api_version(document["groupVersion"], entry["kind"])
        yield Resource(gvk, entry["name"], entry["namespaced"])
