"""What one pass is going to do to one object, and why: the plan's printable vocabulary."""

from __future__ import annotations

from enum import StrEnum

import attrs

from druid_operator.pkg.apply.child import Child, ChildId
from druid_operator.pkg.apply.diff import Difference, describe
from druid_operator.pkg.meta import JSON


class Verb(StrEnum):
    """How an object is brought to what it should be."""

    CREATE = "create"  #: POST: a name that the cache does not show is never overwritten
    APPLY = "apply"  #: server-side apply of the whole intent
    TAKE_OVER = "take over"  #: the first apply: ownership of the fields moves to us before it
    PUT = "put"  #: replace, for what server-side apply cannot express
    DELETE = "delete"
    WAIT = "wait"  #: a write is due but must not happen in this pass
    NOTHING = "nothing"
    REFUSE = "refuse"  #: the object is not ours to write


class Reason(StrEnum):
    """Why. The closed set; each is a sentence with the object as its subject."""

    MISSING = "does not exist"
    NEVER_APPLIED = "was last written by another means than ours"
    INTENT_CHANGED = "was written for an earlier intent"
    DRIFTED = "was changed by somebody else"
    NOT_DESIRED = "is no longer wanted"
    BEING_DELETED = "is being deleted and comes back afterwards"
    HELD_BACK = "waits for its turn"
    IN_SYNC = "is as it should be"
    NOT_OURS = "belongs to another owner"
    NAMED_TWICE = "is wanted twice under one name"


#: The verbs that write.
WRITES = frozenset({Verb.CREATE, Verb.APPLY, Verb.TAKE_OVER, Verb.PUT, Verb.DELETE})


@attrs.frozen
class Action:
    """One step of a plan.

    Args:
        verb: what is done.
        reason: why.
        id: to which object.
        child: what is wanted; ``None`` when the object is to go.
        body: what is sent, annotated with the hash of the intent; ``None`` when nothing is.
        uid: of the live object, empty when there is none. Writes carry it, so that they never reach
            a namesake.
        differences: the fields that drifted, for people.
        note: what ``reason`` leaves open, for example what is waited for.
        applied: hash of the intent that the live object was last written for, empty if unknown.
    """

    verb: Verb
    reason: Reason
    id: ChildId
    child: Child | None = None
    body: JSON | None = None
    uid: str = ""
    differences: tuple[Difference, ...] = ()
    note: str = ""
    applied: str = ""

    @property
    def writes(self) -> bool:
        return self.verb in WRITES

    def held(self, note: str) -> Action:
        """The same object, left alone in this pass."""
        return attrs.evolve(self, verb=Verb.WAIT, reason=Reason.HELD_BACK, body=None, note=note)

    def __str__(self) -> str:
        head = f"{self.verb} {self.id}: {self.reason}{': ' if self.note else ''}{self.note}"
        lines = describe(self.differences, secret=self.id.resource.kind == "Secret")
        return f"{head}\n{lines}" if lines else head
