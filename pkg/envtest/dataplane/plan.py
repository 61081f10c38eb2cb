"""What a controller decides to write, and the instant it decides at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs

from druid_operator.pkg.meta import JSON


@attrs.frozen
class Moment:
    """The instant of a decision.

    Args:
        now: simulated seconds.
        wall: the same instant as a timestamp for objects.
        since: by object uid, when it entered the state that is being waited in: when a pod became
            Ready, when a Deployment last made progress. Objects carry whole seconds of wall time,
            too coarse for a world that turns faster.
    """

    now: float
    wall: str
    since: Mapping[str, float] = attrs.field(factory=dict)

    def age(self, uid: str) -> float:
        """How long the object has been in its state; 0 when that is not known."""
        return self.now - self.since.get(uid, self.now)


@attrs.frozen(kw_only=True)
class Plan:
    """Writes, carried out in the order of the fields.

    Args:
        create: objects that are missing; one that appeared meanwhile is left as it is.
        update: objects to store with a new spec or metadata.
        delete: objects to delete.
        status: an object with its new status, or ``None`` when it has not changed.
        progressed: what the object waits for is waited for anew: its ``since`` is now.
        requeue_after: look again in so many simulated seconds, even if nothing happens.
    """

    create: Sequence[JSON] = ()
    update: Sequence[JSON] = ()
    delete: Sequence[JSON] = ()
    status: JSON | None = None
    progressed: bool = False
    requeue_after: float | None = None


def with_status(obj: JSON, status: JSON) -> JSON | None:
    """The object with this status, or ``None`` if it has it already."""
    return None if obj.get("status") == status else {**obj, "status": status}
