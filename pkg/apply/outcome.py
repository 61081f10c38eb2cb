"""What became of one action."""

from __future__ import annotations

from enum import StrEnum

import attrs

from druid_operator.pkg.apply.action import Action
from druid_operator.pkg.apply.child import ChildId
from druid_operator.pkg.apply.diff import Difference
from druid_operator.pkg.errors import OperatorError, TerminalError
from druid_operator.pkg.meta import JSON


class NameConflict(TerminalError):
    """An object that we should make exists already and belongs to somebody else.

    Terminal for the pass: it is neither overwritten nor adopted, and ends when the other object
    goes or ours gets another name.
    """

    def __init__(self, id_: ChildId, owner: str) -> None:
        super().__init__(
            f"{id_} exists and belongs to {owner}: rename or delete one of the two",
            reason="NameConflict",
        )
        self.id = id_


class Result(StrEnum):
    """How an action ended."""

    CREATED = "created"
    APPLIED = "applied"
    DELETED = "deleted"
    UNCHANGED = "unchanged"
    WAITING = "waiting"  #: nothing was sent: see the action's reason, or ``blocked_by``
    FAILED = "failed"


@attrs.frozen
class Outcome:
    """An action and its end.

    Args:
        action: as planned.
        result: how it ended.
        obj: the object as the server answered it, ``None`` when nothing was written or it is gone.
        error: for ``FAILED`` only.
        blocked_by: for ``WAITING`` only: the object that failed or waits and that this one
            requires.
        unkept: fields that the server stored otherwise than we sent them.
    """

    action: Action
    result: Result
    obj: JSON | None = None
    error: OperatorError | None = None
    blocked_by: ChildId | None = None
    unkept: tuple[Difference, ...] = ()

    @property
    def wrote(self) -> bool:
        return self.result in (Result.CREATED, Result.APPLIED, Result.DELETED)
