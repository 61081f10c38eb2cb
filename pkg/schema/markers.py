"""Markers: what a field of a typed kind says about its place in the API, beside its Python type.

They play the part of kubebuilder's ``+kubebuilder:validation`` comments, but are data: the
generator turns them into a structural schema, the converter takes the JSON name from them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import attrs

from druid_operator.pkg.meta import Resource

#: The key under which a field's :class:`Marker` lies in its attrs metadata.
MARKER = "druid_operator.schema"
_UNSET: Any = object()


@attrs.frozen(kw_only=True)
class CELRule:
    """One ``x-kubernetes-validations`` entry."""

    rule: str
    message: str


@attrs.frozen(kw_only=True)
class Marker:
    """See :func:`prop` for the meaning of each."""

    json: str | None = None
    description: str = ""
    k8s: str | None = None
    default: Any = _UNSET
    minimum: int | None = None
    maximum: int | None = None
    min_length: int | None = None
    max_length: int | None = None
    max_items: int | None = None
    pattern: str | None = None
    enum: tuple[str, ...] | None = None
    format: str | None = None
    int_or_string: bool = False
    preserve_unknown: bool = False
    list_type: Literal["atomic", "set", "map"] | None = None
    list_map_keys: tuple[str, ...] = ()
    map_type: Literal["atomic", "granular"] | None = None
    rules: tuple[CELRule, ...] = ()

    @property
    def has_default(self) -> bool:
        return self.default is not _UNSET


def prop(
    description: str = "",
    *,
    json: str | None = None,
    required: bool = False,
    factory: Any = None,
    k8s: str | None = None,
    default: Any = _UNSET,
    enum: Sequence[str] | None = None,
    list_map_keys: Sequence[str] = (),
    rules: Sequence[CELRule] = (),
    **validation: Any,
) -> Any:
    """Declare one field of a typed kind.

    Args:
        description: the field's documentation in the CRD.
        json: its JSON name, when that is not the camel case of the attribute's name.
        required: the schema lists it as required. Otherwise it may be absent: the attribute is then
            ``None``, or ``factory()``.
        factory: makes the attribute's value when the field is absent (``dict`` or ``list``).
        k8s: the embedded Kubernetes type whose schema this field takes
            (``io.k8s.api.core.v1.Affinity``); for a list, that of its items.
        default: what the **API server** writes when the field is absent. The attribute's own
            default stays ``None``: code sees what is stored, never a second copy of the default.
        enum: the allowed values.
        list_map_keys: implies ``list_type="map"``.
        rules: CEL rules on this field.
        **validation: the other fields of :class:`Marker`.
    """
    if list_map_keys:
        validation.setdefault("list_type", "map")
    marker = Marker(
        json=json,
        description=description,
        k8s=k8s,
        default=default,
        enum=tuple(enum) if enum is not None else None,
        list_map_keys=tuple(list_map_keys),
        rules=tuple(rules),
        **validation,
    )
    metadata = {MARKER: marker}
    if required:
        return attrs.field(metadata=metadata, kw_only=True)
    if factory is not None:
        return attrs.field(metadata=metadata, factory=factory, kw_only=True)
    return attrs.field(metadata=metadata, default=None, kw_only=True)


@attrs.frozen(kw_only=True)
class PrintColumn:
    """One column of ``kubectl get``; ``priority`` above 0 shows it only with ``-o wide``."""

    name: str
    json_path: str
    type: Literal["string", "integer", "boolean", "date"] = "string"
    priority: int = 0
    description: str = ""


@attrs.frozen(kw_only=True)
class CustomResource:
    """A kind of ours: where it is served, its model, and how it is shown.

    Args:
        resource: group, version, kind and plural.
        model: the attrs class of the whole object; its ``spec`` and ``status`` fields are modelled.
        short_names, categories: for ``kubectl``.
        print_columns: shown by ``kubectl get``.
        status: the status subresource is served.
    """

    resource: Resource
    model: type
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    print_columns: tuple[PrintColumn, ...] = ()
    status: bool = True

    @property
    def crd_name(self) -> str:
        return f"{self.resource.plural}.{self.resource.group}"


def camel(name: str) -> str:
    """``image_pull_policy`` -> ``imagePullPolicy``."""
    head, *tail = name.rstrip("_").split("_")
    return head + "".join(part.capitalize() for part in tail)


def marker_of(attribute: attrs.Attribute[Any]) -> Marker:
    metadata: Mapping[str, Any] = attribute.metadata
    found: Marker | None = metadata.get(MARKER)
    return found if found is not None else Marker()


def json_name(attribute: attrs.Attribute[Any]) -> str:
    return marker_of(attribute).json or camel(attribute.name)
