"""What the status remembers, read back in the terms of the decisions."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from druid_operator.internal.controller.druidingestion.memory import (
    REFUSAL_SECONDS,
    read_runs,
    rejected_message,
    supervisor_memory,
    write_runs,
)
from druid_operator.internal.ingestion.runs import Run

MOMENT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("status", "known", "by_go"),
    [
        ({}, "", False),
        ({"supervisorId": "wiki"}, "", False),
        ({"supervisorId": "wiki", "specHash": "h"}, "wiki", False),
        ({"supervisorId": "old"}, "old", False),
        ({"taskId": "wiki"}, "wiki", True),
        ({"taskId": "wiki", "supervisorId": "wiki", "specHash": "h"}, "wiki", False),
    ],
    ids=["new", "written before the POST", "taken", "another id", "the Go operator's", "ours"],
)
def test_an_id_is_known_once_druid_took_the_document(desired, status, known, by_go) -> None:
    memory = supervisor_memory(status, desired(), MOMENT)
    assert (memory.supervisor_id, memory.go_submitted) == (known, by_go)


@pytest.mark.parametrize(
    ("spec_hash", "version", "told"),
    [("h", "33", "why"), ("other", "33", ""), ("h", "34", "")],
)
def test_a_refusal_holds_for_this_document_and_this_druid(spec_hash, version, told) -> None:
    status = {"rejected": {"specHash": "h", "druidVersion": "33", "message": "why"}}
    assert rejected_message(status, spec_hash, version, MOMENT) == told


def test_runs_are_read_back_as_they_were_written() -> None:
    runs = (
        Run("b", "h2", 2, "Failed", request="r", started=MOMENT, ended=MOMENT, duration_ms=7,
            error="e"),
        Run("a", "h1", 1, "Chosen"),
    )  # fmt: skip
    assert read_runs({"runs": write_runs(runs)}, "h2") == runs
    assert "error" not in write_runs(runs)[1]


def test_what_the_go_operator_submitted_counts_as_a_run() -> None:
    assert read_runs({}, "h") == ()
    (run,) = read_runs({"taskId": "t", "type": "DruidIngestionControllerCreateFail"}, "h")
    assert (run.task_id, run.spec_hash, run.state) == ("t", "h", "Running")


def test_a_refusal_stands_for_half_an_hour(desired) -> None:
    """Nothing else tells when Druid's administrator has loaded what was missing."""
    rejected = {"specHash": "h1", "druidVersion": "33", "message": "why"}
    status = {"rejected": {**rejected, "time": "2026-01-02T03:00:00Z"}}
    assert supervisor_memory(status, desired(), MOMENT).rejected_hash == "h1"
    later = MOMENT + timedelta(seconds=REFUSAL_SECONDS)
    assert supervisor_memory(status, desired(), later).rejected_hash == ""
