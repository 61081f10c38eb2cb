"""One supervisor, several objects: whose it is."""

from __future__ import annotations

from typing import Any

import pytest

from druid_operator.internal.controller.druidingestion.claims import (
    claims_of,
    settings_claim,
    stronger_claimant,
    supervisor_claim,
)


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
    assert stronger_claimant(mine, others, supervisor_claim("s")) == winner


def test_settings_of_a_datasource_belong_to_one_object_too() -> None:
    holder = obj("b", 2, dataSourceSettings={"dataSource": "d"})
    assert stronger_claimant(obj("a", 1), [holder], settings_claim("d")) == "b"
    assert stronger_claimant(obj("a", 1), [holder], settings_claim("other")) == ""


def test_an_object_claims_what_it_asks_for_and_what_it_holds() -> None:
    kafka = {
        "type": "kafka",
        "spec": {"dataSchema": {"dataSource": "new"}, "ioConfig": {"topic": "t"}},
    }
    spec = {"druidCluster": "c", "ingestion": {"type": "kafka", "nativeSpec": kafka, "rules": []}}
    found = {**obj("a", 1, supervisorId="old", specHash="h"), "spec": spec}
    assert list(claims_of(found)) == [
        "ns/c rules and compaction of new", "ns/c supervisor new", "ns/c supervisor old",
    ]  # fmt: skip
    found["spec"]["ingestion"]["nativeSpec"] = {}
    assert list(claims_of(found)) == ["ns/c supervisor old"]
