"""Where a reflector's findings go; an informer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from druid_operator.pkg.cache.stored_object import StoredObject


class Sink(Protocol):
    """Called synchronously: what a call is told of is true when it returns."""

    def replace(self, objects: Sequence[StoredObject], version: str) -> None:
        """These are all objects there are, at that version."""
        ...

    def upsert(self, obj: StoredObject) -> None: ...

    def remove(self, obj: StoredObject) -> None: ...

    def bookmark(self, version: str) -> None:
        """Nothing else has happened up to that version."""
        ...

    def alive(self) -> None:
        """The server gave a sign of life."""
        ...

    def failed(self, error: Exception) -> None:
        """A list or watch failed and will be tried again."""
        ...

    def relisting(self, reason: str) -> None:
        """A list after the first one begins."""
        ...

    def restarting(self, reason: str) -> None:
        """A watch is opened after another one that ended so."""
        ...
