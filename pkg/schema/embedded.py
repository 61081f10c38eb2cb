"""Kubernetes types as structural schema, for the fields that embed one (``Affinity``, ``Probe``).

The definitions are Kubernetes' own OpenAPI. They are needed when a CRD is generated and never at
run time, so the caller passes a loader and this package depends on no copy of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from druid_operator.pkg.meta import JSON
from druid_operator.pkg.schema.structural import PRESERVE, copy_json
from druid_operator.pkg.schema.validation import INT_OR_STRING

#: Gives the OpenAPI definition of a type by its full name; raises ``KeyError`` for an unknown one.
Loader: TypeAlias = Callable[[str], Mapping[str, Any]]

_CORE = "io.k8s.api.core.v1."
_META = "io.k8s.apimachinery.pkg.apis.meta.v1."

#: JSON merge patches on definitions, without which the API server refuses a CRD: the keys of a
#: list-map must be required or have a default. Kubernetes defaults these in code, so its OpenAPI
#: does not say it. These are all, found by a scan of every definition of 1.37.
KEY_DEFAULTS: Mapping[str, JSON] = {
    _CORE + "ServicePort": {"properties": {"protocol": {"default": "TCP"}}},
    _CORE + "ContainerPort": {"properties": {"protocol": {"default": "TCP"}}},
    # A default here would show in every reference to a Secret; so this list is merged as a whole.
    _CORE + "PodSpec": {
        "properties": {
            "imagePullSecrets": {"x-kubernetes-list-type": None, "x-kubernetes-list-map-keys": None}
        }
    },
}

#: ``resource.Quantity`` accepts a number too: ``cpu: 1``.
_QUANTITY_PATTERN = (
    r"^(\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))"
    r"(([KMGTPE]i)|[numkMGTPE]|([eE](\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))))?$"
)
_EITHER: JSON = {"anyOf": [{"type": "integer"}, {"type": "string"}], INT_OR_STRING: True}

#: What people may say in the metadata of an embedded Service or claim. The rest of ``ObjectMeta``
#: is written by the API server into real objects and means nothing in a template.
_TEMPLATE_METADATA: JSON = {
    "type": "object",
    "properties": {
        "annotations": {"type": "object", "additionalProperties": {"type": "string"}},
        "finalizers": {"type": "array", "items": {"type": "string"}},
        "labels": {"type": "object", "additionalProperties": {"type": "string"}},
        "name": {"type": "string"},
        "namespace": {"type": "string"},
    },
}

_SPECIAL: Mapping[str, JSON] = {
    "io.k8s.apimachinery.pkg.util.intstr.IntOrString": _EITHER,
    "io.k8s.apimachinery.pkg.api.resource.Quantity": {**_EITHER, "pattern": _QUANTITY_PATTERN},
    "io.k8s.apimachinery.pkg.runtime.RawExtension": {"type": "object", PRESERVE: True},
    _META + "ObjectMeta": _TEMPLATE_METADATA,
    _META + "FieldsV1": {"type": "object", PRESERVE: True},
}

#: Carried over as they are. Not so descriptions: with them a CRD that embeds pods' types outgrows
#: the 262,144 bytes that client-side apply can store. Nor ``enum``, which occurs on ``kind`` and
#: ``apiVersion`` only.
_KEPT = (
    "format", "default", "required", "minimum", "maximum", "minLength", "maxLength", "pattern",
    "x-kubernetes-list-type", "x-kubernetes-list-map-keys", "x-kubernetes-map-type",
)  # fmt: skip


class EmbeddedTypes:
    """Expands Kubernetes types to structural schemas without references or descriptions.

    Args:
        load: gives a definition by name.
        amendments: further JSON merge patches by type name, applied after :data:`KEY_DEFAULTS`.
    """

    def __init__(self, load: Loader, amendments: Mapping[str, JSON] | None = None) -> None:
        self._load = load
        self._amendments = dict(amendments or {})

    def schema(self, name: str) -> JSON:
        """The schema of a type, for example ``io.k8s.api.core.v1.Affinity``.

        Raises ``KeyError`` for an unknown type and ``ValueError`` for one that contains itself,
        which no structural schema can express.
        """
        return self._type(name, ())

    def _type(self, name: str, above: tuple[str, ...]) -> JSON:
        if name in _SPECIAL:
            return copy_json(_SPECIAL[name])  # type: ignore[no-any-return] # a dict, as it came
        if name in above:
            raise ValueError(f"{name} contains itself")
        definition = copy_json(self._load(name))
        for patch in (KEY_DEFAULTS.get(name), self._amendments.get(name)):
            if patch is not None:
                definition = merge_patch(definition, patch)
        return self._node(definition, (*above, name))

    def _node(self, node: Mapping[str, Any], above: tuple[str, ...]) -> JSON:
        reference = str(node.get("$ref", ""))
        if reference:
            found = self._type(reference.rsplit("/", 1)[-1], above)
            # A default beside a reference belongs to the field, not to the type.
            return {**found, **{key: node[key] for key in _KEPT if key in node}}
        result: JSON = {}
        kind = _type_of(node)
        if kind:
            result["type"] = kind
        result |= {key: copy_json(node[key]) for key in _KEPT if key in node}
        if "properties" in node:
            result["properties"] = {
                key: self._node(value, above) for key, value in sorted(node["properties"].items())
            }
        for key in ("items", "additionalProperties"):
            if isinstance(node.get(key), Mapping):
                result[key] = self._node(node[key], above)
        return result


def _type_of(node: Mapping[str, Any]) -> str:
    found = node.get("type", "")
    if isinstance(found, list):
        # Optional fields are given as ["string", "null"]; a CRD has `nullable` for that, and the
        # API server drops a null from a field that lacks it.
        return next((str(kind) for kind in found if kind != "null"), "")
    return str(found)


def merge_patch(target: Any, patch: Any) -> Any:
    """RFC 7396: ``None`` removes a key. Returns the result; ``target`` may share parts with it."""
    if not isinstance(patch, Mapping):
        return patch
    result = dict(target) if isinstance(target, Mapping) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merge_patch(result.get(key), value)
    return result
