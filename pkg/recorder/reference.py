"""What an event is about."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from druid_operator.pkg.meta import JSON, ObjectMeta, Resource


@attrs.frozen
class ObjectReference:
    """A ``v1.ObjectReference``. Two of them are one object when all but the version agree."""

    api_version: str
    kind: str
    name: str
    namespace: str = ""
    uid: str = ""
    resource_version: str = attrs.field(default="", eq=False)
    field_path: str = ""

    @classmethod
    def of(cls, obj: Mapping[str, Any]) -> ObjectReference:
        """To an object as JSON. Raises ``KeyError`` when it has no kind or no name."""
        meta = obj["metadata"]
        return cls(
            obj["apiVersion"],
            obj["kind"],
            meta["name"],
            meta.get("namespace") or "",
            meta.get("uid") or "",
            meta.get("resourceVersion") or "",
        )

    @classmethod
    def to(cls, resource: Resource, meta: ObjectMeta) -> ObjectReference:
        """To an object of which only the metadata is at hand."""
        return cls(
            resource.api_version,
            resource.kind,
            meta.name,
            meta.namespace or "",
            meta.uid,
            meta.resource_version,
        )

    def to_json(self) -> JSON:
        """Empty fields are left out."""
        fields = {
            "apiVersion": self.api_version,
            "kind": self.kind,
            "namespace": self.namespace,
            "name": self.name,
            "uid": self.uid,
            "resourceVersion": self.resource_version,
            "fieldPath": self.field_path,
        }
        return {key: value for key, value in fields.items() if value}
