"""What of the rendered configuration differs on loopback, and what does not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from druid_operator.cmd.demo.realdruid.pods import NotADruid, Pod, read_pods
from druid_operator.cmd.demo.realdruid.properties import (
    OVERRIDES,
    NotPlaceable,
    Placement,
    overrides,
    parse,
)
from druid_operator.cmd.demo.realdruid.sample import rendered_sample

PLACEMENT = Placement(
    port=20001,
    zookeeper=20002,
    derby=20003,
    extensions=Path("/jars/extensions"),
    shared=Path("/run"),
    own=Path("/run/historicals-0"),
)
SMALLEST = {
    "druid.metadata.storage.type": "derby",
    "druid.storage.type": "local",
    "druid.indexer.logs.type": "file",
}


def pod(name: str) -> Pod:
    (found,) = [pod for pod in read_pods(rendered_sample()) if pod.name == name]
    return found


def test_a_pod_for_each_replica_of_each_node_group() -> None:
    pods = {pod.name: pod.service for pod in read_pods(rendered_sample())}
    assert pods == {
        "brokers-0": "broker",
        "cold-0": "historical",
        "coordinators-0": "coordinator",
        "historicals-0": "historical",
        "indexers-0": "indexer",
        "routers-0": "router",
    }


def test_files_are_those_of_the_mounted_config_maps() -> None:
    files = pod("brokers-0").files
    maps = {o["metadata"]["name"]: o["data"] for o in rendered_sample() if o["kind"] == "ConfigMap"}
    expected = {
        f"nodetype-config-volume/{name}": text
        for name, text in maps["druid-loopback-brokers-config"].items()
    } | {
        f"common-config-volume/{name}": text
        for name, text in maps["loopback-druid-common-config"].items()
    }
    assert expected == files


def test_jvm_options_come_from_jvm_config() -> None:
    assert "-Xmx160m" in pod("cold-0").jvm_options
    assert "-XX:+UseSerialGC" in pod("cold-0").jvm_options


def test_a_workload_whose_config_map_is_missing_is_named() -> None:
    missing = "druid-loopback-cold-config"
    children = [o for o in rendered_sample() if o["metadata"]["name"] != missing]
    with pytest.raises(NotADruid, match=f"{missing} is not among the objects"):
        read_pods(children)


def test_no_workload_is_no_druid() -> None:
    with pytest.raises(NotADruid):
        read_pods([o for o in rendered_sample() if o["kind"] == "ConfigMap"])


def test_only_host_ports_neighbours_and_paths_differ() -> None:
    """The table is closed: no setting of Druid's behaviour is in it."""
    assert {
        "druid.host",
        "druid.bindOnHost",
        "druid.port",
        "druid.plaintextPort",
        "druid.zk.service.host",
        "druid.metadata.storage.connector.connectURI",
        "druid.metadata.storage.connector.host",
        "druid.metadata.storage.connector.port",
        "druid.extensions.directory",
        "druid.storage.storageDirectory",
        "druid.indexer.logs.directory",
        "druid.worker.baseTaskDirs",
        "druid.indexer.task.baseTaskDir",
        "druid.segmentCache.locations",
        "java.io.tmpdir",
        "derby.stream.error.file",
    } == {override.key for override in OVERRIDES}


def test_a_segment_cache_moves_and_keeps_its_size() -> None:
    moved = overrides(pod("historicals-0").properties, PLACEMENT)["druid.segmentCache.locations"]
    assert json.loads(moved) == [{"path": "/run/historicals-0/segment-cache-0", "maxSize": "1g"}]


def test_what_a_service_does_not_have_is_not_set() -> None:
    keys = overrides(pod("routers-0").properties, PLACEMENT).keys()
    assert not keys & {
        "druid.plaintextPort", "druid.segmentCache.locations", "druid.worker.baseTaskDirs",
    }  # fmt: skip


def test_a_second_name_of_the_port_follows_the_first() -> None:
    placed = overrides({**SMALLEST, "druid.plaintextPort": "8081"}, PLACEMENT)
    assert (placed["druid.port"], placed["druid.plaintextPort"]) == ("20001", "20001")


@pytest.mark.parametrize("key", SMALLEST)
def test_a_store_outside_of_this_machine_is_refused_by_name(key: str) -> None:
    with pytest.raises(NotPlaceable, match=key):
        overrides({**SMALLEST, key: "elsewhere"}, PLACEMENT)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a=b", {"a": "b"}),
        ("a = b = c", {"a": "b = c"}),
        ("a:b\nc d\ne", {"a": "b", "c": "d", "e": ""}),
        ("# no\n! no\n\n  a=b", {"a": "b"}),
        ("a=[1,\\\n   2]\nb=c", {"a": "[1,2]", "b": "c"}),
        ("a=1\na=2", {"a": "2"}),
    ],
)
def test_property_files_are_read_as_java_reads_them(text: str, expected: dict[str, str]) -> None:
    assert expected == parse(text)
