"""Where kinds are served, from a server that can say it in one piece and from one that cannot."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from druid_operator.pkg.client import NoKindMatch, RestConfig, RESTMapper, Transport
from druid_operator.pkg.clock import FakeClock
from druid_operator.pkg.meta import GroupVersionKind


def plain(group_version: str, *kinds: tuple[str, str, bool]) -> dict:
    return {
        "kind": "APIResourceList", "groupVersion": group_version,
        "resources": [
            {"name": plural, "kind": kind, "namespaced": namespaced, "verbs": []}
            for plural, kind, namespaced in kinds
        ],
    }  # fmt: skip


#: A server of the old kind; ``broken.example.com`` is an aggregated API that is down.
OLD = {
    "/api": {"kind": "APIVersions", "versions": ["v1"]},
    "/apis": {"kind": "APIGroupList", "groups": [
        {"name": "apps", "versions": [
            {"groupVersion": "apps/v1beta1", "version": "v1beta1"},
            {"groupVersion": "apps/v1", "version": "v1"},
        ], "preferredVersion": {"groupVersion": "apps/v1", "version": "v1"}},
        {"name": "broken.example.com", "versions": [
            {"groupVersion": "broken.example.com/v1", "version": "v1"},
        ]},
    ]},
    "/api/v1": plain("v1", ("pods", "Pod", True), ("pods/status", "Pod", True),
                     ("nodes", "Node", False)),
    "/apis/apps/v1": plain("apps/v1", ("deployments", "Deployment", True)),
    "/apis/apps/v1beta1": plain("apps/v1beta1", ("deployments", "Deployment", True)),
}  # fmt: skip


@asynccontextmanager
async def mapper(
    documents: dict[str, dict],
) -> AsyncIterator[tuple[RESTMapper, list[str], FakeClock]]:
    asked: list[str] = []

    async def handle(request: web.Request) -> web.Response:
        asked.append(request.path)
        document = documents.get(request.path)
        if document is None:
            return web.json_response({"kind": "Status", "code": 503}, status=503)
        return web.json_response(document)

    app = web.Application()
    app.router.add_get("/{path:.*}", handle)
    async with TestServer(app) as server:
        transport = Transport(RestConfig(host=str(server.make_url("")).rstrip("/")))
        clock = FakeClock()
        yield RESTMapper(transport, clock=clock), asked, clock
        await transport.close()


async def test_server_that_cannot_aggregate_is_asked_group_by_group() -> None:
    async with mapper(OLD) as (found, asked, _):
        assert asked == [], "nothing is asked before it is needed"
        pod = await found.resource_for(GroupVersionKind("", "v1", "Pod"))
        assert (pod.plural, pod.namespaced) == ("pods", True)
        assert not (await found.preferred("", "Node")).namespaced
        assert (await found.preferred("apps", "Deployment")).gvk.version == "v1"
        beta = GroupVersionKind("apps", "v1beta1", "Deployment")
        assert (await found.resource_for(beta)).gvk == beta
        assert len(asked) == 6, "and each document once"


async def test_kind_that_is_not_there_is_looked_for_again_but_not_at_once() -> None:
    documents = dict(OLD)
    wanted = GroupVersionKind("broken.example.com", "v1", "Late")
    async with mapper(documents) as (found, asked, clock):
        with pytest.raises(NoKindMatch, match=r"Late\.v1\.broken\.example\.com"):
            await found.resource_for(wanted)
        before = len(asked)
        with pytest.raises(NoKindMatch):
            await found.resource_for(wanted)
        assert len(asked) == before
        documents["/apis/broken.example.com/v1"] = plain(
            "broken.example.com/v1", ("lates", "Late", True)
        )
        clock.step(3)
        assert (await found.resource_for(wanted)).plural == "lates"
        found.reset()
        assert (await found.preferred("apps", "Deployment")).plural == "deployments"


async def test_aggregated_documents_take_two_requests() -> None:
    def group(name: str, *resources: dict) -> dict:
        return {"metadata": {"name": name}, "versions": [
            {"version": "v1", "freshness": "Current", "resources": list(resources)},
            {"version": "v1alpha1", "freshness": "Stale"},
        ]}  # fmt: skip

    def document(*groups: dict) -> dict:
        return {"kind": "APIGroupDiscoveryList", "items": list(groups)}

    deployment = {"resource": "deployments", "scope": "Namespaced",
                  "responseKind": {"group": "", "version": "", "kind": "Deployment"}}  # fmt: skip
    async with mapper({"/api": document(), "/apis": document(group("apps", deployment))}) as (
        found, asked, _,
    ):  # fmt: skip
        assert (await found.preferred("apps", "Deployment")).api_version == "apps/v1"
        assert asked == ["/api", "/apis"]
