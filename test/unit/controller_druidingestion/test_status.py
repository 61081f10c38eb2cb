"""The status is a function of the facts: what Druid's words become, and when nothing is written."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import attrs
import pytest

from druid_operator.internal.controller.druidingestion.facts import Facts, Trouble
from druid_operator.internal.controller.druidingestion.status import (
    build_status,
    deleting_status,
    paused_status,
)
from druid_operator.internal.controller.druidingestion.stream_status import (
    LAG_PERIOD,
    MAX_ERROR_TEXT,
    PASSING_SECONDS,
    PENDING_WITH_ERRORS_SECONDS,
)
from druid_operator.internal.druidconn import SupervisorFacts
from druid_operator.internal.ingestion.runs import Run
from druid_operator.pkg.druidapi.types import StreamError
from druid_operator.pkg.meta import find_condition, kstatus

JSON = dict[str, Any]
NO_SUCH_HOST = (StreamError("1", "E", "no such host"),)


def told(status: JSON, type_: str = "Ready") -> tuple[str, str]:
    found = find_condition(status["conditions"], type_) or {"status": "", "reason": ""}
    return found["status"], found["reason"]


@pytest.mark.parametrize(
    ("says", "ready", "kstatus_"),
    [
        ({"state": "RUNNING"}, ("True", "Running"), "Current"),
        ({"state": "IDLE"}, ("True", "Idle"), "Current"),
        ({"state": "COMPLETED"}, ("True", "Succeeded"), "Current"),
        ({"state": "SUSPENDED", "suspended": True}, ("True", "Suspended"), "Current"),
        ({"state": "PENDING", "suspended": True}, ("True", "Suspended"), "Current"),
        (
            {"state": "UNHEALTHY_SUPERVISOR", "suspended": True, "healthy": False},
            ("True", "Suspended"),
            "Current",
        ),
        ({"state": "PENDING"}, ("False", "Starting"), "InProgress"),
        ({"state": "STOPPING"}, ("False", "Starting"), "InProgress"),
        ({"state": "SUSPENDED"}, ("False", "Starting"), "InProgress"),
        ({"state": "UNHEALTHY_TASKS", "healthy": False}, ("False", "Unhealthy"), "InProgress"),
        ({"state": "UNHEALTHY_SUPERVISOR", "healthy": False}, ("False", "Unhealthy"), "InProgress"),
        ({"state": "RUNNING", "healthy": False}, ("False", "Unhealthy"), "InProgress"),
    ],
    ids=str,
)  # fmt: skip
def test_ready_is_what_druid_says_now(
    ingestion, desired, supervisor, now, says, ready, kstatus_
) -> None:
    facts = Facts(desired=desired(), supervisor=supervisor(**says), synced=True)
    status = build_status(ingestion(), facts, now=now)
    assert told(status) == ready
    assert kstatus({**ingestion(), "status": status}) == kstatus_
    assert status["observedGeneration"] == 3


@pytest.mark.parametrize(
    ("state", "ready", "shown", "kstatus_"),
    [
        ("Chosen", ("False", "Starting"), "PENDING", "InProgress"),
        ("Running", ("False", "Starting"), "RUNNING", "InProgress"),
        ("Succeeded", ("True", "Succeeded"), "SUCCESS", "Current"),
        ("Failed", ("False", "Failed"), "FAILED", "Failed"),
        ("Lost", ("False", "Lost"), "LOST", "Failed"),
    ],
)
def test_a_run_is_shown_in_druids_words(
    ingestion, desired, now, state, ready, shown, kstatus_
) -> None:
    run = Run(task_id="t", spec_hash="h1", attempt=1, state=state)
    status = build_status(ingestion(), Facts(desired=desired(runs="task"), runs=(run,)), now=now)
    assert (told(status), status["state"]) == (ready, shown)
    assert kstatus({**ingestion(), "status": status}) == kstatus_


@pytest.mark.parametrize(
    ("trouble", "ready", "other", "synced"),
    [
        (Trouble("R", "m", stalled=True), ("False", "R"), "Stalled", ("False", "R")),
        (Trouble("R", "m"), ("False", "R"), "Reconciling", ("False", "R")),
        (Trouble("R", "m", unknown=True), ("Unknown", "R"), "Reconciling", ("Unknown", "R")),
    ],
    ids=["stalled", "passing", "unknown"],
)
def test_a_trouble_is_told_by_its_reason(
    ingestion, desired, now, trouble, ready, other, synced
) -> None:
    facts = Facts(desired=desired(), trouble=trouble, synced=None if trouble.unknown else False)
    status = build_status(ingestion(), facts, now=now)
    assert told(status) == ready
    assert told(status, other) == ("True", "R")
    assert told(status, "Synced") == synced


def test_the_same_facts_make_the_same_status(ingestion, desired, supervisor, now) -> None:
    facts = Facts(desired=desired(), supervisor=supervisor(lag=7), synced=True)
    first = build_status(ingestion(), facts, now=now)
    later = build_status(ingestion(status=first), facts, now=now + timedelta(days=1))
    assert later == first


def test_lag_alone_is_written_once_a_minute_at_most(ingestion, desired, supervisor, now) -> None:
    def look(status: JSON, lag: int, seconds: float, **says: Any) -> JSON:
        facts = Facts(desired=desired(), supervisor=supervisor(lag=lag, **says), synced=True)
        return build_status(ingestion(status=status), facts, now=now + timedelta(seconds=seconds))

    first = look({}, 5, 0)
    assert first["lag"] == {"aggregate": 5, "measuredAt": "2026-01-01T00:00:00Z"}
    assert look(first, 6, LAG_PERIOD - 1) == first
    assert look(first, 6, LAG_PERIOD)["lag"]["aggregate"] == 6
    # With other news it goes along.
    assert look(first, 6, 1, state="IDLE")["lag"]["aggregate"] == 6
    # And one that does not change is no news, however old it is.
    assert look(first, 5, 10 * LAG_PERIOD) == first


def test_a_lag_that_druid_has_not_measured_is_none(ingestion, desired, supervisor, now) -> None:
    facts = Facts(desired=desired(), supervisor=supervisor(lag=None), synced=True)
    assert "lag" not in build_status(ingestion(), facts, now=now)


def test_errors_are_few_short_without_secrets_and_written_for_new_words_only(
    ingestion, desired, supervisor, now
) -> None:
    def look(status: JSON, *words: str, at: str = "1") -> JSON:
        errors = tuple(StreamError(at, "E", w) for w in words)
        says = supervisor("UNHEALTHY_SUPERVISOR", healthy=False, errors=errors)
        facts = Facts(desired=desired(), supervisor=says, synced=True)
        return build_status(ingestion(status=status), facts, now=now)

    first = look({}, "a", "b", "c", "x" * 2000, "password=hush")
    assert [len(e["message"]) for e in first["recentErrors"]] == [1, MAX_ERROR_TEXT, 12]
    assert "hush" not in str(first)
    again = look(first, "a", "b", "c", "x" * 2000, "password=hush", at="2")
    assert again["recentErrors"] == first["recentErrors"]
    assert look(first, "new", at="3")["recentErrors"][0]["timestamp"] == "3"


def test_what_is_not_known_in_this_pass_keeps_its_last_value(
    ingestion, desired, supervisor, now
) -> None:
    good = Facts(desired=desired(), supervisor=supervisor(lag=7), synced=True)
    before = build_status(ingestion(), good, now=now)
    away = Facts(trouble=Trouble("DruidUnreachable", "m", unknown=True))
    after = build_status(ingestion(status=before), away, now=now)
    assert {k: v for k, v in after.items() if k != "conditions"} == {
        k: v for k, v in before.items() if k != "conditions"
    }


def test_a_supervisor_that_is_gone_leaves_no_state_behind(
    ingestion, desired, supervisor, now
) -> None:
    good = Facts(desired=desired(), supervisor=supervisor(lag=7), synced=True)
    before = build_status(ingestion(), good, now=now)
    gone = SupervisorFacts(id="wiki", spec=None)
    facts = Facts(desired=desired(), supervisor=gone, trouble=Trouble("X", "m"), synced=False)
    after = build_status(ingestion(status=before), facts, now=now)
    assert not {"state", "lag", "activeTasks", "suspended"} & after.keys()


def test_keys_of_the_go_operator_and_of_others_stay(ingestion, desired, supervisor, now) -> None:
    old = {"taskId": "wiki", "currentIngestionSpec.json": "{}", "rules": [{"type": "x"}]}
    facts = Facts(desired=desired(), supervisor=supervisor(), synced=True)
    status = build_status(ingestion(status=old), facts, now=now)
    assert {key: status[key] for key in old} == old


def test_what_was_remembered_as_none_is_removed(ingestion, desired, supervisor, now) -> None:
    facts = Facts(desired=desired(), supervisor=supervisor(), remember={"rejected": None})
    status = build_status(ingestion(status={"rejected": {"x": 1}}), facts, now=now)
    assert "rejected" not in status


def test_pausing_and_deleting_keep_the_rest(ingestion, desired, supervisor, now) -> None:
    good = Facts(desired=desired(), supervisor=supervisor(), synced=True)
    before = build_status(ingestion(), good, now=now)
    paused = paused_status(ingestion(status=before), message="m", now=now)
    assert told(paused, "Paused") == ("True", "Ignored")
    assert told(paused) == ("True", "Running")
    back = build_status(ingestion(status=paused), good, now=now)
    assert find_condition(back["conditions"], "Paused") is None
    gone = deleting_status(ingestion(status=before), message="m", now=now)
    assert told(gone) == ("False", "Deleting")
    assert gone["state"] == "RUNNING"


def test_suspended_as_declared_a_batch_is_ready(ingestion, desired, now) -> None:
    facts = Facts(desired=desired(runs="task", suspended=True), suspended=True)
    status = build_status(ingestion(), facts, now=now)
    assert (told(status), status["suspended"]) == (("True", "Suspended"), True)


def test_the_message_of_an_unhealthy_one_has_druids_newest_words(
    ingestion, desired, supervisor, now
) -> None:
    errors = (StreamError("1", "E", "older"), StreamError("2", "E", "newest"))
    says = supervisor("UNHEALTHY_SUPERVISOR", healthy=False, errors=errors, detailed="NO_STREAM")
    status = build_status(ingestion(), Facts(desired=desired(), supervisor=says), now=now)
    message = (find_condition(status["conditions"], "Ready") or {})["message"]
    assert "NO_STREAM" in message
    assert message.endswith("newest")


def test_facts_are_values() -> None:
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        Facts().synced = True  # type: ignore[misc]  # that is the point


@pytest.mark.parametrize(
    ("errors", "limit"),
    [
        ((), PASSING_SECONDS),
        ((StreamError("1", "E", "no such host"),), PENDING_WITH_ERRORS_SECONDS),
    ],
    ids=["without errors", "with errors"],
)
def test_a_state_that_should_pass_and_does_not_is_stuck(
    ingestion, desired, supervisor, now, errors, limit
) -> None:
    """A consumer that cannot be built leaves a supervisor PENDING and healthy for ever."""

    def look(status: JSON, seconds: float) -> JSON:
        facts = Facts(desired=desired(), supervisor=supervisor("PENDING", errors=errors))
        return build_status(ingestion(status=status), facts, now=now + timedelta(seconds=seconds))

    first = look({}, 0)
    assert first["stateSince"] == "2026-01-01T00:00:00Z"
    assert told(look(first, limit - 1)) == ("False", "Starting")
    stuck = look(first, limit)
    assert told(stuck) == ("False", "Stuck")
    assert kstatus({**ingestion(), "status": stuck}) == "Failed"
    assert look(stuck, 2 * limit) == stuck
    if errors:
        assert "no such host" in (find_condition(stuck["conditions"], "Ready") or {})["message"]


def test_failing_tasks_of_a_healthy_supervisor_make_it_not_ready(
    ingestion, desired, supervisor, now
) -> None:
    says = attrs.evolve(supervisor(tasks=()), failing="t: boom")
    status = build_status(ingestion(), Facts(desired=desired(), supervisor=says), now=now)
    assert told(status) == ("False", "TasksFailing")


def test_a_drift_that_is_left_alone_is_not_synced_but_ready(
    ingestion, desired, supervisor, now
) -> None:
    facts = Facts(
        desired=desired(), supervisor=supervisor(), drift=Trouble("Drifted", "m"), synced=False
    )
    status = build_status(ingestion(), facts, now=now)
    assert (told(status), told(status, "Synced")) == (("True", "Running"), ("False", "Drifted"))
    assert kstatus({**ingestion(), "status": status}) == "Current"


def test_dropped_fields_are_a_condition_while_there_are_some(
    ingestion, desired, supervisor, now
) -> None:
    facts = Facts(desired=desired(), supervisor=supervisor(), remember={"ignoredFields": ["x.y"]})
    status = build_status(ingestion(), facts, now=now)
    assert told(status, "SpecHasIgnoredFields") == ("True", "UnknownFields")
    again = Facts(desired=desired(), supervisor=supervisor(), remember={"ignoredFields": []})
    assert told(build_status(ingestion(status=status), again, now=now), "SpecHasIgnoredFields") == (
        "", "",
    )  # fmt: skip
