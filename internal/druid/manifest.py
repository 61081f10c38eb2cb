"""A child object as it is to be, with its place in the rollout."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from druid_operator.api.v1alpha1 import DRUID
from druid_operator.api.v1alpha1.keys import GO_HASH_ANNOTATION
from druid_operator.internal.druid.canonical import canonical
from druid_operator.internal.druid.go_hash import object_hash
from druid_operator.internal.druid.order import wave_of
from druid_operator.internal.druid.resolved import ResolvedCluster, ResolvedNode
from druid_operator.pkg.meta import JSON, NamespacedName, Resource, owner_reference


@attrs.frozen(kw_only=True)
class Manifest:
    """One child.

    Args:
        resource: its kind.
        object: the whole intent, in the form the API server stores (see
            :func:`~druid_operator.internal.druid.canonical.canonical`): no status, no zero values,
            with ``druidOpResourceHash`` and, when the cluster's uid is known, its owner reference.
        node: key in ``spec.nodes``; empty for what the whole cluster shares.
        wave: place in the rollout, see :mod:`~druid_operator.internal.druid.order`; 0 comes first.
    """

    resource: Resource
    object: JSON
    node: str = ""
    wave: int = 0

    @property
    def key(self) -> NamespacedName:
        return NamespacedName.of(self.object)

    @property
    def name(self) -> str:
        return str(self.object["metadata"]["name"])

    def __str__(self) -> str:
        return f"{self.resource.kind} {self.key}"


def metadata_of(template: JSON) -> dict[str, Any]:
    """What a user's object may add to its metadata; its name and namespace are decided by us."""
    given = template.get("metadata") or {}
    return {key: value for key, value in given.items() if key not in ("name", "namespace")}


def child(
    cluster: ResolvedCluster,
    resource: Resource,
    name: str,
    content: Mapping[str, Any],
    *,
    labels: Mapping[str, str],
    node: ResolvedNode | None = None,
    metadata: Mapping[str, Any] | None = None,
    sent_replicas: bool = True,
    owned: bool = True,
) -> Manifest:
    """Put metadata, owner and hash around the content of a child.

    Args:
        content: the object's fields beside ``apiVersion``, ``kind`` and ``metadata``.
        metadata: metadata beside name, namespace and labels.
        sent_replicas: false leaves ``spec.replicas`` to an autoscaler.
        owned: false makes no owner reference, so that the child outlives the cluster.

    What is left out is hashed all the same: the hash is that of the object the Go operator would
    store, so that it finds nothing to do should the cluster return to it.
    """
    obj: JSON = {
        "apiVersion": resource.api_version,
        "kind": resource.kind,
        "metadata": {
            "name": name,
            "namespace": cluster.namespace,
            "labels": dict(labels),
            **(metadata or {}),
        },
        **content,
    }
    if cluster.uid:
        obj["metadata"]["ownerReferences"] = [
            *obj["metadata"].get("ownerReferences", ()),
            owner_reference(DRUID.gvk, cluster.name, cluster.uid),
        ]
    annotations = obj["metadata"].get("annotations") or {}
    obj["metadata"]["annotations"] = {**annotations, GO_HASH_ANNOTATION: object_hash(obj)}
    sent = canonical(obj)
    if not sent_replicas:
        del sent["spec"]["replicas"]
    if not owned:
        sent["metadata"].pop("ownerReferences", None)
    return Manifest(
        resource=resource,
        object=sent,
        node=node.key if node else "",
        wave=wave_of(node.node_type) if node else 0,
    )
