"""The pod template of a node group.

A changed template restarts pods, and "absent" and "empty" are different templates. What the Go
operator always sends (``affinity: {}``, the order of lists) is therefore sent as well.
"""

from __future__ import annotations

from typing import Any

from druid_operator.api.v1alpha1.druid_types import AdditionalContainer
from druid_operator.internal.druid import names
from druid_operator.internal.druid.resolved import ResolvedCluster, ResolvedNode
from druid_operator.pkg.meta import JSON


def pod_template(cluster: ResolvedCluster, node: ResolvedNode) -> JSON:
    pod = node.pod
    sidecars = [_additional(c) for c in pod.additional_containers if not c.run_as_init]
    init = [_additional(c) for c in pod.additional_containers if c.run_as_init]
    return {
        "metadata": {"labels": dict(node.labels), "annotations": pod.annotations},
        "spec": {
            "volumes": _volumes(cluster, node),
            "initContainers": init,
            "containers": [_druid_container(cluster, node), *sidecars],
            "terminationGracePeriodSeconds": pod.termination_grace_period_seconds,
            "dnsPolicy": pod.dns_policy,
            "nodeSelector": pod.node_selector,
            "serviceAccountName": pod.service_account_name,
            "securityContext": pod.security_context,
            "imagePullSecrets": pod.image_pull_secrets,
            "affinity": pod.affinity,
            "tolerations": list(pod.tolerations),
            "priorityClassName": pod.priority_class_name,
            "dnsConfig": pod.dns_config,
            "topologySpreadConstraints": pod.topology_spread_constraints,
        },
    }


def _druid_container(cluster: ResolvedCluster, node: ResolvedNode) -> JSON:
    pod = node.pod
    return {
        "name": node.unique_name,
        "image": pod.image,
        "command": list(pod.command),
        "ports": [*pod.ports, {"name": names.CONTAINER_PORT_NAME, "containerPort": node.port}],
        "envFrom": pod.env_from,
        "env": [*pod.env, {"name": names.CONFIG_SHA_ENV, "value": node.config_sha}],
        "resources": pod.resources,
        "volumeMounts": _volume_mounts(cluster, node),
        "livenessProbe": pod.probes.liveness,
        "readinessProbe": pod.probes.readiness,
        "startupProbe": pod.probes.startup,
        "lifecycle": pod.lifecycle,
        "imagePullPolicy": pod.image_pull_policy,
        "securityContext": pod.container_security_context,
    }


def _additional(container: AdditionalContainer) -> JSON:
    return {
        "name": container.container_name,
        "image": container.image,
        "command": container.command,
        "args": container.args,
        "envFrom": container.env_from,
        "env": container.env,
        "resources": container.resources,
        "volumeMounts": container.volume_mounts,
        "imagePullPolicy": container.image_pull_policy,
        "securityContext": container.security_context,
    }


def _volumes(cluster: ResolvedCluster, node: ResolvedNode) -> list[JSON]:
    common = names.common_config_name(cluster.name)
    own = names.node_config_name(node.unique_name)
    return [
        {"name": names.COMMON_CONFIG_VOLUME, "configMap": {"name": common}},
        {"name": names.NODE_CONFIG_VOLUME, "configMap": {"name": own}},
        *node.pod.volumes,
    ]


def _volume_mounts(cluster: ResolvedCluster, node: ResolvedNode) -> list[JSON]:
    def mount(name: str, path: str) -> dict[str, Any]:
        return {"name": name, "readOnly": True, "mountPath": path}

    return [
        mount(names.COMMON_CONFIG_VOLUME, cluster.common_config_mount_path),
        mount(names.NODE_CONFIG_VOLUME, node.config_mount_path),
        *node.pod.volume_mounts,
    ]
