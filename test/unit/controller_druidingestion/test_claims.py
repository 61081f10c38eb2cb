"""One supervisor, several objects: whose it is."""

from __future__ import annotations

from typing import Any

import pytest

from druid_operator.internal.controller.druidingestion.claims import claimed, stronger_claimant


def obj(name: str, created: int, **status: Any) -> dict[str, Any]:
    meta = {
        "name": name, "namespace": "ns", "uid": name,
        "creationTimestamp": f"2026-01-01T00:00:{created:02d}Z",
    }  # fmt: skip
    return {"metadata": meta, "status": status}


HELD = {"supervisorId": "s", "specHash": "h"}


@pytest.mark.parametrize(
    ("mine", "others", "winner"),
    [
        (obj("a", 1), [], ""),
        (obj("a", 1), [obj("a", 1)], ""),
        (obj("a", 1), [obj("b", 2)], ""),
        (obj("b", 2), [obj("a", 1)], "a"),
        (obj("b", 1), [obj("a", 1)], "a"),
        (obj("a", 1), [obj("b", 2, **HELD)], "b"),
        (obj("a", 1), [obj("b", 2, taskId="s")], "b"),
        (obj("a", 1), [obj("b", 2, supervisorId="s")], ""),
        (obj("b", 2, **HELD), [obj("a", 1)], ""),
        (obj("c", 3), [obj("b", 2), obj("a", 1)], "a"),
    ],
    ids=[
        "alone", "oneself", "older", "younger", "as old: uid", "it is held", "held since Go",
        "only asked for", "holding", "the oldest of several",
    ],
)  # fmt: skip
def test_who_holds_it_wins_then_who_is_older(mine, others, winner) -> None:
    assert stronger_claimant(mine, others, "s") == winner


def test_an_object_claims_what_it_asks_for_and_what_it_holds() -> None:
    kafka = {
        "type": "kafka",
        "spec": {"dataSchema": {"dataSource": "new"}, "ioConfig": {"topic": "t"}},
    }
    spec = {"druidCluster": "c", "ingestion": {"type": "kafka", "nativeSpec": kafka}}
    found = {**obj("a", 1, supervisorId="old"), "spec": spec}
    assert list(claimed(found)) == ["ns/c new", "ns/c old"]
    found["spec"]["ingestion"]["nativeSpec"] = {}
    assert list(claimed(found)) == ["ns/c old"]
