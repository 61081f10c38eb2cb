"""Token buckets: a burst, a slow refill, and a bound on how many are remembered."""

from __future__ import annotations

from druid_operator.pkg.recorder.spam import SpamFilter


def test_a_burst_passes_and_then_one_in_five_minutes() -> None:
    spam = SpamFilter()
    assert [spam.allows("a", 0.0) for _ in range(27)] == [True] * 25 + [False] * 2
    assert not spam.allows("a", 299.0)
    assert spam.allows("a", 301.0)
    assert not spam.allows("a", 302.0)


def test_objects_have_buckets_of_their_own() -> None:
    spam = SpamFilter(burst=1)
    assert spam.allows("a", 0.0)
    assert spam.allows("b", 0.0)
    assert not spam.allows("a", 0.0)


def test_a_bucket_holds_no_more_than_its_burst() -> None:
    spam = SpamFilter(burst=2, refill_after=1.0)
    spam.allows("a", 0.0)
    assert [spam.allows("a", 1000.0) for _ in range(3)] == [True, True, False]


def test_the_object_not_asked_about_for_longest_is_forgotten() -> None:
    spam = SpamFilter(burst=1, max_objects=2)
    for obj in ("a", "b", "a", "c"):
        spam.allows(obj, 0.0)
    assert not spam.allows("a", 0.0)
    assert spam.allows("b", 0.0)
