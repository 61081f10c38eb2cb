"""Everything that is no resource: health, version, discovery, OpenAPI, reviews."""

from __future__ import annotations

from collections.abc import Sequence

from aiohttp import web

from druid_operator.pkg.apistore.backend import Registry
from druid_operator.pkg.apistore.store import APIStore
from druid_operator.pkg.apistore.typeschema import builtin_types
from druid_operator.pkg.envtest.apiserver import discovery, openapi
from druid_operator.pkg.envtest.apiserver.call import Call
from druid_operator.pkg.envtest.apiserver.negotiate import wanted_form
from druid_operator.pkg.envtest.apiserver.replies import json_reply, text_reply
from druid_operator.pkg.envtest.apiserver.request_body import parse_body
from druid_operator.pkg.envtest.apiserver.reviews import Reviews
from druid_operator.pkg.errors import NotFound
from druid_operator.pkg.meta import JSON


class SystemHandlers:
    """Requests on paths outside the resources."""

    def __init__(self, store: APIStore, reviews: Reviews) -> None:
        self._registry = store.registry
        self._reviews = reviews

    def handle(self, call: Call) -> web.Response:
        """Raises ``NotFound``."""
        if (review := self._review(call)) is not None:
            return json_reply(review, status=201)
        parts = [part for part in call.target.path.split("/") if part]
        match parts:
            case ["version"]:
                return json_reply(discovery.VERSION)
            case ["healthz" | "livez" | "readyz", *_]:
                return text_reply("ok")
            case ["openapi", "v2"]:
                return _openapi_v2(call.accept)
            case ["openapi", "v3", *path]:
                return self._openapi(path)
            case ["api"] | ["apis"]:
                return self._root(call, parts[0])
            case ["api", version]:
                return _found(discovery.resource_list(self._registry, "", version))
            case ["apis", group]:
                document = discovery.group_document(self._registry, group)
                head = {"kind": "APIGroup", "apiVersion": "v1"}
                return _found({**head, **document} if document else None)
            case ["apis", group, version]:
                return _found(discovery.resource_list(self._registry, group, version))
            case ["apis", group, *_] if not self._is_builtin(group):
                # Custom groups are served by a handler that answers what it does not know so.
                return _found(None)
        raise NotFound("the server could not find the requested resource", details={})

    def _review(self, call: Call) -> JSON | None:
        target = call.target
        if target.method != "POST" or target.version != "v1":
            return None
        gvk = self._reviews.kind(target.group, target.plural)
        type_ = builtin_types().kind(gvk) if gvk is not None else None
        if gvk is None or type_ is None:
            return None
        return self._reviews.answer(gvk, parse_body(call, gvk.kind, type_))

    def _is_builtin(self, group: str) -> bool:
        return any(s.resource.group == group and s.custom is None for s in self._registry)

    def _root(self, call: Call, root: str) -> web.Response:
        aggregated = wanted_form(call.accept) == "discovery"
        if root == "api":
            if aggregated:
                return _aggregated(self._registry, [""])
            return json_reply(discovery.core_versions())
        if aggregated:
            return _aggregated(self._registry, discovery.groups(self._registry))
        return json_reply(discovery.group_list(self._registry))

    def _openapi(self, path: list[str]) -> web.Response:
        match path:
            case []:
                return json_reply(openapi.index(self._registry))
            case ["api", version]:
                return _found(openapi.document(self._registry, "", version))
            case ["apis", group, version]:
                return _found(openapi.document(self._registry, group, version))
        return _found(None)


def _openapi_v2(accept: str) -> web.Response:
    """An empty document: ``kubectl`` asks for it to validate lists, and skips what is not in it."""
    if "proto-openapi" in accept:
        kind = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"
        return web.Response(body=b"", content_type=kind)
    info = {"title": "Kubernetes", "version": discovery.VERSION["gitVersion"]}
    return json_reply({"swagger": "2.0", "info": info, "paths": {}, "definitions": {}})


def _aggregated(registry: Registry, groups: Sequence[str]) -> web.Response:
    response = json_reply(discovery.aggregated(registry, groups))
    # Clients look here, not into the body, to learn that the server speaks this form.
    response.headers["Content-Type"] = (
        "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
    )
    return response


def _found(document: JSON | None) -> web.Response:
    if document is None:
        return text_reply("404 page not found\n", status=404)
    return json_reply(document)
