"""Where Druid's API is, read from what the user wrote about his cluster."""

from __future__ import annotations

from typing import Any

import pytest

from druid_operator.internal.druidconn import Endpoint, NoEndpoint, resolve_endpoint
from druid_operator.internal.druidconn.endpoint import external_endpoint

JSON = dict[str, Any]


def node(type_: str, port: int = 8888, properties: str = "", **fields: Any) -> JSON:
    service = {"spec": {"ports": [{"port": port}]}}
    return {
        "nodeType": type_, "druid.port": port, "runtime.properties": properties,
        "services": [service], **fields,
    }  # fmt: skip


def druid(common: str = "", services: Any = None, **nodes: JSON) -> JSON:
    spec: JSON = {"nodes": nodes, "common.runtime.properties": common}
    if services is not None:
        spec["services"] = services
    return {"metadata": {"name": "c", "namespace": "ns"}, "spec": spec}


AS_OVERLORD = "druid.coordinator.asOverlord.enabled=true"
NAMED = [{"metadata": {"name": "api"}, "spec": {"ports": [{"port": 80, "targetPort": 8888}]}}]
TWO_PORTS = [{"spec": {"ports": [{"port": 80, "targetPort": 8888}, {"port": 81, "name": "x"}]}}]


@pytest.mark.parametrize(
    ("cluster", "url"),
    [
        (druid(routers=node("router", 8888)), "http://druid-c-routers.ns:8888"),
        (druid(r=node("router", 9999)), "http://druid-c-r.ns:9999"),
        (druid(r=node("router", services=NAMED)), "http://api.ns:80"),
        (druid(r=node("router", services=TWO_PORTS)), "http://druid-c-r.ns:80"),
        (druid(r=node("router", services=[{"spec": {}}])), "http://druid-c-r.ns:8888"),
        (
            druid(services=[{"spec": {}}], r={"nodeType": "router", "druid.port": 8888}),
            "http://druid-c-r.ns:8888",
        ),
        (
            druid(
                "druid.enablePlaintextPort=false\ndruid.tlsPort=9088",
                r=node("router", services=[{"spec": {}}]),
            ),
            "https://druid-c-r.ns:9088",
        ),
        (druid(c=node("coordinator", 8081, AS_OVERLORD)), "http://druid-c-c.ns:8081"),
        (
            druid(c=node("coordinator", 8081, AS_OVERLORD), r=node("router")),
            "http://druid-c-r.ns:8888",
        ),
    ],
    ids=[
        "router", "its port", "a named service", "the port that leads there", "no ports",
        "services of the cluster", "TLS", "coordinator", "router first",
    ],
)  # fmt: skip
def test_the_endpoint_is_what_the_spec_says(cluster: JSON, url: str) -> None:
    found = resolve_endpoint(cluster)
    assert found.url == url
    assert found.via_router is ("c-c." not in url)


@pytest.mark.parametrize(
    "cluster",
    [
        druid(),
        druid(c=node("coordinator", 8081)),
        druid(r=node("router", services=[])),
        druid(r=node("router", services=[{"spec": {"type": "ExternalName"}}])),
    ],
    ids=["no nodes", "a coordinator that is no overlord", "no service", "a service elsewhere"],
)
def test_a_cluster_that_cannot_be_asked_says_what_to_add(cluster: JSON) -> None:
    with pytest.raises(NoEndpoint, match="no router with a Service") as raised:
        resolve_endpoint(cluster)
    assert (raised.value.reason, raised.value.path) == ("NoDruidEndpoint", "spec.nodes")


def test_the_operators_own_setting_wins() -> None:
    assert resolve_endpoint(druid(), override="http://127.0.0.1:1") == Endpoint(
        "http://127.0.0.1:1"
    )


ALLOWED = {"https://druid.example.com", "http://druid.example.com:8888"}


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("https://druid.example.com", ""),
        ("https://druid.example.com/path/", ""),
        ("http://druid.example.com:8888", ""),
        ("http://druid.example.com", "not allowed"),
        ("https://druid.example.com:444", "not allowed"),
        ("https://druid.example.com.evil.com", "not allowed"),
        ("https://evil.com/https://druid.example.com", "not allowed"),
        ("https://user:hush@druid.example.com", "without credentials"),
        ("ftp://druid.example.com", "must be http"),
        ("druid.example.com", "must be http"),
    ],
)
def test_an_address_outside_is_used_only_where_the_operator_allows_it(url: str, words: str) -> None:
    if not words:
        assert external_endpoint(url, ALLOWED).url == url.rstrip("/")
        return
    with pytest.raises(NoEndpoint, match=words) as raised:
        external_endpoint(url, ALLOWED)
    assert raised.value.path == "spec.connection.url"
    assert "hush" not in str(raised.value)
