"""Nothing is counted anew while what was asked for has not been seen."""

from __future__ import annotations

from druid_operator.pkg.clock import FakeClock
from druid_operator.pkg.controllerutil import Expectations


def test_creations_are_counted_down() -> None:
    expectations = Expectations(FakeClock())
    assert expectations.satisfied("owner")
    expectations.expect_creations("owner", 2)
    expectations.creation_observed("owner")
    assert not expectations.satisfied("owner")
    assert expectations.satisfied("another")
    expectations.creation_observed("owner")
    assert expectations.satisfied("owner")


def test_deletions_are_told_apart_by_uid() -> None:
    expectations = Expectations(FakeClock())
    expectations.expect_deletions("owner", ["u1", "u2", "u1"])
    expectations.deletion_observed("owner", "u1")
    expectations.deletion_observed("owner", "u1")
    assert not expectations.satisfied("owner")
    expectations.deletion_observed("owner", "u2")
    assert expectations.satisfied("owner")


def test_an_event_that_never_comes_holds_nothing_up_for_ever() -> None:
    clock = FakeClock()
    expectations = Expectations(clock, timeout=300)
    expectations.expect_creations("owner", 1)
    clock.step(299)
    assert not expectations.satisfied("owner")
    clock.step(2)
    assert expectations.satisfied("owner")


def test_forgotten_owner_expects_nothing() -> None:
    expectations = Expectations(FakeClock())
    expectations.expect_creations("owner", 1)
    expectations.forget("owner")
    expectations.creation_observed("owner")
    assert expectations.satisfied("owner")
