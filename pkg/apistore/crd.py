"""Custom resource definitions: what creating one makes the server serve."""

from __future__ import annotations

from typing import Any

from druid_operator.pkg.apistore.resources import (
    CustomKind,
    ScalePaths,
    Served,
    custom_status_resets,
)
from druid_operator.pkg.apistore.typeschema import from_structural
from druid_operator.pkg.errors import FieldError
from druid_operator.pkg.meta import JSON, GroupVersionKind, Resource


def default_definition(crd: JSON) -> None:
    """The defaults of a definition: singular and list kind, no conversion, the storage version."""
    spec = crd["spec"]
    names = spec["names"]
    names.setdefault("singular", names["kind"].lower())
    names.setdefault("listKind", names["kind"] + "List")
    spec.setdefault("conversion", {"strategy": "None"})


def initial_status(crd: JSON) -> JSON:
    stored = [v["name"] for v in crd["spec"]["versions"] if v.get("storage")]
    return {
        "conditions": None,
        "acceptedNames": {"plural": "", "kind": ""},
        "storedVersions": stored,
    }


def established_status(crd: JSON, now: str) -> JSON:
    """The status once the definition is served, which here is at once."""
    names = {k: v for k, v in crd["spec"]["names"].items() if k != "categories" or v}
    stored = dict.fromkeys((crd.get("status") or {}).get("storedVersions") or ())
    stored.update(dict.fromkeys(v["name"] for v in crd["spec"]["versions"] if v.get("storage")))
    conditions = (crd.get("status") or {}).get("conditions") or [
        {
            "type": "NamesAccepted",
            "status": "True",
            "lastTransitionTime": now,
            "reason": "NoConflicts",
            "message": "no conflicts found",
        },
        {
            "type": "Established",
            "status": "True",
            "lastTransitionTime": now,
            "reason": "InitialNamesAccepted",
            "message": "the initial names have been accepted",
        },
    ]
    return {"conditions": conditions, "acceptedNames": names, "storedVersions": list(stored)}


def served_resources(crd: JSON) -> list[Served]:
    """One entry for each served version."""
    spec = crd["spec"]
    names = spec["names"]
    made = []
    for version in spec["versions"]:
        if not version.get("served"):
            continue
        schema = (version.get("schema") or {}).get("openAPIV3Schema") or {}
        subresources = version.get("subresources") or {}
        status = "status" in subresources
        resource = Resource(
            GroupVersionKind(spec["group"], version["name"], names["kind"]),
            names["plural"],
            spec["scope"] == "Namespaced",
        )
        made.append(
            Served(
                resource,
                from_structural(schema),
                short_names=tuple(names.get("shortNames") or ()),
                categories=tuple(names.get("categories") or ()),
                singular=names["singular"],
                list_kind=names["listKind"],
                status=status,
                generation=True,
                status_resets=custom_status_resets(),
                scale=_scale(subresources.get("scale")),
                unconditional=False,
                custom=CustomKind(
                    schema,
                    tuple(version.get("additionalPrinterColumns") or ()),
                    tuple(f["jsonPath"] for f in version.get("selectableFields") or ()),
                ),
            )
        )
    return made


def _scale(scale: JSON | None) -> ScalePaths | None:
    if not scale:
        return None

    def path(key: str) -> tuple[str, ...]:
        return tuple(part for part in scale.get(key, "").split(".") if part)

    return ScalePaths(
        path("specReplicasPath"), path("statusReplicasPath"), path("labelSelectorPath")
    )


def validate_definition(crd: JSON) -> list[FieldError]:
    """The rules that a generated definition can break. Not those on the schema itself."""
    spec: dict[str, Any] = crd["spec"]
    errors: list[FieldError] = []

    def fault(path: str, message: str, reason: str = "FieldValueInvalid") -> None:
        errors.append(FieldError(path, message, reason))

    wanted = f"{spec['names'].get('plural', '')}.{spec.get('group', '')}"
    name = crd["metadata"].get("name", "")
    if name != wanted:
        fault("metadata.name", f'Invalid value: "{name}": must be spec.names.plural+"."+spec.group')
    storage = [v["name"] for v in spec["versions"] if v.get("storage")]
    if len(storage) != 1:
        fault(
            "spec.versions",
            "Invalid value: must have exactly one version marked as storage version",
        )
    for index, version in enumerate(spec["versions"]):
        if not (version.get("schema") or {}).get("openAPIV3Schema"):
            path = f"spec.versions[{index}].schema.openAPIV3Schema"
            fault(path, "Required value: schemas are required", "FieldValueRequired")
    return errors
