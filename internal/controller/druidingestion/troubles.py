"""From what was raised to what the status says and when to look again. Pure."""

from __future__ import annotations

import attrs

from druid_operator.internal.controller.druidingestion.facts import Trouble
from druid_operator.internal.controller.druidingestion.reasons import ConditionReason as Reason
from druid_operator.internal.ingestion.redact import redact_text
from druid_operator.pkg.druidapi import errors
from druid_operator.pkg.errors import Forbidden, OperatorError, TerminalError

_REASONS: tuple[tuple[type[errors.DruidError], Reason, bool], ...] = (
    # error, reason, whether nothing can be said of the ingestion itself
    (errors.ProxyDisabled, Reason.PROXY_DISABLED, True),
    (errors.Rejected, Reason.SPEC_REJECTED, False),
    (errors.AuthFailed, Reason.UNAUTHORIZED, True),
    (errors.Capacity, Reason.WAITING_FOR_CAPACITY, False),
    (errors.NotReady, Reason.DRUID_UNREACHABLE, True),
    (errors.Timeout, Reason.DRUID_UNREACHABLE, True),
    (errors.OutcomeUnknown, Reason.DRUID_UNREACHABLE, True),
)


def trouble_of(error: OperatorError) -> Trouble | None:
    """``None``: a lost race that the next pass settles, not worth a word in the status."""
    if isinstance(error, errors.DruidError):
        message = redact_text(str(error))
        for kind, reason, unknown in _REASONS:
            if isinstance(error, kind):
                stalled = kind in (errors.ProxyDisabled, errors.Rejected)
                return Trouble(reason, message, stalled=stalled, unknown=unknown)
        return Trouble(Reason.DRUID_ERROR, message)
    if isinstance(error, Forbidden):
        return Trouble(Reason.RETRYING, redact_text(str(error)))
    if isinstance(error, TerminalError):
        return Trouble(error.reason, redact_text(str(error)), stalled=True)
    return None


@attrs.frozen
class _Wait:
    """The last wait of an object, and after which failure in a row."""

    kind: type[errors.DruidError]
    failures: int
    due: float


@attrs.define
class Backoffs:
    """Seconds before Druid is asked again, per object: each kind of failure has its own pace."""

    _waits: dict[object, _Wait] = attrs.field(factory=dict, init=False)

    def next(self, key: object, error: errors.DruidError, now: float) -> float:
        """``now`` in monotonic seconds.

        A pass that came before its time (an event of the object, of its ConfigMap) ends the same
        way and must not make the wait longer.
        """
        last = self._waits.get(key)
        if last is not None and last.kind is type(error) and now < last.due:
            return last.due - now
        failures = last.failures + 1 if last is not None else 0
        wait = float(min(error.backoff.first * 2 ** min(failures, 16), error.backoff.cap))
        self._waits[key] = _Wait(type(error), failures, now + wait)
        return wait

    def reset(self, key: object) -> None:
        self._waits.pop(key, None)
