"""What a controller wants to exist: one object and how it is to be kept."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

import attrs

from druid_operator.pkg.meta import JSON, NamespacedName, Resource

#: The way to a field through objects only, for example ``("spec", "replicas")``.
FieldPath: TypeAlias = tuple[str, ...]


class ChildId(NamedTuple):
    """Which object: its kind and its key."""

    resource: Resource
    key: NamespacedName

    def __str__(self) -> str:
        return f"{self.resource.kind} {self.key}"


@attrs.frozen
class Child:
    """One desired object.

    Args:
        resource: its kind.
        object: the whole intent, owner reference included. ``status`` and what the server sets are
            ignored, a ``null`` counts as left out.
        yielded: fields that another writer has taken over, for example ``spec.replicas`` under an
            autoscaler. They are never sent, and their ownership is handed over instead of dropped.
        requires: objects of the same plan that must be in place first: while one of them cannot be
            written, this one is left as it is.
    """

    resource: Resource
    object: JSON
    yielded: tuple[FieldPath, ...] = ()
    requires: tuple[ChildId, ...] = ()

    @property
    def id(self) -> ChildId:
        return ChildId(self.resource, NamespacedName.of(self.object))
