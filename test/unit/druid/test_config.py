"""The files in the two ConfigMaps: every line end is part of a hash in running pods."""

from __future__ import annotations

import base64
import json

import pytest

from druid_operator.api.v1alpha1.druid_types import ExtensionSpec
from druid_operator.internal.druid.config import extension_properties
from druid_operator.internal.druid.resolve import resolve


@pytest.mark.parametrize(
    ("cluster", "node", "expected"),
    [
        ({}, {}, "\n"),
        ({"jvm.options": "-c"}, {}, "-c\n"),
        ({"jvm.options": "-c"}, {"jvm.options": "-n"}, "-n\n"),
        ({"jvm.options": "-c"}, {"extra.jvm.options": "-x"}, "-c\n-x"),
        ({}, {"extra.jvm.options": "-x"}, "\n-x"),
    ],
)
def test_jvm_config(broker, cluster, node, expected):
    assert broker(cluster, node).config["jvm.config"] == expected


def test_runtime_properties_begin_with_the_port(broker):
    node = broker(node={"runtime.properties": "a=1\n", "druid.port": 8182})
    assert node.config["runtime.properties"] == "druid.port=8182\na=1\n"


@pytest.mark.parametrize(
    ("cluster", "node", "expected"),
    [
        ({}, {}, None),
        ({"log4j.config": "c"}, {}, "c"),
        ({"log4j.config": "c"}, {"log4j.config": "n"}, "n"),
        ({"log4j.config": "c"}, {"log4j.config": ""}, "c"),
    ],
)
def test_log4j_is_there_only_when_given(broker, cluster, node, expected):
    assert broker(cluster, node).config.get("log4j2.xml") == expected


def test_optional_files_are_there_only_when_not_empty(make_druid):
    spec = {"metricDimensions.json": "{}", "hdfs-site.xml": ""}
    assert set(resolve(make_druid(spec)).common_config) == {
        "common.runtime.properties",
        "metricDimensions.json",
    }


def test_extensions_are_appended_in_a_fixed_order(make_druid):
    def extension(text):
        return {"type": "default", "spec": {"properties": text}}

    spec = {
        "deepStorage": extension("d"),
        "metadataStore": extension("m"),
        "zookeeper": extension("z"),
    }
    config = resolve(make_druid(spec)).common_config
    assert config["common.runtime.properties"] == "a=b\nz\n\nm\n\nd\n"


def test_an_extension_may_be_base64_as_the_go_crd_wants_it():
    text = base64.b64encode(json.dumps({"properties": "a=b"}).encode()).decode()
    assert extension_properties(ExtensionSpec(type="default", spec=text)) == "a=b"


@pytest.mark.parametrize(
    ("type_", "spec", "message"),
    [
        ("zk", {"properties": "x"}, "only `default` exists"),
        ("default", "not base64!", "no base64 of a JSON object"),
        ("default", base64.b64encode(b"{").decode(), "no base64 of a JSON object"),
        ("default", ["x"], "spec must be an object"),
        ("default", {"properties": 1}, "spec must be an object"),
    ],
)
def test_an_extension_that_nobody_can_read_says_why(type_, spec, message):
    with pytest.raises(ValueError, match=message):
        extension_properties(ExtensionSpec(type=type_, spec=spec))
