"""Objects as the Go operator left them, after it talked to a real Druid 33.0.0.

``batch``: Druid accepted and ran the task, the status says ``CreateFail``. ``kafka-full``: a
supervisor with compaction and rules.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from druid_operator.api.v1alpha1.druidingestion_types import DruidIngestion
from druid_operator.internal.ingestion.document import DesiredDocument, build_document
from druid_operator.internal.ingestion.go_status import go_spec_text, same_as_go, submitted_by_go
from druid_operator.internal.ingestion.marker import Marker
from druid_operator.internal.ingestion.runs import ObservedTask, RunPolicy, decide_run, taken_over
from druid_operator.internal.ingestion.supervisor import decide_supervisor
from druid_operator.internal.ingestion.verdict import (
    ObservedSupervisor,
    SupervisorMemory,
    SupervisorPolicy,
)
from druid_operator.pkg.scheme.converter import Converter

HERE = Path(__file__).parent / "go_operator"
NAMES = ("batch", "kafka-full")


def load(name: str) -> dict[str, Any]:
    stored: dict[str, Any] = json.loads((HERE / f"{name}.json").read_text())
    return stored


def desired_of(stored: dict[str, Any]) -> DesiredDocument:
    typed = Converter().decode(DruidIngestion, stored)
    return build_document(typed.spec.ingestion, suspend=typed.spec.suspend)


@pytest.mark.parametrize("name", NAMES)
def test_its_record_of_the_document_is_what_we_would_write(name: str) -> None:
    stored = load(name)
    desired = desired_of(stored)
    recorded = stored["status"]["currentIngestionSpec.json"]
    assert go_spec_text(desired.raw) == recorded
    assert same_as_go(desired.raw, recorded)
    assert submitted_by_go(stored["status"])


def test_a_supervisor_is_taken_over_without_a_post(as_druid_says) -> None:
    stored = load("kafka-full")
    desired = desired_of(stored)
    meta = stored["metadata"]
    owner = Marker(meta["namespace"], meta["name"], meta["uid"], desired.spec_hash)
    memory = SupervisorMemory(
        go_spec=stored["status"]["currentIngestionSpec.json"],
        go_submitted=submitted_by_go(stored["status"]),
    )
    observed = ObservedSupervisor(as_druid_says(desired.raw), "33.0.0")
    decision = decide_supervisor(desired, observed, memory, owner, SupervisorPolicy())
    assert (decision.action, decision.reason) == ("Adopt", "Adopted")
    assert desired.supervisor_id == stored["status"]["taskId"] == "clicks"


def test_the_batch_that_it_calls_failed_has_succeeded_and_is_not_run_again() -> None:
    stored = load("batch")
    desired = desired_of(stored)
    meta = stored["metadata"]
    identity = (meta["namespace"], meta["name"], meta["uid"])
    now = datetime(2026, 1, 1, tzinfo=UTC)
    runs = (taken_over(stored["status"]["taskId"], desired.spec_hash),)
    seen = ObservedTask(found=True, state="SUCCESS")
    first = decide_run(desired, runs, seen, RunPolicy(), identity=identity, now=now)
    assert (first.action, first.reason) == ("Track", "Succeeded")
    assert first.run is not None
    then = decide_run(desired, (first.run,), None, RunPolicy(), identity=identity, now=now)
    assert (then.action, then.reason) == ("Done", "Succeeded")
