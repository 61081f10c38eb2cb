"""The registry of kinds: each has a resource, and may have a typed model."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeAlias, TypeVar

from druid_operator.pkg.meta import GroupVersionKind, Resource
from druid_operator.pkg.schema import CustomResource
from druid_operator.pkg.scheme.builtin import BUILTIN
from druid_operator.pkg.scheme.converter import Converter

T = TypeVar("T")

#: How callers name a kind: by its model, or by its resource (objects are then dictionaries).
Kind: TypeAlias = type[Any] | Resource


class Scheme:
    """Which kinds exist and how to read them. Built once at start, then only read.

    Args:
        kinds: typed kinds of the operator.
        resources: further kinds, read as dictionaries. The built-in ones are always there.
    """

    def __init__(
        self, kinds: Iterable[CustomResource] = (), resources: Iterable[Resource] = ()
    ) -> None:
        self.converter = Converter()
        self._by_gvk: dict[GroupVersionKind, Resource] = {}
        self._by_model: dict[type, Resource] = {}
        self._models: dict[Resource, type] = {}
        for resource in (*BUILTIN, *resources):
            self.add(resource)
        for kind in kinds:
            self.add(kind.resource, kind.model)

    def add(self, resource: Resource, model: type | None = None) -> None:
        self._by_gvk[resource.gvk] = resource
        if model is not None:
            self._by_model[model] = resource
            self._models[resource] = model

    @property
    def resources(self) -> tuple[Resource, ...]:
        """Every kind that is registered."""
        return tuple(self._by_gvk.values())

    def warm(self) -> None:
        """Make the first use of each model as quick as the second.

        A large model takes a tenth of a second or more, in which an event loop would do nothing
        else. May be called from another thread.
        """
        for model in tuple(self._by_model):
            self.converter.warm(model)

    def resource_for(self, kind: Kind | GroupVersionKind) -> Resource:
        """Raises ``KeyError`` naming the kind when it was never registered."""
        if isinstance(kind, Resource):
            return kind
        if isinstance(kind, GroupVersionKind):
            found = self._by_gvk.get(kind)
        else:
            found = self._by_model.get(kind)
        if found is None:
            raise KeyError(f"kind not registered in the scheme: {kind}")
        return found

    def resource_of(self, obj: Any) -> Resource:
        """The resource of an object: by its class, or by its ``apiVersion`` and ``kind``."""
        if isinstance(obj, dict):
            return self.resource_for(GroupVersionKind.of(obj))
        return self.resource_for(type(obj))

    def decode(self, kind: Kind, obj: dict[str, Any]) -> Any:
        """A dictionary as it is for a resource, a typed object for a model."""
        if isinstance(kind, Resource):
            return obj
        return self.converter.decode(kind, obj)

    def encode(self, obj: Any) -> dict[str, Any]:
        """The JSON form, with ``apiVersion`` and ``kind``."""
        if isinstance(obj, dict):
            return obj
        resource = self.resource_for(type(obj))
        body = self.converter.encode(obj)
        return {"apiVersion": resource.api_version, "kind": resource.kind, **body}
