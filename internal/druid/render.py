"""From manifests as people write them to the children of the ``Druid`` objects among them.

What the API server would do on the way in (defaults, pruning, validation) is done here: what is
rendered is what the operator would make of the stored object.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import attrs

from druid_operator.api.v1alpha1 import DRUID, GROUP, KINDS, Druid
from druid_operator.internal.druid.build import build
from druid_operator.internal.druid.manifest import Manifest
from druid_operator.internal.druid.resolve import resolve
from druid_operator.pkg.errors import FieldError, InvalidObject
from druid_operator.pkg.meta import JSON, NamespacedName
from druid_operator.pkg.schema import coerce, validate
from druid_operator.pkg.scheme import Scheme

#: Where `kubectl apply` puts an object that names no namespace, unless a context says otherwise.
DEFAULT_NAMESPACE = "default"

ConfigMaps = Mapping[NamespacedName, Mapping[str, str]]


@attrs.frozen
class Rendered:
    """Children of every cluster, in rollout order, and what the user should know of each."""

    manifests: tuple[Manifest, ...]
    warnings: tuple[FieldError, ...]


def render(
    objects: Iterable[JSON], schema: Mapping[str, Any], *, uid: str | None = None
) -> Rendered:
    """Render every ``Druid`` among the objects.

    Args:
        objects: decoded manifests; members of ``List`` objects count. ConfigMaps serve
            ``extraCommonConfig``; all other kinds are passed over.
        schema: the ``openAPIV3Schema`` of the CRD.
        uid: uid of the one ``Druid``; by default the object's own. Without any there are no owner
            references.

    Raises:
        InvalidObject: with every fault of every object; each path begins with the object's name.
    """
    members = [member for obj in objects for member in _members(obj)]
    clusters = [obj for obj in members if _is_druid(obj)]
    faults = _list_faults(clusters, uid)
    config_maps = _config_maps(members, faults)
    manifests: list[Manifest] = []
    warnings: list[FieldError] = []
    scheme = Scheme(KINDS)
    for obj in clusters:
        label = f"Druid {NamespacedName.of(obj)}"
        try:
            stored, dropped = _stored(obj, schema, uid)
            cluster = resolve(scheme.decode(Druid, stored), config_maps)
            manifests += build(cluster)
        except InvalidObject as error:
            faults += _labelled(label, error.errors)
            continue
        unknown = [FieldError(path, "unknown field, ignored") for path in dropped]
        warnings += _labelled(label, [*unknown, *cluster.warnings])
        if not cluster.uid:
            warnings.append(FieldError(label, "no uid: no owner references, other hashes"))
    if faults:
        raise InvalidObject(faults)
    return Rendered(tuple(manifests), tuple(warnings))


def _members(obj: Any) -> Iterator[JSON]:
    if not isinstance(obj, dict) or not isinstance(obj.get("kind"), str):
        message = f"must be an object with apiVersion and kind, got {obj!r:.60}"
        raise InvalidObject([FieldError("", message)])
    if obj["kind"].endswith("List") and isinstance(obj.get("items"), list):
        for item in obj["items"]:
            yield from _members(item)
        return
    if obj["kind"] not in (DRUID.kind, "ConfigMap"):
        return  # not even a name is asked for: a Kustomization, which lies beside these, has none
    metadata = obj.get("metadata")
    if not isinstance(metadata, dict) or not isinstance(metadata.get("name"), str):
        raise InvalidObject([FieldError("metadata.name", f"{obj['kind']} without a name")])
    yield {**obj, "metadata": {"namespace": DEFAULT_NAMESPACE, **metadata}}


def _is_druid(obj: JSON) -> bool:
    group = str(obj.get("apiVersion", "")).partition("/")[0]
    return group == GROUP and obj["kind"] == DRUID.kind


def _list_faults(clusters: list[JSON], uid: str | None) -> list[FieldError]:
    faults = [
        FieldError(f"Druid {NamespacedName.of(obj)}: apiVersion", f"must be {DRUID.api_version}")
        for obj in clusters
        if obj["apiVersion"] != DRUID.api_version
    ]
    if not clusters:
        faults.append(FieldError("", "there is no Druid among the objects"))
    if uid and len(clusters) > 1:
        faults.append(FieldError("", f"one uid given for {len(clusters)} Druid objects"))
    return faults


def _config_maps(members: Iterable[JSON], faults: list[FieldError]) -> ConfigMaps:
    found: dict[NamespacedName, Mapping[str, str]] = {}
    for obj in members:
        if obj["kind"] == "ConfigMap" and obj.get("apiVersion") == "v1":
            data = obj.get("data") or {}
            key = NamespacedName.of(obj)
            faults += [
                FieldError(f"ConfigMap {key}: data[{name}]", "must be a string")
                for name, value in data.items()
                if not isinstance(value, str)
            ]
            found[key] = data
    return found


def _stored(obj: JSON, schema: Mapping[str, Any], uid: str | None) -> tuple[JSON, tuple[str, ...]]:
    """The object as the API server would keep it, and the fields that it would drop."""
    coerced = coerce(schema, obj)
    faults = validate(schema, coerced.obj)
    if faults:
        raise InvalidObject(faults)
    stored: JSON = coerced.obj
    if uid:
        stored["metadata"]["uid"] = uid
    return stored, coerced.dropped


def _labelled(label: str, errors: Iterable[FieldError]) -> list[FieldError]:
    return [attrs.evolve(e, path=f"{label}: {e.path}" if e.path else label) for e in errors]
