"""What happened to an object, as the cache or any other source tells it.

Four shapes: an object came (:class:`CreateEvent`), changed (:class:`UpdateEvent`), went
(:class:`DeleteEvent`), or something outside the cluster concerns it (:class:`GenericEvent`).
Predicates and handlers look at an event once and turn it into keys; a reconciler never sees one,
because its answer must not depend on which events were missed, repeated or merged on the way.

Guarantees of a cache's events: per object they come in the order of its versions, and when a
handler runs the cache already shows the new state. An object deleted and created again under its
old name is a delete and a create, never an update, so old and new of an update always have one uid.
"""

from __future__ import annotations

from typing import Generic, Protocol, TypeVar

import attrs

from druid_operator.pkg.meta import JSON, ObjectMeta


class Object(Protocol):
    """All that predicates and handlers may know of an object, whatever shape the cache keeps."""

    @property
    def meta(self) -> ObjectMeta:
        """Its metadata, decoded already: cheap to read."""
        ...

    def to_dict(self) -> JSON:
        """The whole object as a fresh dictionary: decoded on every call, so not for every event."""
        ...


T_co = TypeVar("T_co", bound=Object, covariant=True)


@attrs.frozen
class CreateEvent(Generic[T_co]):
    """An object appeared.

    ``is_in_initial_list`` says that it was there before the watch began: nothing happened to it,
    the process only learned of it. ``own_write`` says that this process made it, through the
    client of this cache, and nobody has changed it since.
    """

    object: T_co
    is_in_initial_list: bool = False
    own_write: bool = False


@attrs.frozen
class UpdateEvent(Generic[T_co]):
    """An object changed, or a resync or a new list showed it again as it was.

    ``own_write`` says that ``new`` is what this process last wrote, through the client of this
    cache.
    """

    old: T_co
    new: T_co
    own_write: bool = False

    @property
    def unchanged(self) -> bool:
        """True for a resync: the server has not changed the object between ``old`` and ``new``."""
        return self.old.meta.resource_version == self.new.meta.resource_version


@attrs.frozen
class DeleteEvent(Generic[T_co]):
    """An object is gone from the server, or from what the cache selects.

    ``state_unknown`` says that the delete itself was missed, and ``object`` is the last state seen.
    """

    object: T_co
    state_unknown: bool = False


@attrs.frozen
class GenericEvent(Generic[T_co]):
    """Something that is no change of the object in Kubernetes: a timer, a poll, another system."""

    object: T_co
