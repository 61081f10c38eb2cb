"""Names and labels: fixed by the clusters that already run."""

from __future__ import annotations

import pytest

from druid_operator.internal.druid import names


@pytest.mark.parametrize(
    ("template", "name"),
    [
        ("", "druid-c-brokers"),
        ("broker-%s-service", "broker-druid-c-brokers-service"),
        ("%s", "druid-c-brokers"),
        ("plain", "plain"),
        ("%s-%s", "druid-c-brokers-druid-c-brokers"),
    ],
)
def test_service_name(template, name):
    assert names.service_name(template, "druid-c-brokers") == name


def test_the_common_config_map_is_prefixed_with_the_bare_cluster_name():
    assert names.common_config_name("c") == "c-druid-common-config"
    assert names.node_config_name(names.unique_name("c", "hot")) == "druid-c-hot-config"


def test_our_labels_win_over_the_users():
    users = {
        "app": "mine",
        "component": "x",
        "nodeSpecUniqueStr": "y",
        "druid_cr": "z",
        "team": "t",
    }
    assert names.node_labels("c", "druid-c-hot", "historical", users) == {
        "team": "t",
        "app": "druid",
        "druid_cr": "c",
        "nodeSpecUniqueStr": "druid-c-hot",
        "component": "historical",
    }
    assert users["app"] == "mine"
