"""A Druid that gives no answer is left in peace, and asked again by one caller at a time."""

from __future__ import annotations

import pytest

from druid_operator.internal.druidconn.breaker import OPEN_AFTER, RETRY_SECONDS, Breaker
from druid_operator.pkg.clock import FakeClock
from druid_operator.pkg.druidapi import errors


def opened(clock: FakeClock) -> Breaker:
    breaker = Breaker(clock)
    for _ in range(OPEN_AFTER):
        breaker.check()
        breaker.observe("x", 0, 1.0)
    return breaker


def is_open(breaker: Breaker) -> bool:
    try:
        breaker.check()
    except errors.NotReady:
        return True
    return False


def test_it_opens_after_failures_in_a_row_and_says_so() -> None:
    clock = FakeClock()
    with pytest.raises(errors.NotReady, match="no answer 3 times in a row"):
        opened(clock).check()


@pytest.mark.parametrize("status", [200, 404, 503])
def test_any_answer_closes_it(status: int) -> None:
    breaker = opened(FakeClock())
    breaker.observe("x", status, 0.1)
    assert not is_open(breaker)


def test_one_caller_is_let_through_after_a_while() -> None:
    clock = FakeClock()
    breaker = opened(clock)
    clock.step(RETRY_SECONDS)
    assert [is_open(breaker) for _ in range(3)] == [False, True, True]
    breaker.observe("x", 0, 1.0)
    assert is_open(breaker)
