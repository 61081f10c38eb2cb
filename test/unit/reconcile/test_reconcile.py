"""What a result may say."""

from __future__ import annotations

import math
from datetime import timedelta

import pytest

from druid_operator.pkg.reconcile import Result


def test_a_delay_is_kept_in_seconds_however_it_was_given() -> None:
    assert Result(timedelta(minutes=2)) == Result(120) == Result(requeue_after=120.0)


def test_an_empty_result_asks_for_nothing() -> None:
    assert (Result().requeue_after, Result().priority) == (None, None)


@pytest.mark.parametrize("delay", [-1, math.inf, math.nan, timedelta(seconds=-1)])
def test_a_delay_that_no_timer_can_keep_is_refused(delay: float) -> None:
    with pytest.raises(ValueError, match="requeue_after"):
        Result(delay)
