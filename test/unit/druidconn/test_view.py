"""What is known of supervisors: who is told what, and what counts as old."""

from __future__ import annotations

from typing import Any

import pytest

from druid_operator.internal.druidconn import ClusterView
from druid_operator.pkg.druidapi import errors


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
async def view(druid: Any, told: list[str]) -> ClusterView:
    """Follows ``a``, which runs, as it was at 10."""
    view = ClusterView(told.append)
    druid.add("a", taskCount=1)
    view.follow("a")
    await view.refresh(druid, "a", 10.0)
    return view


async def test_an_unchanged_world_is_no_news(view: ClusterView, druid: Any, told: Any) -> None:
    view.take_states(await druid.supervisor_states(), 11)
    view.take_listing(await druid.supervisor_listing(), 12)
    view.take_status(await druid.supervisor_status("a"), 13)
    assert told == []


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d.states.update(a=("UNHEALTHY_SUPERVISOR", False)),
        lambda d: d.specs["a"].update(taskCount=2),
        lambda d: d.specs["a"].update(suspended=True),
        lambda d: (d.specs.pop("a"), d.states.pop("a")),
    ],
    ids=["state", "spec", "suspended", "gone"],
)
async def test_a_full_listing_shows_every_change(
    view: ClusterView, druid: Any, told: Any, change: Any
) -> None:
    change(druid)
    view.take_listing(await druid.supervisor_listing(), 12)
    assert told == ["a"]


async def test_a_cheap_listing_shows_states_and_who_is_missing(
    view: ClusterView, druid: Any, told: Any
) -> None:
    druid.states["a"] = ("IDLE", True)
    view.take_states(await druid.supervisor_states(), 11)
    facts = view.facts("a")
    assert facts is not None
    assert (facts.state, facts.spec, told) == ("IDLE", druid.specs["a"], ["a"])
    view.take_states([], 12)
    facts = view.facts("a")
    assert facts is not None
    assert not facts.exists
    # It comes back: its spec is not in this listing, so whoever is told has to ask.
    view.take_states(await druid.supervisor_states(), 13)
    assert view.facts("a") is None
    assert told == ["a"] * 3


async def test_others_than_the_followed_are_passed_over(view: ClusterView, druid: Any) -> None:
    druid.add("b")
    view.take_listing(await druid.supervisor_listing(), 12)
    assert view.facts("b") is None


async def test_a_listing_from_before_our_own_change_is_no_news(
    view: ClusterView, druid: Any, told: Any
) -> None:
    """Asked at 19, answered after the change of 20: it would undo what is known."""
    old = await druid.supervisor_listing()
    druid.specs["a"] = {"type": "kafka", "taskCount": 9}
    await view.refresh(druid, "a", 20.0)
    view.take_listing(old, 19)
    view.take_listing([], 19)
    view.take_states([], 19)
    facts = view.facts("a")
    assert facts is not None
    assert (facts.spec, told) == (druid.specs["a"], [])


async def test_what_may_be_stale_is_asked_anew_and_not_taken_from_an_older_listing(
    view: ClusterView, druid: Any
) -> None:
    old = await druid.supervisor_listing()
    view.forget("a", 20.0)
    view.take_listing(old, 19)
    assert view.facts("a") is None


async def test_lag_is_news_to_who_follows_and_times_are_not(
    view: ClusterView, druid: Any, told: Any
) -> None:
    druid.lag["a"] = 7
    view.take_status(await druid.supervisor_status("a"), 11)
    assert told == ["a"]
    view.take_status(await druid.supervisor_status("a"), 12)
    assert told == ["a"]


async def test_silence_and_its_end_are_told_to_everybody_once(view: ClusterView, told: Any) -> None:
    view.follow("b")
    for failure in (errors.NotReady("x"), errors.NotReady("y"), None, None):
        view.take_failure(failure)
    assert told == ["a", "b", "a", "b"]


async def test_what_is_not_followed_any_more_is_forgotten(view: ClusterView) -> None:
    view.unfollow("a")
    assert view.facts("a") is None
    assert view.followed == frozenset()
