"""Deletion: Druid first, 404 is done, nothing foreign is touched, nobody waits for ever."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from druid_operator.internal.ingestion.deletion import (
    CLUSTER_GONE_GRACE,
    DeletionFacts,
    decide_run_deletion,
    decide_supervisor_deletion,
)
from druid_operator.internal.ingestion.marker import Marker, with_marker

OWNER = Marker("ns", "wiki", "u", "h")
MINE = with_marker({"type": "kafka"}, OWNER)
FOREIGN = with_marker({"type": "kafka"}, Marker("ns", "other", "u", "h"))
FACTS = DeletionFacts(submitted=True, reachable=True, cluster_exists=True, live=MINE)


@pytest.mark.parametrize(
    ("changes", "policy", "verdict"),
    [
        ({}, "Terminate", ("Terminate", "Terminating")),
        ({}, "Suspend", ("Suspend", "Suspending")),
        ({"live": {**MINE, "suspended": True}}, "Suspend", ("Release", "Suspended")),
        ({}, "Orphan", ("Release", "Orphaned")),
        ({"live": None}, "Terminate", ("Release", "Gone")),
        ({"live": FOREIGN}, "Terminate", ("Release", "NotOurs")),
        ({"live": {"type": "kafka"}}, "Terminate", ("Release", "NotOurs")),
        ({"live": {"type": "kafka"}, "adopted": True}, "Terminate", ("Terminate", "Terminating")),
        ({"submitted": False, "reachable": False}, "Terminate", ("Release", "NeverSubmitted")),
        ({"reachable": False}, "Terminate", ("Wait", "ClusterUnreachable")),
        (
            {"reachable": False, "cluster_exists": False},
            "Terminate",
            ("Wait", "ClusterGone"),
        ),
        (
            {"reachable": False, "cluster_exists": False, "unreachable_for": CLUSTER_GONE_GRACE},
            "Terminate",
            ("Release", "ClusterGone"),
        ),
        ({"reachable": False, "skip": True}, "Terminate", ("Release", "ReleasedByUser")),
    ],
)
def test_supervisors(changes: dict[str, Any], policy: Any, verdict: tuple[str, str]) -> None:
    decision = decide_supervisor_deletion(attrs.evolve(FACTS, **changes), OWNER, policy)
    assert (decision.action, decision.reason) == verdict


@pytest.mark.parametrize(
    ("ended", "policy", "verdict"),
    [
        (False, "Terminate", ("Shutdown", "ShuttingDown")),
        (True, "Terminate", ("Release", "Finished")),
        (None, "Terminate", ("Release", "Gone")),
        (False, "Suspend", ("Release", "Orphaned")),
        (False, "Orphan", ("Release", "Orphaned")),
    ],
)
def test_runs(ended: bool | None, policy: Any, verdict: tuple[str, str]) -> None:
    facts = attrs.evolve(FACTS, live=None, task_ended=ended)
    decision = decide_run_deletion(facts, policy)
    assert (decision.action, decision.reason) == verdict
