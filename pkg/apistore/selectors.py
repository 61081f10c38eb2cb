"""Field selectors: what each kind can be selected by. Label selectors are ``meta.labels``."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import attrs

from druid_operator.pkg.errors import BadRequest
from druid_operator.pkg.meta import JSON
from druid_operator.pkg.meta.labels import (
    LabelSelector,
    Requirement,
    parse_label_selector,
    selector_from_object,
)

__all__ = [
    "LabelSelector", "Requirement", "parse_label_selector", "selector_from_object",
    "FieldGetter", "FieldSelector", "parse_field_selector", "json_path_getter",
]  # fmt: skip

FieldGetter = Callable[[JSON], str]


def _path(*names: str) -> FieldGetter:
    def get(obj: JSON) -> str:
        value: Any = obj
        for name in names:
            value = value.get(name) if isinstance(value, dict) else None
        return str(value).lower() if isinstance(value, bool) else str(value or "")

    return get


_COMMON: Mapping[str, FieldGetter] = {
    "metadata.name": _path("metadata", "name"),
    "metadata.namespace": _path("metadata", "namespace"),
}
#: Fields that may be selected on, beside name and namespace, by ``group/Kind``.
_BY_KIND: Mapping[str, Mapping[str, FieldGetter]] = {
    "/Pod": {
        "spec.nodeName": _path("spec", "nodeName"),
        "spec.restartPolicy": _path("spec", "restartPolicy"),
        "spec.schedulerName": _path("spec", "schedulerName"),
        "spec.serviceAccountName": _path("spec", "serviceAccountName"),
        "status.phase": _path("status", "phase"),
        "status.podIP": _path("status", "podIP"),
        "status.nominatedNodeName": _path("status", "nominatedNodeName"),
    },
    "/Namespace": {"status.phase": _path("status", "phase")},
    "/Node": {"spec.unschedulable": _path("spec", "unschedulable")},
    "/Secret": {"type": _path("type")},
    "/Service": {
        "spec.clusterIP": _path("spec", "clusterIP"),
        "spec.type": _path("spec", "type"),
    },
    "/Event": {
        **{
            f"involvedObject.{name}": _path("involvedObject", name)
            for name in (
                "kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath",
            )
        },
        "reason": _path("reason"),
        "reportingComponent": _path("reportingComponent"),
        "source": _path("source", "component"),
        "type": _path("type"),
    },
    "apps/ReplicaSet": {"status.replicas": _path("status", "replicas")},
    "batch/Job": {"status.successful": _path("status", "succeeded")},
}  # fmt: skip


@attrs.frozen
class FieldSelector:
    """``terms``: (getter, wanted value, must be equal)."""

    terms: tuple[tuple[FieldGetter, str, bool], ...] = ()

    def __bool__(self) -> bool:
        return bool(self.terms)

    def matches(self, obj: JSON) -> bool:
        return all((get(obj) == value) is equal for get, value, equal in self.terms)


def parse_field_selector(
    text: str, group: str, kind: str, selectable: Mapping[str, FieldGetter] | None = None
) -> FieldSelector:
    """``a.b=c,d.e!=f``. Raises ``BadRequest`` for a field that the kind cannot be selected by."""
    known = {**_COMMON, **_BY_KIND.get(f"{group}/{kind}", {}), **(selectable or {})}
    terms = []
    for term in filter(None, (part.strip() for part in text.split(","))):
        match = re.match(r"^([^=!]+)(!=|==|=)(.*)$", term)
        if match is None:
            raise BadRequest(f"invalid selector: '{text}'; can't understand '{term}'")
        field, operator, value = match[1].strip(), match[2], match[3].strip()
        if field not in known:
            allowed = ", ".join(f'"{name}"' for name in known)
            raise BadRequest(f'"{field}" is not a known field selector: only {allowed}')
        terms.append((known[field], value, operator != "!="))
    return FieldSelector(tuple(terms))


def json_path_getter(path: str) -> FieldGetter:
    """For ``selectableFields`` of a custom resource definition: a simple ``.spec.a.b``."""
    return _path(*path.lstrip(".").split("."))
