"""What the ConfigMaps of a cluster hold, and the objects as far as their hash needs them."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from druid_operator.api.v1alpha1 import DruidNodeSpec, DruidSpec
from druid_operator.api.v1alpha1.druid_types import ExtensionSpec
from druid_operator.pkg.meta import JSON

#: ``spec.<key>`` of the cluster: the name of the file, and the attribute that holds it.
_OPTIONAL_FILES = (
    ("metricDimensions.json", "metric_dimensions_json"),
    ("hdfs-site.xml", "hdfs_site_xml"),
    ("core-site.xml", "core_site_xml"),
)


def common_config(
    spec: DruidSpec, extra: Iterable[Mapping[str, str]], extensions: Iterable[str] = ()
) -> dict[str, str]:
    """The files that all services share.

    Args:
        extra: data of the ConfigMaps in ``extraCommonConfig``, in the order of the list. A later
            one wins, and also replaces the files made here: clusters rely on it.
        extensions: properties of ``zookeeper``, ``metadataStore`` and ``deepStorage``, in this
            order.
    """
    properties = spec.common_runtime_properties + "".join(f"\n{text}\n" for text in extensions)
    files = {"common.runtime.properties": properties}
    for name, attribute in _OPTIONAL_FILES:
        content = getattr(spec, attribute)
        if content:
            files[name] = content
    for data in extra:
        files.update(data)
    return files


def node_config(cluster: DruidSpec, node: DruidNodeSpec) -> dict[str, str]:
    """The files of one node group."""
    jvm = node.jvm_options or cluster.jvm_options or ""
    log4j = node.log4j_config or cluster.log4j_config
    files = {
        "runtime.properties": f"druid.port={node.druid_port}\n{node.runtime_properties}",
        # The line end stands even after empty options: it is part of the hash in every pod.
        "jvm.config": f"{jvm}\n{node.extra_jvm_options or ''}",
    }
    if log4j:
        files["log4j2.xml"] = log4j
    return files


def config_map(
    name: str, namespace: str, labels: Mapping[str, str], data: Mapping[str, str]
) -> JSON:
    """A ConfigMap without owner and annotations, as ``configMapSHA`` hashes it."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": namespace, "labels": dict(labels)},
        "data": dict(data),
    }


def extension_properties(extension: ExtensionSpec) -> str:
    """The properties in a ``zookeeper``, ``metadataStore`` or ``deepStorage``.

    The object form ``{"properties": ...}`` is what the Go operator's code reads, base64 of it what
    its CRD lets through. Raises ``ValueError`` saying what is wrong.
    """
    if extension.type != "default":
        raise ValueError(f"type {extension.type!r} is unknown: only `default` exists")
    spec = extension.spec
    if isinstance(spec, str):
        spec = _decoded(spec)
    properties = spec.get("properties", "") if isinstance(spec, dict) else None
    if not isinstance(properties, str):
        raise ValueError('spec must be an object {"properties": "<text>"}, or base64 of one')
    return properties


def _decoded(text: str) -> Any:
    try:
        return msgspec.json.decode(base64.b64decode(text, validate=True))
    except (binascii.Error, msgspec.DecodeError) as error:
        raise ValueError(f"spec is no base64 of a JSON object: {error}") from error
