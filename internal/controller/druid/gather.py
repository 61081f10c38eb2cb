"""All that one pass reads, read once: from the cache, without a request while nothing changed."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from druid_operator.internal.controller.druid.children import CHILD_KINDS
from druid_operator.internal.druid.names import cluster_labels
from druid_operator.pkg.apply import ChildId
from druid_operator.pkg.client import Reader
from druid_operator.pkg.meta import JSON, NamespacedName, Resource
from druid_operator.pkg.scheme.builtin import PERSISTENT_VOLUME_CLAIM, POD


@attrs.frozen(kw_only=True)
class Observed:
    """The world at the start of a pass.

    Args:
        druid: as stored.
        children: by kind and key, whatever carries the cluster's labels, also what is not ours.
        pods: the cluster's, sorted by name.
    """

    druid: JSON
    children: Mapping[ChildId, JSON]
    pods: tuple[JSON, ...]

    @property
    def key(self) -> NamespacedName:
        return NamespacedName.of(self.druid)

    def of_kind(self, resource: Resource) -> tuple[JSON, ...]:
        """Children of one kind, sorted by name."""
        found = ((id_.key, obj) for id_, obj in self.children.items() if id_.resource == resource)
        return tuple(obj for _, obj in sorted(found, key=lambda item: item[0]))

    @property
    def claims(self) -> tuple[JSON, ...]:
        return self.of_kind(PERSISTENT_VOLUME_CLAIM)


async def gather(reader: Reader, druid: JSON) -> Observed:
    """Read the children and pods of a cluster by their labels."""
    key = NamespacedName.of(druid)
    labels = cluster_labels(key.name)
    children: dict[ChildId, JSON] = {}
    for resource in CHILD_KINDS:
        for obj in await reader.list(resource, namespace=key.namespace, labels=labels):
            children[ChildId(resource, NamespacedName.of(obj))] = obj
    pods = await reader.list(POD, namespace=key.namespace, labels=labels)
    return Observed(
        druid=druid,
        children=children,
        pods=tuple(sorted(pods, key=lambda p: p["metadata"]["name"])),
    )
