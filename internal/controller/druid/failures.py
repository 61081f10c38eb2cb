"""From errors of a pass to what the status says about them."""

from __future__ import annotations

from collections.abc import Sequence

from druid_operator.internal.controller.druid.reasons import ConditionReason
from druid_operator.internal.controller.druid.status import Failure
from druid_operator.internal.druid.validate import REFERENCE_NOT_FOUND
from druid_operator.pkg.apply import NameConflict, Outcome
from druid_operator.pkg.errors import (
    AlreadyExists,
    BadRequest,
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    OperatorError,
    RequestTooLarge,
    TerminalError,
)

_RACES = (AlreadyExists, Conflict, NotFound)
#: The same request would be refused again.
_REFUSALS = (BadRequest, Forbidden, Invalid, RequestTooLarge)
_MAX_NAMED = 3


def is_race(error: OperatorError) -> bool:
    """Another writer was faster. The pass is repeated at once, and nobody needs to hear of it."""
    return isinstance(error, _RACES)


def failure_of(outcomes: Sequence[Outcome]) -> Failure | None:
    """The worst failure among the children, all of that kind in its message."""
    for reason, types, stalled in (
        (ConditionReason.NAME_CONFLICT, NameConflict, True),
        (ConditionReason.CHILD_REFUSED, _REFUSALS, True),
        (ConditionReason.RETRYING, OperatorError, False),
    ):
        found = [
            f"{o.action.id.resource.kind} {o.action.id.key.name}: {o.error}"
            for o in outcomes
            if isinstance(o.error, types) and not is_race(o.error)
        ]
        if found:
            more = f"; and {len(found) - _MAX_NAMED} more" if len(found) > _MAX_NAMED else ""
            return Failure(reason, "; ".join(found[:_MAX_NAMED]) + more, stalled)
    return None


def failure_from(error: OperatorError) -> Failure | None:
    """The failure of a whole pass; ``None`` for what is merely repeated."""
    if isinstance(error, TerminalError):
        known = error.reason == REFERENCE_NOT_FOUND
        reason = ConditionReason.REFERENCE_NOT_FOUND if known else ConditionReason.INVALID_SPEC
        return Failure(reason, str(error), stalled=True)
    if is_race(error):
        return None
    return Failure(ConditionReason.RETRYING, str(error), stalled=isinstance(error, _REFUSALS))


def to_retry(outcomes: Sequence[Outcome]) -> OperatorError | None:
    """The error that the queue should back off for; a terminal one is waited out instead."""
    return next(
        (o.error for o in outcomes if o.error and not isinstance(o.error, TerminalError)), None
    )
