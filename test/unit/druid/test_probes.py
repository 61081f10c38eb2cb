"""Which probes a Druid container has."""

from __future__ import annotations

import pytest

from druid_operator.internal.druid.probes import default_probes

GIVEN = {"httpGet": {"path": "/mine", "port": 1}}


def numbers(probe):
    return (
        probe["httpGet"]["path"], probe["initialDelaySeconds"], probe["periodSeconds"],
        probe["timeoutSeconds"], probe["successThreshold"], probe["failureThreshold"],
    )  # fmt: skip


HEALTH = ("/status/health", 5, 10, 5, 1, 10)
BROKER = ("/druid/broker/v1/readiness", 5, 10, 5, 1, 20)
HISTORICAL = ("/druid/historical/v1/readiness", 5, 10, 5, 1, 20)
HISTORICAL_START = ("/druid/historical/v1/readiness", 180, 30, 10, 1, 20)


@pytest.mark.parametrize(
    ("node_type", "liveness", "readiness", "startup"),
    [
        ("broker", HEALTH, BROKER, BROKER),
        ("historical", HEALTH, HISTORICAL, HISTORICAL_START),
        *((t, HEALTH, HEALTH, HEALTH) for t in
          ("overlord", "coordinator", "router", "middleManager", "indexer")),
    ],
)  # fmt: skip
def test_defaults(node_type, liveness, readiness, startup):
    probes = default_probes(node_type, 99)
    assert numbers(probes.liveness) == liveness
    assert numbers(probes.readiness) == readiness
    assert numbers(probes.startup) == startup
    assert {p["httpGet"]["port"] for p in (probes.liveness, probes.readiness, probes.startup)} == {
        99
    }


FIELDS = [
    ("livenessProbe", "liveness"),
    ("readinessProbe", "readiness"),
    ("startUpProbe", "startup"),
]


@pytest.mark.parametrize(("field", "attribute"), FIELDS)
def test_the_node_replaces_the_cluster_and_either_replaces_the_default(broker, field, attribute):
    def probe(cluster, node):
        given = {"defaultProbes": True, **({field: cluster} if cluster is not None else {})}
        return getattr(
            broker(given, {field: node} if node is not None else {}).pod.probes, attribute
        )

    other = {"exec": {"command": ["x"]}}
    assert probe(None, None) == getattr(default_probes("broker", 8082), attribute)
    assert probe(GIVEN, None) == GIVEN
    assert probe(GIVEN, other) == other
    assert probe(GIVEN, {}) == {}


@pytest.mark.parametrize("off", [False, None])
def test_without_default_probes_there_are_only_given_ones(broker, off):
    probes = broker({"defaultProbes": off}, {"livenessProbe": GIVEN}).pod.probes
    assert (probes.liveness, probes.readiness, probes.startup) == (GIVEN, None, None)


@pytest.mark.parametrize("request_", [{"path": "/x"}, {"path": "/x", "port": 0}])
def test_a_cluster_probe_without_port_gets_the_port_of_each_node(make_druid, children, request_):
    built = children(
        {"livenessProbe": {"httpGet": request_}}, {"a": {"druid.port": 1}, "b": {"druid.port": 2}}
    )
    ports = [
        built[f"StatefulSet/druid-tiny-{key}"].object["spec"]["template"]["spec"]["containers"][0][
            "livenessProbe"
        ]["httpGet"]["port"]
        for key in "ab"
    ]
    assert ports == [1, 2]


def test_a_port_by_name_stays(broker):
    probe = {"httpGet": {"path": "/x", "port": "jmx"}}
    assert broker(node={"livenessProbe": probe}).pod.probes.liveness == probe
