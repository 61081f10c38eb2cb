"""All that one pass reads before it decides: from the cache; Druid is asked by the flows."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from druid_operator.api.v1alpha1 import DRUID
from druid_operator.internal.controller.druidingestion.config_map import config_map_name
from druid_operator.pkg.apply import ChildId
from druid_operator.pkg.client import Reader
from druid_operator.pkg.errors import NotFound
from druid_operator.pkg.meta import JSON, NamespacedName, Resource
from druid_operator.pkg.scheme.builtin import CONFIG_MAP


@attrs.frozen(kw_only=True)
class Observed:
    """The cluster's side of the world at the start of a pass.

    Args:
        ingestion: as stored.
        cluster: the ``Druid`` it names; ``None`` if there is none.
        children: the ConfigMap with the document, if it is there.
    """

    ingestion: JSON
    cluster: JSON | None
    children: Mapping[ChildId, JSON]

    @property
    def key(self) -> NamespacedName:
        return NamespacedName.of(self.ingestion)

    @property
    def cluster_is_going(self) -> bool:
        if has_own_endpoint(self.ingestion):
            return False  # nothing here tells the end of a Druid elsewhere
        return self.cluster is None or bool(self.cluster["metadata"].get("deletionTimestamp"))


def has_own_endpoint(ingestion: JSON) -> bool:
    """Whether it says itself where Druid is; there may be no ``Druid`` object then."""
    spec = ingestion.get("spec") or {}
    return bool((spec.get("connection") or {}).get("url"))


def cluster_key(ingestion: JSON) -> NamespacedName:
    """The cluster that has the ingestion: where it was submitted, else where it is wanted.

    It is always in the object's own namespace.
    """
    name = (ingestion.get("status") or {}).get("druidCluster") or wanted_cluster(ingestion)
    return NamespacedName(ingestion["metadata"]["namespace"], name)


def wanted_cluster(ingestion: JSON) -> str:
    return str((ingestion.get("spec") or {}).get("druidCluster") or "")


async def gather(reader: Reader, ingestion: JSON) -> Observed:
    key = NamespacedName.of(ingestion)
    child = NamespacedName(key.namespace, config_map_name(key.name))
    found = await _find(reader, CONFIG_MAP, child)
    return Observed(
        ingestion=ingestion,
        cluster=await _find(reader, DRUID, cluster_key(ingestion)),
        children={ChildId(CONFIG_MAP, child): found} if found else {},
    )


async def _find(reader: Reader, resource: Resource, key: NamespacedName) -> JSON | None:
    try:
        return await reader.get(resource, key)
    except NotFound:
        return None
