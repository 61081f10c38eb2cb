"""A running ``configMapSHA`` is kept exactly while it stands for the wanted configuration."""

from __future__ import annotations

import pytest

from druid_operator.internal.druid.build import build
from druid_operator.internal.druid.config_sha import (
    config_sha,
    live_config_sha,
    with_carried_config_sha,
)
from druid_operator.internal.druid.go_json import ENCODINGS, GO_MASTER, GO_OMITZERO
from druid_operator.internal.druid.resolve import resolve


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_the_value_of_every_known_build_is_kept(make_druid, encoding):
    cluster = resolve(make_druid({"log4j.config": "\b\f"}))
    live = config_sha(cluster, cluster.node("brokers"), encoding)
    assert with_carried_config_sha(cluster, {"brokers": live}).node("brokers").config_sha == live


def test_the_known_builds_differ_where_their_encodings_do(make_druid):
    cluster = resolve(make_druid({"log4j.config": "\b\f"}))
    node = cluster.node("brokers")
    assert len({config_sha(cluster, node, encoding) for encoding in ENCODINGS}) == len(ENCODINGS)
    assert node.config_sha == config_sha(cluster, node, GO_MASTER)


@pytest.mark.parametrize(
    "change", [{"common.runtime.properties": "new=1"}, {"jvm.options": "-new"}]
)
def test_the_value_of_an_old_configuration_is_not_kept(make_druid, change):
    """Also while the pods of a later wave still run with it: they must restart in their turn."""
    before = resolve(make_druid())
    live = config_sha(before, before.node("brokers"), GO_OMITZERO)
    after = resolve(make_druid(change))
    assert with_carried_config_sha(after, {"brokers": live}) == after


@pytest.mark.parametrize("live", [{}, {"brokers": ""}, {"brokers": "x-y"}, {"gone": "x-y"}])
def test_without_a_known_value_ours_stands(make_druid, live):
    cluster = resolve(make_druid())
    assert with_carried_config_sha(cluster, live) == cluster


def test_the_live_value_is_read_from_the_druid_container_alone(make_druid):
    sidecar = {
        "containerName": "side",
        "image": "i",
        "command": ["c"],
        "env": [{"name": "configMapSHA", "value": "not ours"}],
    }
    cluster = resolve(make_druid({"additionalContainer": [sidecar]}))
    (workload,) = (m.object for m in build(cluster) if m.resource.kind == "StatefulSet")
    assert live_config_sha(workload) == cluster.node("brokers").config_sha
    druid, _ = workload["spec"]["template"]["spec"]["containers"]
    druid["env"] = []
    assert live_config_sha(workload) is None
    assert live_config_sha({}) is None
