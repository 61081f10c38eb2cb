"""Names and labels of a cluster's children, as the Go operator gives them.

Selectors, claim names and service names cannot be changed on a live object: every rule here is
fixed by the clusters that already run.
"""

from __future__ import annotations

from collections.abc import Mapping

from druid_operator.api.v1alpha1.keys import (
    APP_VALUE,
    LABEL_APP,
    LABEL_CLUSTER,
    LABEL_COMPONENT,
    LABEL_NODE,
)

#: The port that is added to every Druid container, and the one of a Service that names none.
CONTAINER_PORT_NAME = "druid-port"
SERVICE_PORT_NAME = "service-port"

COMMON_CONFIG_VOLUME = "common-config-volume"
NODE_CONFIG_VOLUME = "nodetype-config-volume"

#: The environment variable that restarts pods when their configuration changes.
CONFIG_SHA_ENV = "configMapSHA"


def unique_name(cluster: str, node_key: str) -> str:
    """The name of a node group's workload, budget, autoscaler, ingress and main container."""
    return f"druid-{cluster}-{node_key}"


def common_config_name(cluster: str) -> str:
    return f"{cluster}-druid-common-config"


def node_config_name(unique: str) -> str:
    return f"{unique}-config"


def service_name(template: str, unique: str) -> str:
    """``%s`` in the template stands for the unique name; without a template that name itself.

    A template without ``%s`` is a plain name. (The Go operator makes an invalid name of it.)
    """
    return template.replace("%s", unique) if template else unique


def claim_name(name: str, unique: str) -> str:
    """The name of a claim that belongs to no pod."""
    return name or unique


def cluster_labels(cluster: str) -> dict[str, str]:
    """What every child carries, and what a child of this cluster is found by."""
    return {LABEL_APP: APP_VALUE, LABEL_CLUSTER: cluster}


def node_labels(
    cluster: str, unique: str, node_type: str, pod_labels: Mapping[str, str]
) -> dict[str, str]:
    """Labels and selector of a node group's pods; the user's never win over ours."""
    return {
        **pod_labels,
        **cluster_labels(cluster),
        LABEL_NODE: unique,
        LABEL_COMPONENT: node_type,
    }
