"""What makes a ``Druid`` impossible to run, found before anything is written; every fault at once.

Only what can never work is a fault. Whatever the Go operator ran goes on running: what is doubtful
is a warning.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from druid_operator.api.v1alpha1 import Druid, DruidNodeSpec, DruidSpec
from druid_operator.api.v1alpha1.druid_types import NODE_TYPES, ExtensionSpec
from druid_operator.internal.druid import names
from druid_operator.internal.druid.config import extension_properties
from druid_operator.pkg.errors import FieldError, InvalidObject
from druid_operator.pkg.meta import NamespacedName

T = TypeVar("T")

#: A label's value, a container's name and a Service's name have at most 63 characters.
MAX_LABEL = 63
#: A StatefulSet's pods carry the revision as a label: its name, a dash, up to 10 characters.
MAX_STATEFUL_SET_NAME = MAX_LABEL - 11

_DNS_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_SERVICE_NAME = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
_WORKLOAD_KINDS = ("StatefulSet", "Deployment")

#: The condition reason when all that is missing is an object that the spec refers to.
REFERENCE_NOT_FOUND = "ReferenceNotFound"


def check(
    druid: Druid, extra_refs: Sequence[NamespacedName], found: Collection[NamespacedName]
) -> None:
    """Raise :class:`InvalidObject` with everything that is wrong.

    Args:
        extra_refs: the ConfigMaps of ``spec.extraCommonConfig``, in its order.
        found: those that exist. One that is missing is a fault: a cluster rendered without it would
            restart with half of its configuration.
    """
    faults = [*_cluster_faults(druid), *_node_faults(druid), *_name_clashes(druid)]
    missing = [
        FieldError(f"spec.extraCommonConfig[{i}]", f"ConfigMap {ref} does not exist")
        for i, ref in enumerate(extra_refs)
        if ref not in found
    ]
    if faults:
        raise InvalidObject([*faults, *missing])
    if missing:
        raise InvalidObject(missing, reason=REFERENCE_NOT_FOUND)


def warn(druid: Druid) -> tuple[FieldError, ...]:
    """What is accepted, as the Go operator did, but will not do what it says."""
    cluster = str(druid.metadata["name"])
    warnings: list[FieldError] = []
    for key, node in druid.spec.nodes.items():
        path = f"spec.nodes[{key}]"
        unique = names.unique_name(cluster, key)
        if node.kind == "Deployment" and (
            node.volume_claim_templates or druid.spec.volume_claim_templates
        ):
            warnings.append(
                FieldError(f"{path}.volumeClaimTemplates", "ignored: a Deployment has no claims")
            )
        if node.kind != "Deployment" and len(unique) > MAX_STATEFUL_SET_NAME:
            message = (
                f"{unique} is longer than {MAX_STATEFUL_SET_NAME} characters: with the revision's "
                f"hash it may not fit into a label, and then no pod is created"
            )
            warnings.append(FieldError(path, message))
    return tuple(warnings)


def _cluster_faults(druid: Druid) -> Iterator[FieldError]:
    name = str(druid.metadata["name"])
    if not _DNS_LABEL.fullmatch(name) or len(name) > MAX_LABEL:
        yield FieldError(
            "metadata.name",
            f"{name!r} becomes part of container names: lower-case letters, digits and `-`, "
            f"at most {MAX_LABEL} characters",
        )
    extensions: dict[str, ExtensionSpec | None] = {
        "zookeeper": druid.spec.zookeeper,
        "metadataStore": druid.spec.metadata_store,
        "deepStorage": druid.spec.deep_storage,
    }
    for field, extension in extensions.items():
        try:
            if extension is not None:
                extension_properties(extension)
        except ValueError as error:
            yield FieldError(f"spec.{field}", str(error))


def _node_faults(druid: Druid) -> Iterator[FieldError]:
    for key, node in druid.spec.nodes.items():
        path = f"spec.nodes[{key}]"
        unique = names.unique_name(str(druid.metadata["name"]), key)
        yield from _key_faults(path, key, unique, node)
        yield from _field_faults(path, druid.spec, node)
        yield from _container_faults(path, unique, druid.spec, node)
        yield from _mount_faults(path, druid.spec, node)


def _key_faults(path: str, key: str, unique: str, node: DruidNodeSpec) -> Iterator[FieldError]:
    if not _DNS_LABEL.fullmatch(key):
        yield FieldError(path, "a key has lower-case letters, digits and `-`, no `-` at its ends")
    longest = unique
    if node.kind != "Deployment":
        longest = f"{unique}-{max((node.replicas or 0) - 1, 0)}"
    if len(longest) > MAX_LABEL:
        yield FieldError(
            path, f"{longest} has {len(longest)} characters; a label holds at most {MAX_LABEL}"
        )


def _field_faults(path: str, spec: DruidSpec, node: DruidNodeSpec) -> Iterator[FieldError]:
    if node.node_type not in NODE_TYPES:
        yield FieldError(
            f"{path}.nodeType", f"{node.node_type!r} is none of {', '.join(NODE_TYPES)}"
        )
    if not 1 <= node.druid_port <= 65535:
        yield FieldError(f"{path}.druid.port", f"{node.druid_port} is outside 1-65535")
    if not (node.image or spec.image):
        yield FieldError(f"{path}.image", "no image here and none in spec.image")
    if node.kind and node.kind not in _WORKLOAD_KINDS:
        yield FieldError(
            f"{path}.kind",
            f"{node.kind!r} is neither StatefulSet nor Deployment, as they are spelled. The Go "
            f"operator ran it as a StatefulSet; write StatefulSet to keep that",
        )
    if (node.replicas or 0) < 0:
        yield FieldError(f"{path}.replicas", "must not be negative")


def _container_faults(
    path: str, unique: str, spec: DruidSpec, node: DruidNodeSpec
) -> Iterator[FieldError]:
    listed = (
        *_indexed("spec.additionalContainer", spec.additional_container),
        *_indexed(f"{path}.additionalContainer", node.additional_container),
    )
    seen = {unique: "the Druid container"}
    for where, container in listed:
        other = seen.setdefault(container.container_name, where)
        if other != where:
            name = container.container_name
            yield FieldError(f"{where}.containerName", f"{name!r} is already the name of {other}")


def _mount_faults(path: str, spec: DruidSpec, node: DruidNodeSpec) -> Iterator[FieldError]:
    """Mounts of a Deployment that name a claim template: the API server refuses such pods."""
    if node.kind != "Deployment":
        return
    volumes = {v.get("name") for v in (*(spec.volumes or ()), *(node.volumes or ()))}
    templates = {
        _name_in(t)
        for t in (*(spec.volume_claim_templates or ()), *(node.volume_claim_templates or ()))
    } - volumes
    mounts = (
        *_indexed("spec.volumeMounts", spec.volume_mounts),
        *_indexed(f"{path}.volumeMounts", node.volume_mounts),
    )
    for where, mount in mounts:
        if mount.get("name") in templates:
            yield FieldError(
                where,
                f"{mount['name']!r} is a claim template, and a Deployment ({path}) has none",
            )


def _name_clashes(druid: Druid) -> Iterator[FieldError]:
    """Two children of one kind and name: they would overwrite one another on every pass."""
    services: list[tuple[str, str]] = []
    claims: list[tuple[str, str]] = []
    for key, node in druid.spec.nodes.items():
        unique = names.unique_name(str(druid.metadata["name"]), key)
        owner = "spec" if node.services is None else f"spec.nodes[{key}]"
        templates = druid.spec.services if node.services is None else node.services
        for where, template in _indexed(f"{owner}.services", templates):
            path = f"{where}.metadata.name"
            name = names.service_name(_name_in(template), unique)
            services.append((path, name))
            if not _SERVICE_NAME.fullmatch(name) or len(name) > MAX_LABEL:
                yield FieldError(
                    path,
                    f"{name!r} is no Service name: at most {MAX_LABEL} lower-case letters, digits "
                    f"and `-`, a letter first",
                )
        for where, template in _indexed(
            f"spec.nodes[{key}].persistentVolumeClaim", node.persistent_volume_claim
        ):
            name = names.claim_name(_name_in(template), unique)
            claims.append((f"{where}.metadata.name", name))
    for kind, found in (("Service", services), ("claim", claims)):
        counts = Counter(name for _, name in found)
        for path, name in dict.fromkeys(found):
            if counts[name] > 1:
                yield FieldError(path, f"{counts[name]} {kind}s would have the name {name!r}")


def _indexed(path: str, items: Sequence[T] | None) -> Iterator[tuple[str, T]]:
    """The items, each with its JSON path."""
    return ((f"{path}[{i}]", item) for i, item in enumerate(items or ()))


def _name_in(template: Mapping[str, Any]) -> str:
    return str((template.get("metadata") or {}).get("name") or "")
