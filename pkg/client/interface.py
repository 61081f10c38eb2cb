"""What a client can do, as protocols: the live client, the cached one and the fake all fit them.

Objects are dictionaries when the kind is named by its :class:`Resource`, and typed when it is named
by its model. Every call has a deadline of its own; every write takes ``field_owner``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Protocol, TypeVar, overload

import attrs
import orjson

from druid_operator.pkg.meta import JSON, NamespacedName, Resource

T = TypeVar("T")

Propagation = Literal["Foreground", "Background", "Orphan"]
FieldValidation = Literal["Ignore", "Warn", "Strict"]


@attrs.frozen
class Patch:
    """A patch body and its media type. Build one with the functions below."""

    media_type: str
    body: bytes


def merge_patch(body: Mapping[str, Any]) -> Patch:
    """RFC 7386: ``null`` removes, lists are replaced whole."""
    return Patch("application/merge-patch+json", orjson.dumps(body))


def json_patch(operations: Sequence[Mapping[str, Any]]) -> Patch:
    """RFC 6902. A failing ``test`` operation is answered 422."""
    return Patch("application/json-patch+json", orjson.dumps(list(operations)))


def strategic_merge_patch(body: Mapping[str, Any]) -> Patch:
    """Kubernetes' own, for built-in kinds only."""
    return Patch("application/strategic-merge-patch+json", orjson.dumps(body))


class Reader(Protocol):
    """Reads, from a cache or from the server."""

    @overload
    async def get(self, kind: Resource, key: NamespacedName, /) -> JSON: ...
    @overload
    async def get(self, kind: type[T], key: NamespacedName, /) -> T: ...
    async def get(self, kind: Any, key: NamespacedName, /) -> Any:
        """Raises ``NotFound``."""
        ...

    @overload
    async def list(
        self, kind: Resource, /, *, namespace: str = "", labels: Mapping[str, str] | None = None
    ) -> list[JSON]: ...
    @overload
    async def list(
        self, kind: type[T], /, *, namespace: str = "", labels: Mapping[str, str] | None = None
    ) -> list[T]: ...
    async def list(
        self, kind: Any, /, *, namespace: str = "", labels: Mapping[str, str] | None = None
    ) -> list[Any]:
        """All objects, or those of one namespace, that carry all of ``labels``."""
        ...


class Writer(Protocol):
    """Writes. Each answers the object as the server stored it."""

    async def create(self, obj: JSON, /, *, field_owner: str = "", dry_run: bool = False) -> JSON:
        """Raises ``AlreadyExists``, ``Invalid``, ``Forbidden``."""
        ...

    async def update(
        self, obj: JSON, /, *, subresource: str = "", field_owner: str = "", dry_run: bool = False
    ) -> JSON:
        """PUT the whole object. With a ``resourceVersion`` raises ``Conflict`` if it is not
        current.
        """
        ...

    async def patch(
        self,
        kind: Resource,
        key: NamespacedName,
        patch: Patch,
        /,
        *,
        subresource: str = "",
        field_owner: str = "",
        dry_run: bool = False,
    ) -> JSON:
        """Raises ``NotFound``, ``Conflict`` (a ``resourceVersion`` in the body), ``Invalid``."""
        ...

    async def apply(
        self,
        obj: JSON,
        /,
        *,
        field_owner: str,
        force: bool = False,
        subresource: str = "",
        dry_run: bool = False,
    ) -> JSON:
        """Server-side apply: ``obj`` is the manager's whole intent.

        Raises ``Conflict`` when another manager owns a field and ``force`` is false; with a
        ``metadata.uid`` that is not the live object's, also ``Conflict``.
        """
        ...

    async def delete(
        self,
        kind: Resource,
        key: NamespacedName,
        /,
        *,
        uid: str = "",
        resource_version: str = "",
        propagation: Propagation | None = None,
        dry_run: bool = False,
    ) -> JSON | None:
        """Ask for the object to go.

        Returns the object when finalizers or a grace period still hold it, ``None`` when it is
        gone. Raises ``NotFound``; ``Conflict`` when a precondition (uid, version) does not hold.
        """
        ...


class Client(Reader, Writer, Protocol):
    """Reads and writes."""
