"""Claims of a node group that belong to no pod: a shared cache, a volume of a Deployment."""

from __future__ import annotations

from collections.abc import Iterator

from druid_operator.internal.druid.manifest import Manifest, child
from druid_operator.internal.druid.resolved import ResolvedCluster
from druid_operator.pkg.scheme.builtin import PERSISTENT_VOLUME_CLAIM


def build_claims(cluster: ResolvedCluster) -> Iterator[Manifest]:
    """A claim that is to outlive the cluster has no owner: garbage collection would delete it."""
    for node in cluster.nodes:
        for claim in node.claims:
            yield child(
                cluster,
                PERSISTENT_VOLUME_CLAIM,
                claim.name,
                {"spec": claim.template.get("spec") or {}},
                labels=node.labels,
                owned=not cluster.keeps_claims,
                node=node,
            )
