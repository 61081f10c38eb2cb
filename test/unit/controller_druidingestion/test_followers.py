"""Who is woken when a supervisor changes."""

from __future__ import annotations

from druid_operator.internal.controller.druidingestion.followers import Followers
from druid_operator.pkg.meta import NamespacedName

CLUSTER, OTHER = NamespacedName("ns", "c"), NamespacedName("ns", "d")
A, B = NamespacedName("ns", "a"), NamespacedName("ns", "b")


def test_those_who_follow_are_woken_and_nobody_else() -> None:
    woken: list[NamespacedName] = []
    followers = Followers(woken.append)
    followers.follow(B, [(CLUSTER, "wiki")])
    followers.follow(A, [(CLUSTER, "wiki"), (OTHER, "wiki")])
    followers.changed(CLUSTER, "wiki")
    assert woken == [A, B]
    followers.changed(CLUSTER, "unknown")
    followers.changed(OTHER, "wiki")
    assert woken == [A, B, A]


def test_who_follows_something_else_leaves_what_he_followed() -> None:
    followers = Followers(lambda key: None)
    assert followers.follow(A, [(CLUSTER, "old"), (CLUSTER, "both")]) == []
    assert followers.follow(B, [(CLUSTER, "both")]) == []
    assert followers.follow(A, [(CLUSTER, "new")]) == [(CLUSTER, "old")]
    assert followers.follow(A, [(CLUSTER, "new")]) == []


def test_who_forgets_names_what_nobody_follows_any_more() -> None:
    followers = Followers(lambda key: None)
    for key in (A, B):
        followers.follow(key, [(CLUSTER, "wiki"), *([(CLUSTER, "mine")] if key == A else [])])
    assert followers.forget(A) == [(CLUSTER, "mine")]
    assert followers.forget(A) == []
    assert followers.forget(B) == [(CLUSTER, "wiki")]
