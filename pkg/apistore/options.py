"""Options of the verbs, as frozen values."""

from __future__ import annotations

from typing import Any, Literal

import attrs
import orjson

from druid_operator.pkg.meta import JSON

FieldValidation = Literal["Ignore", "Warn", "Strict"]
Propagation = Literal["Foreground", "Background", "Orphan"]


@attrs.frozen
class WriteOptions:
    """For create, update, patch and apply.

    Args:
        field_manager: who writes; the server falls back to the user agent.
        force: apply takes conflicting fields over.
        dry_run: answer what would be stored, store nothing.
        field_validation: what to do about unknown fields; the API server's default is ``Warn``.
    """

    field_manager: str = "unknown"
    force: bool = False
    dry_run: bool = False
    field_validation: FieldValidation = "Warn"


@attrs.frozen
class DeleteOptions:
    """``grace`` in seconds, ``None`` for the kind's default; preconditions are empty when unset."""

    uid: str = ""
    resource_version: str = ""
    propagation: Propagation | None = None
    grace: int | None = None
    dry_run: bool = False


@attrs.frozen
class ListOptions:
    """As in the query string, all empty by default."""

    label_selector: str = ""
    field_selector: str = ""
    resource_version: str = ""
    resource_version_match: str = ""
    limit: int = 0
    continue_: str = ""


@attrs.frozen
class Written:
    """The object as stored, whether it is new, and warnings for the client."""

    obj: JSON
    created: bool = False
    warnings: tuple[str, ...] = ()


@attrs.frozen
class Deleted:
    """``obj`` is the object as it was (or still is), ``gone`` whether it was removed at once."""

    obj: JSON
    gone: bool


@attrs.frozen
class Listed:
    """A list: items as their encoded bytes, because most readers only pass them on.

    Items of built-in kinds have no ``apiVersion`` and ``kind``, as on the wire.
    ``resource_version`` is the version of the whole list; ``continue_`` is empty on the last page;
    ``remaining`` is ``None`` when a selector makes it unknown.
    """

    items: tuple[bytes, ...]
    resource_version: str
    continue_: str = ""
    remaining: int | None = None

    def objects(self) -> list[Any]:
        return [orjson.loads(item) for item in self.items]
