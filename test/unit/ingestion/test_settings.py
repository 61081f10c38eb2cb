"""Rules and compaction: three versions compared, and what follows."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from druid_operator.internal.ingestion.settings import (
    SettingDecision,
    SettingMemory,
    decide_compaction,
    decide_rules,
    remembered,
)

JSON = dict[str, Any]

LOAD: JSON = {"type": "loadByPeriod", "period": "P1M", "tieredReplicants": {"hot": 1}}
DROP: JSON = {"type": "dropForever"}


def answered(rules: list[JSON]) -> list[JSON]:
    """As Druid gives rules back."""
    return [
        {**rule, "includeFuture": True, "useDefaultTierForNull": True} if "period" in rule else rule
        for rule in rules
    ]


WANTED = [LOAD, DROP]
LIVE = answered(WANTED)
KNOWN = remembered(WANTED, LIVE)
OTHERS = answered([{**LOAD, "period": "P2M"}, DROP])


@pytest.mark.parametrize(
    ("desired", "live", "memory", "expected"),
    [
        (None, [], SettingMemory(), ("Keep", "NotDeclared")),
        (None, LIVE, SettingMemory(), ("Keep", "NotDeclared")),
        (WANTED, [], SettingMemory(), ("Set", "SettingChanged")),
        (WANTED, OTHERS, SettingMemory(), ("Set", "SettingChanged")),
        (WANTED, LIVE, SettingMemory(), ("Keep", "InSync")),
        (WANTED, LIVE, KNOWN, ("Keep", "InSync")),
        ([DROP], LIVE, KNOWN, ("Set", "SettingChanged")),
        ([DROP, LOAD], LIVE, KNOWN, ("Set", "SettingChanged")),
        ([], LIVE, KNOWN, ("Set", "SettingChanged")),
        ([], [], SettingMemory(), ("Keep", "InSync")),
        (WANTED, OTHERS, KNOWN, ("Set", "DriftCorrected")),
        (WANTED, [], KNOWN, ("Set", "DriftCorrected")),
        (None, LIVE, KNOWN, ("Remove", "NoLongerDeclared")),
        (None, OTHERS, KNOWN, ("Forget", "ChangedByOthers")),
        (None, [], KNOWN, ("Forget", "Gone")),
    ],
    ids=[
        "never", "others' own", "first", "over others'", "as it is", "unchanged", "fewer",
        "reordered", "emptied", "empty", "edited by others", "removed by others",
        "not declared any more", "not declared, and edited", "not declared, and gone",
    ],
)  # fmt: skip
def test_rules(desired: Any, live: Any, memory: SettingMemory, expected: Any) -> None:
    decision = decide_rules(desired, live, memory, "Correct")
    assert (decision.action, decision.reason) == expected


def test_a_tier_too_many_is_a_drift() -> None:
    live = [{**LIVE[0], "tieredReplicants": {"hot": 1, "cold": 2}}, DROP]
    decision = decide_rules(WANTED, live, KNOWN, "Correct")
    assert decision.reason == "DriftCorrected"
    assert "cold" in decision.message


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ("Correct", ("Set", "DriftCorrected")),
        ("Warn", ("Drift", "Drifted")),
        ("Ignore", ("Keep", "DriftIgnored")),
    ],
)
def test_a_drift_is_treated_as_the_policy_says(policy: Any, expected: Any) -> None:
    decision = decide_rules(WANTED, OTHERS, KNOWN, policy)
    assert (decision.action, decision.reason) == expected
    # What the user changed himself is no drift.
    assert decide_rules([DROP], OTHERS, KNOWN, policy).action == "Set"


def test_what_druid_refused_is_not_sent_again_until_it_changes() -> None:
    memory = SettingMemory(rejected_hash=KNOWN.spec_hash, rejected_message="no such tier")
    refused = decide_rules(WANTED, [], memory, "Correct")
    assert refused == SettingDecision("Refuse", "SettingRejected", "no such tier")
    assert decide_rules([DROP], [], memory, "Correct").action == "Set"


COMPACTION: JSON = {
    "dataSource": "wiki",
    "skipOffsetFromLatest": "PT0S",
    "granularitySpec": {"segmentGranularity": "day"},
    "tuningConfig": {"type": "kafka", "partitionsSpec": {"type": "dynamic"}},
}


def stored(**changes: Any) -> JSON:
    """As 33.0.0 gives it back: defaults, and one type of tuning, whatever was sent."""
    tuning = {
        "type": "index_parallel", "forceGuaranteedRollup": False,
        "partitionsSpec": {"type": "dynamic", "maxRowsPerSegment": 5000000, "maxTotalRows": None},
    }  # fmt: skip
    return {
        "dataSource": "wiki", "taskPriority": 25, "skipOffsetFromLatest": "PT0S", "engine": None,
        "granularitySpec": {"segmentGranularity": "DAY", "queryGranularity": None, "rollup": None},
        "tuningConfig": tuning, **changes,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("desired", "live", "managed", "expected"),
    [
        (None, stored(), False, ("Keep", "NotDeclared")),
        (COMPACTION, None, False, ("Set", "SettingChanged")),
        (COMPACTION, stored(), False, ("Keep", "InSync")),
        (COMPACTION, stored(), True, ("Keep", "InSync")),
        (COMPACTION, stored(skipOffsetFromLatest="P1D"), True, ("Set", "DriftCorrected")),
        (COMPACTION, None, True, ("Set", "DriftCorrected")),
        (None, stored(), True, ("Remove", "NoLongerDeclared")),
        (None, stored(taskPriority=1), True, ("Forget", "ChangedByOthers")),
        (None, None, True, ("Forget", "Gone")),
    ],
)
def test_compaction(desired: Any, live: Any, managed: bool, expected: Any) -> None:
    memory = remembered(COMPACTION, stored()) if managed else SettingMemory()
    decision = decide_compaction(desired, live, memory, "Correct")
    assert (decision.action, decision.reason) == expected


def test_what_druid_did_not_take_is_not_sent_for_ever() -> None:
    """A key that it drops differs always; what it made of our words is remembered instead."""
    desired = {**COMPACTION, "tuningConfig": {"type": "kafka", "mysteryKey": 1}}
    assert decide_compaction(desired, stored(), SettingMemory(), "Correct").action == "Set"
    after = remembered(desired, stored())
    assert decide_compaction(desired, stored(), after, "Correct").action == "Keep"


def test_a_newer_druid_that_adds_defaults_is_only_recorded() -> None:
    memory = remembered(COMPACTION, stored())
    decision = decide_compaction(COMPACTION, stored(newDefault=1), memory, "Correct")
    assert (decision.action, decision.reason) == ("Keep", "InSync")
    assert decision.memory == attrs.evolve(
        memory, live_baseline=remembered(COMPACTION, stored(newDefault=1)).live_baseline
    )
