"""What a result may say."""

from __future__ import annotations

import math
from datetime import timedelta

import pytest

from druid_operator.pkg.errors import NotFound
from druid_operator.pkg.meta import NamespacedName
from druid_operator.pkg.reconcile import Result, as_reconciler


def test_a_delay_is_kept_in_seconds_however_it_was_given() -> None:
    assert Result(timedelta(minutes=2)) == Result(120) == Result(requeue_after=120.0)


def test_an_empty_result_asks_for_nothing() -> None:
    assert (Result().requeue_after, Result().priority) == (None, None)


@pytest.mark.parametrize("delay", [-1, math.inf, math.nan, timedelta(seconds=-1)])
def test_a_delay_that_no_timer_can_keep_is_refused(delay: float) -> None:
    with pytest.raises(ValueError, match="requeue_after"):
        Result(delay)


async def test_reconciler_of_objects_is_called_with_what_is_read_and_not_for_what_is_gone() -> None:
    class Store:
        async def get(self, kind: type, key: NamespacedName, /) -> str:
            if key.name == "gone":
                raise NotFound("gone")
            return f"{kind.__name__} {key.name}"

    class Objects:
        seen: list[str] = []  # noqa: RUF012 - one test

        async def reconcile(self, obj: str) -> Result:
            self.seen.append(obj)
            return Result(5)

    reconciler = as_reconciler(Store(), str, Objects())  # type: ignore[arg-type] # all it needs
    assert await reconciler.reconcile(NamespacedName("ns", "gone")) is None
    assert await reconciler.reconcile(NamespacedName("ns", "here")) == Result(5)
    assert Objects.seen == ["str here"]
