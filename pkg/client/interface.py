"""What a client can do, as protocols: the live client, the cached one and the fake all fit them.

Objects are dictionaries when the kind is named by its :class:`Resource` (or by group, version and
kind, and is then looked up by discovery), typed when it is named by its model, and metadata alone
when it is named by :class:`MetadataOnly`. Every call has a deadline of its own.
"""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol, TypeVar, Unpack, overload

from druid_operator.pkg.client.calls import (
    Consistency,
    FieldValidation,
    MetadataOnly,
    ObjectList,
    PartialObjectMetadata,
    Propagation,
    Untyped,
    WatchEvent,
)
from druid_operator.pkg.client.options import ListOptions, PatchOptions, WatchOptions
from druid_operator.pkg.client.patch import (
    Patch,
    json_patch,
    merge_patch,
    strategic_merge_patch,
)
from druid_operator.pkg.meta import JSON, NamespacedName

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

__all__ = [
    "Reader", "Writer", "Client", "WatchStream",
    "Patch", "Propagation", "FieldValidation",
    "merge_patch", "json_patch", "strategic_merge_patch",
]  # fmt: skip


class Reader(Protocol):
    """Reads, from a cache or from the server."""

    @overload
    async def get(
        self, kind: Untyped, key: NamespacedName, /, *, consistency: Consistency | None = None
    ) -> JSON: ...
    @overload
    async def get(
        self, kind: MetadataOnly, key: NamespacedName, /, *, consistency: Consistency | None = None
    ) -> PartialObjectMetadata: ...
    @overload
    async def get(
        self, kind: type[T], key: NamespacedName, /, *, consistency: Consistency | None = None
    ) -> T: ...
    async def get(
        self, kind: Any, key: NamespacedName, /, *, consistency: Consistency | None = None
    ) -> Any:
        """Raises ``NotFound``."""
        ...

    @overload
    async def list(self, kind: Untyped, /, **options: Unpack[ListOptions]) -> ObjectList[JSON]: ...
    @overload
    async def list(
        self, kind: MetadataOnly, /, **options: Unpack[ListOptions]
    ) -> ObjectList[PartialObjectMetadata]: ...
    @overload
    async def list(self, kind: type[T], /, **options: Unpack[ListOptions]) -> ObjectList[T]: ...
    async def list(self, kind: Any, /, **options: Unpack[ListOptions]) -> ObjectList[Any]:
        """The objects that the options select, all of the kind without any."""
        ...


class Writer(Protocol):
    """Writes. Each takes a dictionary or a typed object and answers the same, as stored."""

    async def create(self, obj: T, /, *, field_owner: str = "", dry_run: bool = False) -> T:
        """Raises ``AlreadyExists``, ``Invalid``, ``Forbidden``."""
        ...

    async def update(
        self, obj: T, /, *, subresource: str = "", field_owner: str = "", dry_run: bool = False
    ) -> T:
        """PUT the whole object. With a ``resourceVersion`` raises ``Conflict`` if it is not
        current.

        Raises ``TypeError`` for a typed object and no subresource: its model may not know every
        field, and what it does not know would be deleted. Patch or apply it.
        """
        ...

    @overload
    async def patch(
        self, kind: Untyped, key: NamespacedName, patch: Patch, /, **options: Unpack[PatchOptions]
    ) -> JSON: ...
    @overload
    async def patch(
        self, kind: type[T], key: NamespacedName, patch: Patch, /, **options: Unpack[PatchOptions]
    ) -> T: ...
    async def patch(
        self, kind: Any, key: NamespacedName, patch: Patch, /, **options: Unpack[PatchOptions]
    ) -> Any:
        """Raises ``NotFound``, ``Conflict`` (a ``resourceVersion`` in the body), ``Invalid``."""
        ...

    async def apply(
        self,
        obj: T,
        /,
        *,
        field_owner: str,
        force: bool = False,
        subresource: str = "",
        dry_run: bool = False,
    ) -> T:
        """Server-side apply: ``obj`` is the manager's whole intent.

        Raises ``Conflict`` when another manager owns a field and ``force`` is false; with a
        ``metadata.uid`` that is not the live object's, also ``Conflict``.
        """
        ...

    async def delete(
        self,
        kind: type[Any] | Untyped,
        key: NamespacedName,
        /,
        *,
        uid: str = "",
        resource_version: str = "",
        propagation: Propagation | None = None,
        grace_period: int | None = None,
        dry_run: bool = False,
    ) -> JSON | None:
        """Ask for the object to go.

        Returns the object when finalizers or a grace period still hold it, ``None`` when it is
        gone. Raises ``NotFound``; ``Conflict`` when a precondition (uid, version) does not hold.
        """
        ...


class WatchStream(Protocol[T_co]):
    """The events of one connection. It ends when the server ends it; bookmarks are not shown."""

    @property
    def resource_version(self) -> str:
        """Up to where the watch has come: to go on from there with another."""
        ...

    def __aiter__(self) -> WatchStream[T_co]: ...

    async def __anext__(self) -> WatchEvent[T_co]:
        """Raises ``Expired`` when the version is too old; ``RequestNotSent`` when cut."""
        ...


class Client(Reader, Writer, Protocol):
    """Reads and writes."""


class WithWatch(Client, Protocol):
    """Also watches, live. A controller has the cache for that; this is for programs."""

    @overload
    def watch(
        self, kind: Untyped, /, **options: Unpack[WatchOptions]
    ) -> AbstractAsyncContextManager[WatchStream[JSON]]: ...
    @overload
    def watch(
        self, kind: type[T], /, **options: Unpack[WatchOptions]
    ) -> AbstractAsyncContextManager[WatchStream[T]]: ...
    def watch(
        self, kind: Any, /, **options: Unpack[WatchOptions]
    ) -> AbstractAsyncContextManager[WatchStream[Any]]:
        """One watch connection."""
        ...
