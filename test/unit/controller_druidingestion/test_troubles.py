"""From errors to what users read, and to the time until the next attempt."""

from __future__ import annotations

import pytest

from druid_operator.internal.controller.druidingestion.troubles import Backoffs, trouble_of
from druid_operator.pkg.druidapi import errors
from druid_operator.pkg.errors import Conflict, FieldError, Forbidden, InvalidObject, TerminalError


@pytest.mark.parametrize(
    ("error", "reason", "stalled", "unknown"),
    [
        (errors.NotReady("m"), "DruidUnreachable", False, True),
        (errors.NotSent("m"), "DruidUnreachable", False, True),
        (errors.NotLeader("m"), "DruidUnreachable", False, True),
        (errors.Timeout("m"), "DruidUnreachable", False, True),
        (errors.OutcomeUnknown("m"), "DruidUnreachable", False, True),
        (errors.ProxyDisabled("m"), "ManagementProxyDisabled", True, True),
        (errors.AuthFailed("m"), "Unauthorized", False, True),
        (errors.Rejected("m"), "SpecRejected", True, False),
        (errors.Capacity("m"), "WaitingForCapacity", False, False),
        (errors.ServerError("m"), "DruidError", False, False),
        (Forbidden("m"), "Retrying", False, False),
        (TerminalError("m", reason="SecretNotFound"), "SecretNotFound", True, False),
        (InvalidObject([FieldError("spec.x", "m")]), "Invalid", True, False),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
def test_each_error_has_its_words(error, reason, stalled, unknown) -> None:
    trouble = trouble_of(error)
    assert trouble is not None
    assert trouble.reason.startswith(reason)
    assert (trouble.stalled, trouble.unknown) == (stalled, unknown)
    assert "m" in trouble.message


def test_a_lost_race_is_not_worth_a_word() -> None:
    assert trouble_of(Conflict("changed")) is None


def test_secrets_in_druids_words_are_hidden() -> None:
    trouble = trouble_of(errors.Rejected('bad "password": "hush" there'))
    assert trouble is not None
    assert "hush" not in trouble.message


def test_waits_double_from_the_errors_own_pace_to_its_cap_and_start_anew() -> None:
    backoffs = Backoffs()
    error = errors.NotReady("m")
    now, waits = 0.0, []
    for _ in range(6):
        waits.append(backoffs.next("a", error, now))
        now += waits[-1]
    assert waits == [2, 4, 8, 16, 30, 30]
    assert backoffs.next("b", error, now) == 2
    backoffs.reset("a")
    assert backoffs.next("a", error, now) == 2
    assert backoffs.next("c", errors.OutcomeUnknown("m"), now) == 60


def test_a_pass_before_its_time_does_not_make_the_wait_longer() -> None:
    backoffs = Backoffs()
    off = errors.ProxyDisabled("m")
    assert backoffs.next("a", off, 0.0) == 60
    assert [backoffs.next("a", off, now) for now in (1.0, 20.0, 59.0)] == [59, 40, 1]
    assert backoffs.next("a", off, 60.0) == 120
    # Another failure is other news, and has its own pace.
    assert backoffs.next("a", errors.NotReady("m"), 61.0) == 8
