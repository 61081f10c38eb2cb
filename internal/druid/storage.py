"""Which claims belong to a cluster: the ones that go with it.

A claim holds data, so labels alone do not prove anything: they can be copied by hand. A claim
counts as made from a template only if its name is the one that the StatefulSet controller gives.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from druid_operator.api.v1alpha1.keys import LABEL_NODE
from druid_operator.internal.druid import names
from druid_operator.pkg.meta import JSON


def template_names(druid: JSON, stateful_sets: Iterable[JSON]) -> Mapping[str, frozenset[str]]:
    """Names of the claim templates by node group (its unique name).

    From the spec and from the live StatefulSets: either may be gone, or be ahead of the other.
    Reads the object as it is stored, because an object that does not decode must be deletable too.
    """
    cluster = str(druid["metadata"]["name"])
    spec = _mapping(druid.get("spec"))
    shared = _names(spec.get("volumeClaimTemplates"))
    found: dict[str, frozenset[str]] = {}
    for key, node in _mapping(spec.get("nodes")).items():
        own = _names(_mapping(node).get("volumeClaimTemplates"))
        found[names.unique_name(cluster, key)] = shared | own
    for stateful_set in stateful_sets:
        unique = str(stateful_set["metadata"]["name"])
        live = _names(stateful_set["spec"].get("volumeClaimTemplates"))
        found[unique] = found.get(unique, frozenset()) | live
    return found


def claims_of_templates(
    cluster: str, claims: Iterable[JSON], templates: Mapping[str, frozenset[str]]
) -> tuple[JSON, ...]:
    """The claims that StatefulSets of the cluster made: ``<template>-<node group>-<ordinal>``.

    Args:
        cluster: name of the ``Druid``.
        claims: of its namespace.
        templates: see :func:`template_names`. A node group that is not in it was removed from the
            spec earlier; of its claims any template name will do.
    """
    required = names.cluster_labels(cluster)
    chosen = []
    for claim in claims:
        labels = claim["metadata"].get("labels") or {}
        unique = labels.get(LABEL_NODE) or ""
        if any(labels.get(key) != value for key, value in required.items()):
            continue
        if not unique.startswith(names.unique_name(cluster, "")):
            continue
        match = re.fullmatch(rf"(.+)-{re.escape(unique)}-\d+", claim["metadata"]["name"])
        known = templates.get(unique)
        if match and (known is None or match[1] in known):
            chosen.append(claim)
    return tuple(chosen)


def mounted(claims: Iterable[JSON], pods: Iterable[JSON]) -> tuple[str, ...]:
    """Names of the claims that a pod which has not ended still mounts, sorted."""
    used = {
        volume["persistentVolumeClaim"]["claimName"]
        for pod in pods
        if (pod.get("status") or {}).get("phase") not in ("Succeeded", "Failed")
        for volume in pod["spec"].get("volumes") or ()
        if "persistentVolumeClaim" in volume
    }
    return tuple(sorted(used & {claim["metadata"]["name"] for claim in claims}))


def _names(templates: Any) -> frozenset[str]:
    items: Sequence[Any] = templates if isinstance(templates, list) else ()
    return frozenset(
        str(name)
        for item in items
        if (name := _mapping(_mapping(item).get("metadata")).get("name"))
    )


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
