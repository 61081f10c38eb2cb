"""The contract of a reconciler: a key in, the world brought one step nearer, a result out.

A reconciler reads everything it needs, each time. It is told *which* object, never *what happened*:
events are merged, repeated and lost on the way, and only a pass that starts from what is true now
is repaired by the next pass, whatever interrupted it.

What comes back decides what the queue does:

=====================  ===================================================  =======================
outcome                meaning                                              the queue
=====================  ===================================================  =======================
``None``, ``Result()`` done until something changes                         forgets the failures
``requeue_after``      waiting for something that sends no event            forgets, adds after that
``TerminalError``      no retry can help until the object changes           forgets, adds nothing
any other exception    try again                                            backs off, exponentially
=====================  ===================================================  =======================

Waiting is a result, never a ``sleep``: a sleeping pass holds a worker and sees the world age.
"""

from __future__ import annotations

import math
from collections.abc import Hashable
from datetime import timedelta
from typing import Generic, Protocol, TypeAlias, TypeVar

import attrs

from druid_operator.pkg.client import Reader
from druid_operator.pkg.errors import NotFound, TerminalError
from druid_operator.pkg.meta import NamespacedName

#: The usual key. Any hashable type serves, when handlers and reconciler agree on it.
Request: TypeAlias = NamespacedName

T = TypeVar("T")
T_contra = TypeVar("T_contra", contravariant=True)
K_contra = TypeVar("K_contra", bound=Hashable, contravariant=True)


def _seconds(value: float | timedelta | None) -> float | None:
    return value.total_seconds() if isinstance(value, timedelta) else value


def _is_a_delay(_: object, __: object, value: float | None) -> None:
    if value is not None and not 0 <= value < math.inf:
        raise ValueError(f"requeue_after must be a finite delay of zero or more, got {value}")


@attrs.frozen
class Result:
    """What a pass without an exception says.

    Args:
        requeue_after: run again after this delay, in seconds or as a ``timedelta``; kept as
            seconds. ``None`` and 0 mean "not by a timer". An event for the object runs it sooner,
            and the timer then lapses.
        priority: the priority of that next run; ``None`` keeps the one that this run had.
    """

    requeue_after: float | None = attrs.field(
        default=None, converter=_seconds, validator=_is_a_delay
    )
    priority: int | None = None


class Reconciler(Protocol[K_contra]):
    """Brings the world nearer to what one object asks for."""

    async def reconcile(self, request: K_contra, /) -> Result | None:
        """Make one pass for ``request``.

        Guarantees: never runs for one key twice at the same time, and runs again after every event
        that came while it ran. It may be cancelled at any ``await``; the next pass repairs that.
        """
        ...


class ObjectReconciler(Protocol[T_contra]):
    """Is given the object, not its key."""

    async def reconcile(self, obj: T_contra, /) -> Result | None:
        """As :meth:`Reconciler.reconcile`. It is not called for an object that is gone."""
        ...


@attrs.frozen
class _OfObjects(Generic[T]):
    client: Reader
    kind: type[T]
    reconciler: ObjectReconciler[T]

    async def reconcile(self, request: Request, /) -> Result | None:
        try:
            obj = await self.client.get(self.kind, request)
        except NotFound:
            return None  # deleted, and whatever held it had its turn before
        return await self.reconciler.reconcile(obj)


def as_reconciler(
    client: Reader, kind: type[T], reconciler: ObjectReconciler[T]
) -> Reconciler[Request]:
    """A reconciler that reads the object first.

    Args:
        client: reads; a reconciler's is the manager's.
        kind: the model.
        reconciler: called with what was read.
    """
    return _OfObjects(client, kind, reconciler)


__all__ = [
    "Reconciler", "Request", "Result", "TerminalError", "ObjectReconciler", "as_reconciler",
]  # fmt: skip
