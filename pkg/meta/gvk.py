"""Names of kinds and of objects."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import attrs


class NamespacedName(NamedTuple):
    """The key of an object within its kind; a tuple, because it is hashed on every queue operation.

    ``namespace`` is empty for cluster-scoped objects.
    """

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}" if self.namespace else self.name

    @classmethod
    def of(cls, obj: Mapping[str, Any]) -> NamespacedName:
        meta = obj["metadata"]
        return cls(meta.get("namespace") or "", meta["name"])


class GroupVersionKind(NamedTuple):
    """``group`` is empty for the core group."""

    group: str
    version: str
    kind: str

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @classmethod
    def from_api_version(cls, api_version: str, kind: str) -> GroupVersionKind:
        group, _, version = api_version.rpartition("/")
        return cls(group, version, kind)

    @classmethod
    def of(cls, obj: Mapping[str, Any]) -> GroupVersionKind:
        """The kind an object says it is. Raises ``KeyError`` if it does not say."""
        return cls.from_api_version(obj["apiVersion"], obj["kind"])

    def __str__(self) -> str:
        return f"{self.kind}.{self.version}.{self.group}" if self.group else self.kind


@attrs.frozen
class Resource:
    """A kind together with where the API server serves it.

    Args:
        gvk: group, version and kind.
        plural: the name in URLs, lower case (``configmaps``).
        namespaced: false for cluster-scoped kinds.
    """

    gvk: GroupVersionKind
    plural: str
    namespaced: bool = True

    @property
    def kind(self) -> str:
        return self.gvk.kind

    @property
    def group(self) -> str:
        return self.gvk.group

    @property
    def api_version(self) -> str:
        return self.gvk.api_version

    def path(self, namespace: str = "", name: str = "", subresource: str = "") -> str:
        """The URL path of the collection, or of one object when ``name`` is given."""
        root = f"/apis/{self.gvk.group}" if self.gvk.group else "/api"
        parts = [root, self.gvk.version]
        if self.namespaced and namespace:
            parts += ["namespaces", namespace]
        parts.append(self.plural)
        if name:
            parts.append(name)
        if subresource:
            parts.append(subresource)
        return "/".join(parts)

    def __str__(self) -> str:
        return f"{self.plural}.{self.gvk.group}" if self.gvk.group else self.plural
