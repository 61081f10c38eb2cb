"""What is asked of the API server, as values: one for each of the four ways to ask.

The verbs of a client come down to these, so whatever lies between the caller and the server (a
cache, a dry run, a namespace) is a function of one small value, and not of ten methods.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Generic, Literal, TypeAlias, TypeVar

import attrs

from druid_operator.pkg.client.patch import Patch
from druid_operator.pkg.meta import (
    JSON,
    GroupVersionKind,
    LabelSelector,
    NamespacedName,
    ObjectMeta,
    Resource,
    label_selector,
)

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

Propagation = Literal["Foreground", "Background", "Orphan"]
FieldValidation = Literal["Ignore", "Warn", "Strict"]
#: How a cached read meets own writes that the watch has not shown yet: see them at once, wait for
#: the watch, or do not care.
Consistency = Literal["overlay", "wait", "off"]
WriteVerb = Literal["create", "update", "patch", "apply", "delete", "delete_all_of"]

#: A kind whose objects are dictionaries. A kind that is no resource is looked up by discovery.
Untyped: TypeAlias = Resource | GroupVersionKind


def _fields(fields: Mapping[str, str] | None) -> Mapping[str, str]:
    return fields or {}


@attrs.frozen
class MetadataOnly:
    """Names a kind of which only the metadata is wanted: less to send, nothing to decode."""

    kind: type[Any] | Untyped


@attrs.frozen
class PartialObjectMetadata:
    """An object of which only the metadata was asked for. It cannot be written."""

    resource: Resource
    meta: ObjectMeta

    @property
    def key(self) -> NamespacedName:
        return NamespacedName(self.meta.namespace or "", self.meta.name)


class ObjectList(list[T]):
    """The objects of a list, and where it stands.

    Attributes:
        resource_version: the state that it shows; empty from a cache of several informers.
        continue_token: to ask for what comes next; empty at the end.
        remaining: how many come next, where the server says so.
    """

    resource_version: str = ""
    continue_token: str = ""
    remaining: int | None = None

    def of(self, other: ObjectList[Any]) -> ObjectList[T]:
        """This list, standing where ``other`` does."""
        self.resource_version = other.resource_version
        self.continue_token = other.continue_token
        self.remaining = other.remaining
        return self


@attrs.frozen
class WatchEvent(Generic[T_co]):
    """A change, as the server sends it."""

    type: Literal["ADDED", "MODIFIED", "DELETED"]
    object: T_co


@attrs.frozen(kw_only=True)
class Get:
    """One object, or a subresource of it."""

    resource: Resource
    key: NamespacedName
    subresource: str = ""
    metadata_only: bool = False
    consistency: Consistency | None = None


@attrs.frozen(kw_only=True)
class List:
    """Objects of a kind. ``limit`` 0 is all of them."""

    resource: Resource
    namespace: str = ""
    labels: LabelSelector = attrs.field(default=None, converter=label_selector)
    fields: Mapping[str, str] = attrs.field(default=None, converter=_fields)
    limit: int = 0
    continue_token: str = ""
    metadata_only: bool = False
    consistency: Consistency | None = None


@attrs.frozen(kw_only=True)
class Watch:
    """Changes of a kind from a version on; from no version, what is there comes first."""

    resource: Resource
    namespace: str = ""
    labels: LabelSelector = attrs.field(default=None, converter=label_selector)
    fields: Mapping[str, str] = attrs.field(default=None, converter=_fields)
    resource_version: str = ""
    timeout_seconds: int = 300


@attrs.frozen(kw_only=True)
class Preconditions:
    """What must hold for a deletion to happen; empty is no condition."""

    uid: str = ""
    resource_version: str = ""


@attrs.frozen(kw_only=True)
class Write:
    """A change.

    Args:
        verb: what kind of change.
        resource, key: of what; ``delete_all_of`` takes the namespace alone.
        subresource: the part of it that is written.
        body: the object, for create, update and apply.
        patch: for patch.
        field_owner: recorded in managed fields; empty is the user agent.
        force: take other managers' fields, in an apply.
        dry_run: check, and store nothing.
        field_validation: what becomes of unknown and repeated fields.
        preconditions, propagation, grace_period: of a deletion; the grace period in seconds.
        labels, fields: which objects, for ``delete_all_of``.
    """

    verb: WriteVerb
    resource: Resource
    key: NamespacedName
    subresource: str = ""
    body: JSON | None = attrs.field(default=None, repr=False)
    patch: Patch | None = attrs.field(default=None, repr=False)
    field_owner: str = ""
    force: bool = False
    dry_run: bool = False
    field_validation: FieldValidation | None = None
    preconditions: Preconditions = Preconditions()
    propagation: Propagation | None = None
    grace_period: int | None = None
    labels: LabelSelector = attrs.field(default=None, converter=label_selector)
    fields: Mapping[str, str] = attrs.field(default=None, converter=_fields)


def field_selector(fields: Mapping[str, str]) -> str:
    """The API's own notation, as it is sent in ``fieldSelector``."""
    return ",".join(f"{path}={value}" for path, value in sorted(fields.items()))
