"""From a ``Druid`` to a :class:`ResolvedCluster`: every merge rule between cluster and node group.

The rules differ from field to field, and stored objects rely on each of them:

* *replace*: the node's value if there is one, an explicit empty list or map included;
* *text*: the node's text if it is not empty;
* *concat*: the cluster's items, then the node's;
* *merge*: key by key, the node wins.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from druid_operator.api.v1alpha1 import Druid, DruidNodeSpec, DruidSpec
from druid_operator.internal.druid import names
from druid_operator.internal.druid.config import (
    common_config,
    extension_properties,
    node_config,
)
from druid_operator.internal.druid.config_sha import config_sha
from druid_operator.internal.druid.order import rollout_key
from druid_operator.internal.druid.probes import default_probes, with_port
from druid_operator.internal.druid.resolved import (
    ResolvedClaim,
    ResolvedCluster,
    ResolvedNode,
    ResolvedPod,
    ResolvedProbes,
    ResolvedService,
    WorkloadKind,
)
from druid_operator.internal.druid.validate import check, warn
from druid_operator.pkg.meta import JSON, NamespacedName

T = TypeVar("T")

# What the Go code falls back to where the CRD's default is not applied (an empty text).
_START_SCRIPT = "bin/run-druid.sh"
_COMMON_MOUNT_PATH = "/druid/conf/druid/_common"
_NODE_MOUNT_PATH = "/druid/conf/druid/{node_type}"


def extra_config_refs(druid: Druid) -> tuple[NamespacedName, ...]:
    """The ConfigMaps that ``spec.extraCommonConfig`` names; no namespace means the object's own."""
    own = druid.metadata.get("namespace") or ""
    return tuple(
        NamespacedName(ref.get("namespace") or own, ref.get("name") or "")
        for ref in druid.spec.extra_common_config or ()
    )


def resolve(
    druid: Druid, extra_config: Mapping[NamespacedName, Mapping[str, str]] | None = None
) -> ResolvedCluster:
    """Settle defaults, merges and references. The object is not changed.

    Args:
        druid: with the CRD's defaults applied, as the API server stores it.
        extra_config: ``data`` of the ConfigMaps named by :func:`extra_config_refs`.

    Raises:
        InvalidObject: with one JSON path per fault, all faults at once.
    """
    extra = extra_config or {}
    check(druid, extra_config_refs(druid), extra)
    spec, meta = druid.spec, druid.metadata
    name, namespace = str(meta["name"]), str(meta.get("namespace") or "")
    extensions = [
        extension_properties(extension)
        for extension in (spec.zookeeper, spec.metadata_store, spec.deep_storage)
        if extension is not None
    ]
    nodes = sorted(spec.nodes.items(), key=lambda item: rollout_key(item[1].node_type, item[0]))
    cluster = ResolvedCluster(
        name=name,
        namespace=namespace,
        uid=str(meta.get("uid") or ""),
        common_config=common_config(
            spec, [extra[ref] for ref in extra_config_refs(druid)], extensions
        ),
        common_config_mount_path=spec.common_config_mount_path or _COMMON_MOUNT_PATH,
        keeps_claims=bool(spec.disable_pvc_deletion_finalizer),
        nodes=tuple(_node(name, key, spec, node) for key, node in nodes),
        warnings=warn(druid),
    )
    return cluster.with_config_sha({n.key: config_sha(cluster, n) for n in cluster.nodes})


def _node(cluster: str, key: str, spec: DruidSpec, node: DruidNodeSpec) -> ResolvedNode:
    unique = names.unique_name(cluster, key)
    kind: WorkloadKind = "Deployment" if node.kind == "Deployment" else "StatefulSet"
    pod_labels = _merge(spec.pod_labels, node.pod_labels)
    return ResolvedNode(
        key=key,
        unique_name=unique,
        node_type=node.node_type,
        kind=kind,
        port=node.druid_port,
        replicas=node.replicas or 0,
        labels=names.node_labels(cluster, unique, node.node_type, pod_labels),
        config=node_config(spec, node),
        config_mount_path=node.node_config_mount_path
        or _NODE_MOUNT_PATH.format(node_type=node.node_type),
        pod=_pod(spec, node),
        workload_annotations=_merge(spec.workload_annotations, node.workload_annotations),
        update_strategy=_replace(node.update_strategy, spec.update_strategy),
        pod_management_policy=_text(node.pod_management_policy, spec.pod_management_policy)
        or "Parallel",
        max_surge=node.max_surge,
        max_unavailable=node.max_unavailable,
        claim_templates=()
        if kind == "Deployment"
        else _concat(spec.volume_claim_templates, node.volume_claim_templates),
        services=tuple(
            ResolvedService(name=names.service_name(_name_in(template), unique), template=template)
            for template in _replace(node.services, spec.services) or ()
        ),
        claims=tuple(
            ResolvedClaim(name=names.claim_name(_name_in(template), unique), template=template)
            for template in node.persistent_volume_claim or ()
        ),
        disruption_budget=node.pod_disruption_budget_spec,
        autoscaler=node.hp_autoscaler,
        ingress=node.ingress,
        ingress_annotations=node.ingress_annotations,
    )


def _pod(spec: DruidSpec, node: DruidNodeSpec) -> ResolvedPod:
    return ResolvedPod(
        image=_text(node.image, spec.image),
        command=(spec.start_script or _START_SCRIPT, node.node_type),
        image_pull_policy=_text(node.image_pull_policy, spec.image_pull_policy),
        env=_replace(node.env, spec.env) or (),
        env_from=_replace(node.env_from, spec.env_from),
        ports=node.ports or (),
        resources=node.resources,
        lifecycle=node.lifecycle,
        probes=_probes(spec, node),
        container_security_context=_replace(
            node.container_security_context, spec.container_security_context
        ),
        volumes=_concat(spec.volumes, node.volumes),
        volume_mounts=_concat(spec.volume_mounts, node.volume_mounts),
        additional_containers=_concat(spec.additional_container, node.additional_container),
        annotations=_replace(node.pod_annotations, spec.pod_annotations),
        node_selector=_replace(node.node_selector, spec.node_selector),
        affinity=_replace(node.affinity, spec.affinity) or {},
        tolerations=_concat(spec.tolerations, node.tolerations),
        topology_spread_constraints=node.topology_spread_constraints,
        termination_grace_period_seconds=node.termination_grace_period_seconds,
        priority_class_name=_text(node.priority_class_name, spec.priority_class_name),
        service_account_name=_text(node.service_account_name, spec.service_account),
        image_pull_secrets=_replace(node.image_pull_secrets, spec.image_pull_secrets),
        security_context=_replace(node.security_context, spec.security_context),
        dns_policy=_text(node.dns_policy, spec.dns_policy),
        dns_config=_replace(node.dns_config, spec.dns_config),
    )


def _probes(spec: DruidSpec, node: DruidNodeSpec) -> ResolvedProbes:
    port = node.druid_port
    defaults = default_probes(node.node_type, port) if spec.default_probes else ResolvedProbes()

    def probe(node: JSON | None, cluster: JSON | None, default: JSON | None) -> JSON | None:
        given = _replace(node, cluster)
        return default if given is None else with_port(given, port)

    return ResolvedProbes(
        liveness=probe(node.liveness_probe, spec.liveness_probe, defaults.liveness),
        readiness=probe(node.readiness_probe, spec.readiness_probe, defaults.readiness),
        startup=probe(node.startup_probe, spec.startup_probe, defaults.startup),
    )


def _replace(node: T | None, cluster: T | None) -> T | None:
    return cluster if node is None else node


def _text(node: str | None, cluster: str | None) -> str:
    return node or cluster or ""


def _concat(cluster: Sequence[T] | None, node: Sequence[T] | None) -> tuple[T, ...]:
    return (*(cluster or ()), *(node or ()))


def _merge(cluster: Mapping[str, str] | None, node: Mapping[str, str] | None) -> dict[str, str]:
    return {**(cluster or {}), **(node or {})}


def _name_in(template: Mapping[str, Any]) -> str:
    return str((template.get("metadata") or {}).get("name") or "")
