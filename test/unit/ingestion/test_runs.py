"""Batch runs: chosen, recorded, looked up, sent once; success for ever; failures counted."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
import pytest

from druid_operator.internal.ingestion.runs import (
    MAX_ID,
    ObservedTask,
    Run,
    RunDecision,
    RunPolicy,
    decide_run,
    record,
    run_id,
    taken_over,
    task_id_of,
)

NOW = datetime(2026, 1, 1, tzinfo=UTC)
IDENTITY = ("ns", "load", "0123456789abcdef")
BATCH: dict[str, Any] = {"type": "index_parallel", "spec": {"ioConfig": {}}}
APPEND: dict[str, Any] = {
    "type": "index_parallel",
    "spec": {"ioConfig": {"appendToExisting": True}},
}
ABSENT = ObservedTask(found=False)
RUNNING = ObservedTask(found=True, state="RUNNING")
SUCCESS = ObservedTask(found=True, state="SUCCESS", duration_ms=7)


def failed(error: str = "boom") -> ObservedTask:
    return ObservedTask(found=True, state="FAILED", error=error)


class World:
    def __init__(self, build: Any) -> None:
        self.build = build
        self.desired = build(BATCH, kind="native-batch")
        self.runs: tuple[Run, ...] = ()
        self.policy = RunPolicy()
        self.now = NOW
        self.rejected = ""

    def want(self, document: dict[str, Any], **kwargs: Any) -> None:
        self.desired = self.build(document, kind="native-batch", **kwargs)

    def decide(self, observed: ObservedTask | None = None) -> RunDecision:
        return decide_run(
            self.desired, self.runs, observed, self.policy, identity=IDENTITY, now=self.now,
            rejected=self.rejected,
        )  # fmt: skip

    def step(self, observed: ObservedTask | None = None) -> RunDecision:
        """Decide and record, as a pass does."""
        decision = self.decide(observed)
        if decision.run is not None:
            self.runs = record(self.runs, decision.run)
        return decision


@pytest.fixture
def world(build) -> World:
    return World(build)


def test_an_id_is_chosen_first_and_sent_in_a_later_pass(world) -> None:
    first = world.step()
    assert (first.action, first.reason) == ("Choose", "FirstRun")
    assert world.runs[0].task_id == f"k8s-ns-load-01234567-{world.desired.spec_hash[:10]}-a1"
    second = world.step(ABSENT)
    assert second.action == "Submit"
    assert second.run == first.run


def test_a_run_that_arrived_is_tracked_and_never_sent_again(world) -> None:
    world.step()
    assert world.step(RUNNING).action == "Track"
    assert world.step(RUNNING).action == "Wait"
    ended = world.step(SUCCESS)
    assert (ended.action, ended.reason, world.runs[0].duration_ms) == ("Track", "Succeeded", 7)
    assert world.step().action == "Done"


def test_a_run_that_ended_before_we_looked_is_found(world) -> None:
    world.step()
    assert world.step(SUCCESS).reason == "Succeeded"


def test_success_is_for_ever_even_when_druid_forgets_the_task(world) -> None:
    world.step()
    world.step(SUCCESS)
    for _ in range(3):
        assert world.step(None).action == "Done"


def test_a_forgotten_task_that_was_running_is_lost_and_not_run_again(world) -> None:
    world.step()
    world.step(RUNNING)
    assert world.step(ABSENT).reason == "Lost"
    assert (world.step().action, world.step().reason) == ("Done", "Lost")


def test_an_unfinished_run_must_be_looked_up(world) -> None:
    world.step()
    with pytest.raises(ValueError, match="looked up"):
        world.decide(None)


def test_failures_are_retried_with_growing_pauses_up_to_the_limit(world) -> None:
    world.policy = RunPolicy(backoff_limit=2)
    delays = []
    for attempt in (1, 2, 3):
        assert world.step().action == "Choose"
        assert world.runs[0].attempt == attempt
        world.step(failed())
        waiting = world.step()
        if waiting.action == "Wait":
            delays.append(waiting.delay)
            world.now += timedelta(seconds=waiting.delay)
    assert delays == [60.0, 120.0]
    assert (waiting.action, waiting.reason) == ("Done", "BackoffLimitExceeded")


def test_by_default_a_failure_is_final(world) -> None:
    world.step()
    world.step(failed())
    assert (world.step().action, world.step().reason) == ("Done", "Failed")


def test_what_a_person_ended_is_not_retried(world) -> None:
    world.policy = RunPolicy(backoff_limit=5)
    world.step()
    world.step(failed("Shutdown request from user"))
    assert (world.step().action, world.step().reason) == ("Done", "Cancelled")


def test_a_changed_document_is_a_new_run_after_the_old_one_has_ended(world) -> None:
    world.step()
    world.step(RUNNING)
    world.want({**BATCH, "context": {"x": 1}})
    assert world.step(RUNNING).action == "Wait"
    world.step(SUCCESS)
    decision = world.step()
    assert (decision.action, decision.reason) == ("Choose", "SpecChanged")
    assert len(world.runs) == 2


def test_a_changed_document_replaces_an_id_that_was_never_sent(world) -> None:
    world.step()
    world.want({**BATCH, "context": {"x": 1}})
    assert world.step(ABSENT).run.state == "Withdrawn"
    assert world.step().action == "Choose"
    assert world.step(ABSENT).action == "Submit"


@pytest.mark.parametrize(
    ("policy", "document", "reason"),
    [
        (RunPolicy("Once"), BATCH, "ChangeNotRun"),
        (RunPolicy(), APPEND, "WouldAppendAgain"),
    ],
)
def test_a_change_that_must_not_run_by_itself_is_held(world, policy, document, reason) -> None:
    world.step()
    world.step(SUCCESS)
    world.policy = policy
    world.want({**document, "context": {"x": 1}})
    assert (world.step().action, world.step().reason) == ("Hold", reason)


def test_an_appending_document_runs_the_first_time_and_when_allowed(world) -> None:
    world.want(APPEND)
    assert world.step().action == "Choose"
    world.step(SUCCESS)
    world.want({**APPEND, "context": {"x": 1}})
    world.policy = RunPolicy(allow_append=True)
    assert world.step().action == "Choose"


def test_a_request_runs_once_more_and_once_only(world) -> None:
    world.step()
    world.step(SUCCESS)
    world.policy = RunPolicy(request="again-1")
    decision = world.step()
    assert (decision.action, decision.reason, decision.run.attempt) == ("Choose", "RunRequested", 2)
    world.step(SUCCESS)
    assert world.step().action == "Done"


def test_suspended_submits_nothing_and_still_tracks_what_runs(world) -> None:
    world.want(BATCH, suspend=True)
    assert (world.step().action, world.step().reason) == ("Hold", "Suspended")
    world.want(BATCH)
    world.step()
    world.want(BATCH, suspend=True)
    assert world.step(ABSENT).reason == "Suspended"
    assert world.step(SUCCESS).reason == "Succeeded"


def test_a_refused_document_is_not_sent_again(world) -> None:
    world.step()
    world.rejected = "no inputSource"
    assert (world.step(ABSENT).action, world.step(ABSENT).reason) == ("Hold", "SpecRejected")


def test_the_go_operators_task_is_tracked_and_not_run_again(world) -> None:
    world.runs = (taken_over("index_parallel_x", world.desired.spec_hash),)
    assert world.step(SUCCESS).reason == "Succeeded"
    assert world.step().action == "Done"


def test_ids_differ_where_they_must_and_stay_short() -> None:
    ids = {
        run_id("ns", "a", "u1111111", "h1", 1),
        run_id("ns", "a", "u2222222", "h1", 1),
        run_id("ns", "a", "u1111111", "h2", 1),
        run_id("ns", "a", "u1111111", "h1", 2),
    }
    assert len(ids) == 4
    long = run_id("n" * 63, "x" * 253, "u" * 36, "h" * 64, 12)
    assert len(long) == MAX_ID
    assert long.endswith("-a12")


def test_the_task_of_a_query_is_named_after_it() -> None:
    assert task_id_of("k8s-x", "sql") == "query-k8s-x"
    assert task_id_of("k8s-x", "task") == "k8s-x"


def test_history_is_bounded_and_newest_first() -> None:
    runs: tuple[Run, ...] = ()
    for n in range(15):
        runs = record(runs, Run(f"t{n}", "h", n, "Succeeded"))
    assert [r.task_id for r in runs] == [f"t{n}" for n in range(14, 4, -1)]
    again = record(runs, attrs.evolve(runs[0], state="Failed"))
    assert len(again) == 10
