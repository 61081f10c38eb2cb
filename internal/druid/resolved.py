"""A Druid cluster with every default, merge and reference settled: all that building needs.

The values are those of the user's object, not copies: nothing here may be changed in place.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import attrs

from druid_operator.api.v1alpha1.druid_types import AdditionalContainer
from druid_operator.pkg.errors import FieldError
from druid_operator.pkg.meta import JSON

WorkloadKind = Literal["StatefulSet", "Deployment"]


@attrs.frozen(kw_only=True)
class ResolvedProbes:
    """The probes of a Druid container; ``None`` where it has none."""

    liveness: JSON | None = None
    readiness: JSON | None = None
    startup: JSON | None = None


@attrs.frozen(kw_only=True)
class ResolvedPod:
    """The pods of one node group. ``None`` means that the field is not sent.

    Args:
        env: without ``configMapSHA``.
        ports: without the Druid port.
        volumes, volume_mounts: without those of the two ConfigMaps.
        affinity: never absent: the Go operator sends ``{}``, and the pod template must not change.
    """

    image: str
    command: tuple[str, ...]
    image_pull_policy: str = ""
    env: Sequence[JSON] = ()
    env_from: Sequence[JSON] | None = None
    ports: Sequence[JSON] = ()
    resources: JSON | None = None
    lifecycle: JSON | None = None
    probes: ResolvedProbes = attrs.field(factory=ResolvedProbes)
    container_security_context: JSON | None = None
    volumes: Sequence[JSON] = ()
    volume_mounts: Sequence[JSON] = ()
    additional_containers: Sequence[AdditionalContainer] = ()
    annotations: Mapping[str, str] | None = None
    node_selector: Mapping[str, str] | None = None
    affinity: JSON = attrs.field(factory=dict)
    tolerations: Sequence[JSON] = ()
    topology_spread_constraints: Sequence[JSON] | None = None
    termination_grace_period_seconds: int | None = None
    priority_class_name: str = ""
    service_account_name: str = ""
    image_pull_secrets: Sequence[JSON] | None = None
    security_context: JSON | None = None
    dns_policy: str = ""
    dns_config: JSON | None = None


@attrs.frozen(kw_only=True)
class ResolvedService:
    """A Service of a node group: its final name, and the object that the user gave."""

    name: str
    template: JSON


@attrs.frozen(kw_only=True)
class ResolvedClaim:
    """A claim that belongs to no pod."""

    name: str
    template: JSON


@attrs.frozen(kw_only=True)
class ResolvedNode:
    """One group of equal Druid processes.

    Args:
        key: its key in ``spec.nodes``.
        unique_name: ``druid-<cluster>-<key>``, the name of most of its children.
        labels: labels of its pods; also the selector.
        config: data of its own ConfigMap.
        config_sha: value of the pods' ``configMapSHA``.
        claim_templates: empty for Deployments.
        autoscaler: spec of its autoscaler. The number of replicas is then not ours.
    """

    key: str
    unique_name: str
    node_type: str
    kind: WorkloadKind
    port: int
    replicas: int
    labels: Mapping[str, str]
    config: Mapping[str, str]
    config_mount_path: str
    config_sha: str = ""
    pod: ResolvedPod
    workload_annotations: Mapping[str, str] = attrs.field(factory=dict)
    update_strategy: JSON | None = None
    pod_management_policy: str
    max_surge: int | None = None
    max_unavailable: int | None = None
    claim_templates: Sequence[JSON] = ()
    services: tuple[ResolvedService, ...] = ()
    claims: tuple[ResolvedClaim, ...] = ()
    disruption_budget: JSON | None = None
    autoscaler: JSON | None = None
    ingress: JSON | None = None
    ingress_annotations: Mapping[str, str] | None = None


@attrs.frozen(kw_only=True)
class ResolvedCluster:
    """One ``Druid``.

    Args:
        uid: of the ``Druid``; empty when it was never stored (rendering from a file).
        common_config: data of the ConfigMap that all services share.
        keeps_claims: the claims outlive the cluster.
        nodes: in rollout order.
        warnings: what is accepted and will not do what it says, for the user to read.
    """

    name: str
    namespace: str
    uid: str
    common_config: Mapping[str, str]
    common_config_mount_path: str
    keeps_claims: bool
    nodes: tuple[ResolvedNode, ...]
    warnings: tuple[FieldError, ...] = ()

    def node(self, key: str) -> ResolvedNode:
        """Raises ``KeyError`` when the cluster has no such node group."""
        for node in self.nodes:
            if node.key == key:
                return node
        raise KeyError(key)

    def with_config_sha(self, values: Mapping[str, str]) -> ResolvedCluster:
        """The cluster with other values of ``configMapSHA``, by node key."""
        return attrs.evolve(
            self,
            nodes=tuple(
                attrs.evolve(n, config_sha=values.get(n.key, n.config_sha)) for n in self.nodes
            ),
        )
