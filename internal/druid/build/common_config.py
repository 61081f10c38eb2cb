"""The ConfigMap with the files that all services of a cluster share."""

from __future__ import annotations

from collections.abc import Iterator

from druid_operator.internal.druid import names
from druid_operator.internal.druid.manifest import Manifest, child
from druid_operator.internal.druid.resolved import ResolvedCluster
from druid_operator.pkg.scheme.builtin import CONFIG_MAP


def build_common_config(cluster: ResolvedCluster) -> Iterator[Manifest]:
    yield child(
        cluster,
        CONFIG_MAP,
        names.common_config_name(cluster.name),
        {"data": cluster.common_config},
        labels=names.cluster_labels(cluster.name),
    )
