"""How delays grow, and what resets them."""

from __future__ import annotations

import pytest

from druid_operator.pkg.workqueue import Bucket, ItemExponential, MaxOf


def test_delays_of_a_key_double_from_5_ms_to_1000_s() -> None:
    limiter: ItemExponential[str] = ItemExponential()
    delays = [limiter.when("a") for _ in range(20)]
    assert delays[:4] == [0.005, 0.01, 0.02, 0.04]
    assert delays[17] == 0.005 * 2**17
    assert delays[18:] == [1000.0, 1000.0]


def test_keys_do_not_slow_each_other_and_forget_resets() -> None:
    limiter: ItemExponential[str] = ItemExponential()
    for _ in range(5):
        limiter.when("a")
    assert limiter.when("b") == 0.005
    assert limiter.retries("a") == 5
    limiter.forget("a")
    assert limiter.retries("a") == 0
    assert limiter.when("a") == 0.005


def test_a_key_that_fails_for_ever_overflows_nothing() -> None:
    limiter: ItemExponential[str] = ItemExponential()
    assert max(limiter.when("a") for _ in range(3000)) == 1000.0


@pytest.mark.parametrize(("draw", "expected"), [(0.0, 0.9), (0.5, 1.0), (0.999999, 1.1)])
def test_jitter_spreads_delays_evenly_around_the_plain_one(draw: float, expected: float) -> None:
    limiter: ItemExponential[str] = ItemExponential(1.0, 1.0, jitter=0.1, uniform=lambda: draw)
    assert limiter.when("a") == pytest.approx(expected, abs=1e-5)


def test_a_bucket_gives_its_burst_at_once_and_then_its_rate() -> None:
    now = [0.0]
    bucket: Bucket[str] = Bucket(10, 3, now=lambda: now[0])
    assert [bucket.when("a") for _ in range(5)] == pytest.approx([0, 0, 0, 0.1, 0.2])
    now[0] = 0.2
    assert bucket.when("b") == pytest.approx(0.1)
    now[0] = 100.0
    assert [bucket.when("c") for _ in range(4)] == pytest.approx([0, 0, 0, 0.1])


def test_max_of_asks_every_limiter_and_takes_the_longest_delay() -> None:
    now = [0.0]
    exponential: ItemExponential[str] = ItemExponential(1.0, 100.0)
    limiter = MaxOf(exponential, Bucket(10, 1, now=lambda: now[0]))
    assert [limiter.when("a") for _ in range(3)] == [1.0, 2.0, 4.0]
    assert limiter.when("b") == 1.0
    assert limiter.retries("a") == 3
    limiter.forget("a")
    assert exponential.retries("a") == 0


@pytest.mark.parametrize(
    "build",
    [
        lambda: ItemExponential(0),
        lambda: ItemExponential(2, 1),
        lambda: ItemExponential(jitter=1),
        lambda: Bucket(0),
        lambda: Bucket(1, 0),
        lambda: MaxOf(),
    ],
)
def test_limits_that_mean_nothing_are_refused(build) -> None:
    with pytest.raises(ValueError, match="need"):
        build()
