"""Whose supervisor or task this is, written where Druid keeps it: in the context it hands to tasks.

The marker is not part of the document: neither the hash nor any comparison sees it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from druid_operator.pkg.meta import JSON

OWNER_KEY = "k8sOwner"
HASH_KEY = "k8sSpecHash"
_DOMAIN = "druid.apache.org"

#: Where the context lives. ``autocompact`` drops the one at top level, ``scheduled_batch`` has its
#: own.
_PATHS: Mapping[str, tuple[str, ...]] = {
    "autocompact": ("spec", "taskContext"),
    "scheduled_batch": ("spec", "context"),
}
_DEFAULT_PATH = ("context",)


@attrs.frozen
class Marker:
    """The object that owns something in Druid, and the hash of the document it was made from."""

    namespace: str
    name: str
    uid: str
    spec_hash: str

    @property
    def owner(self) -> str:
        return f"{_DOMAIN}/{self.namespace}/{self.name}/{self.uid}"

    def same_object_name(self, other: Marker) -> bool:
        """Ownership goes by namespace and name: a restored object has another uid."""
        return (self.namespace, self.name) == (other.namespace, other.name)


def context_path(druid_type: str) -> tuple[str, ...]:
    return _PATHS.get(druid_type, _DEFAULT_PATH)


def with_marker(document: Mapping[str, Any], marker: Marker) -> JSON:
    """The document as it is sent."""
    keys = {OWNER_KEY: marker.owner, HASH_KEY: marker.spec_hash}
    return _edit(document, context_path(_type(document)), lambda context: {**context, **keys})


def without_marker(document: Mapping[str, Any]) -> JSON:
    """The document as the user wrote it; a context that held only the marker goes with it."""

    def drop(context: JSON) -> JSON | None:
        rest = {k: v for k, v in context.items() if k not in (OWNER_KEY, HASH_KEY)}
        return rest if rest or not context else None

    return _edit(document, context_path(_type(document)), drop)


def read_marker(document: Mapping[str, Any]) -> Marker | None:
    """``None`` where there is none, or one that is not of this operator's form."""
    found: Any = document
    for key in context_path(_type(document)):
        found = found.get(key) if isinstance(found, Mapping) else None
    if not isinstance(found, Mapping):
        return None
    parts = str(found.get(OWNER_KEY) or "").split("/")
    if len(parts) != 4 or parts[0] != _DOMAIN:
        return None
    return Marker(parts[1], parts[2], parts[3], str(found.get(HASH_KEY) or ""))


def _type(document: Mapping[str, Any]) -> str:
    return str(document.get("type") or "")


def _edit(document: Mapping[str, Any], path: tuple[str, ...], change: Any) -> JSON:
    """A copy in which the object at ``path`` is what ``change`` makes of it (``None``: removed)."""
    key, *rest = path
    inner = document.get(key)
    inner = inner if isinstance(inner, Mapping) else {}
    new = _edit(inner, tuple(rest), change) if rest else change(dict(inner))
    copy = {k: v for k, v in document.items() if k != key or new is not None}
    if new is not None and (new or key in document):
        copy[key] = new
    return copy
