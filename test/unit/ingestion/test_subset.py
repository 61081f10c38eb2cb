"""What counts as a difference, on everything that was recorded and on each rule by itself."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from druid_operator.internal.ingestion.baseline import baseline_hash
from druid_operator.internal.ingestion.subset import (
    compaction_differences,
    rule_differences,
    supervisor_differences,
)

RECORDINGS = Path(__file__).parents[2] / "druid" / "recordings"


def recorded_pairs() -> Iterator[Any]:
    """Each document that was posted, with every later answer for the same supervisor."""
    for folder in sorted(RECORDINGS.glob("*.jsonl")):
        posted: dict[str, tuple[str, Any]] = {}
        for line in folder.read_text().splitlines():
            exchange = json.loads(line)
            request, response = exchange["request"], exchange["response"]
            if response["status"] != 200 or response["json"] is None:
                continue
            path, answer = request["path"], response["json"]
            if request["method"] == "POST" and path.partition("?")[0].endswith("/supervisor"):
                posted[answer["id"]] = (exchange["name"], request["body"])
            for name, spec in specs_in(path, answer):
                if name in posted:
                    where = f"{folder.stem}/{posted[name][0]}-{exchange['name'][:3]}"
                    yield pytest.param(posted[name][1], spec, id=where)


def specs_in(path: str, answer: Any) -> Iterator[tuple[str, Any]]:
    if path.endswith("supervisor?full"):
        yield from ((row["id"], row["spec"]) for row in answer)
    elif "/supervisor/" in path and path.count("/") == 5 and "spec" in answer:
        yield path.rpartition("/")[2].replace("%20", " ").replace("%3A", ":"), answer


PAIRS = list(recorded_pairs())


def test_there_are_pairs() -> None:
    assert len(PAIRS) >= 20


@pytest.mark.parametrize(("posted", "returned"), PAIRS)
def test_what_druid_made_of_a_document_is_no_difference(posted: Any, returned: Any) -> None:
    wanted = {k: v for k, v in posted.items() if k != "id" or "id" in returned}
    assert [d for d in supervisor_differences(wanted, returned) if d.counts] == []


@pytest.mark.parametrize(("posted", "returned"), PAIRS)
def test_what_druid_stores_is_equal_to_itself(posted: Any, returned: Any) -> None:
    assert supervisor_differences(returned, returned) == ()


def test_keys_that_druid_dropped_are_named_and_do_not_count() -> None:
    posted, returned = next(p.values for p in PAIRS if "rich" in str(p.id) and "02-" in str(p.id))
    found = supervisor_differences(posted, returned)
    ignored = {d.path for d in found if not d.counts}
    assert ignored >= {"typoTop", "spec.ioConfig.notAnOption", "spec.tuningConfig.typoInTuning"}
    # Before 34 the id is the datasource, whatever was sent: that is worth knowing.
    assert [d.path for d in found if d.counts] == ["id"]


@pytest.mark.parametrize("version", ["30.0.0", "33.0.0", "37.0.0", "38.0.0"])
def test_no_version_makes_a_difference_of_its_defaults(kafka, as_druid_says, version) -> None:
    assert supervisor_differences(kafka, as_druid_says(kafka, version)) == ()


@pytest.mark.parametrize(
    ("path", "value", "equivalent"),
    [
        ("ioConfig.taskDuration", "PT60M", True),
        ("ioConfig.taskDuration", "PT61M", False),
        ("ioConfig.lateMessageRejectionPeriod", "P1D", False),
        ("ioConfig.topic", "other", False),
        ("ioConfig.inputFormat", {"type": "csv"}, False),
        ("ioConfig.inputFormat.keepNullColumns", True, False),
        ("ioConfig.consumerProperties.group.id", "x", False),
        ("tuningConfig.maxRowsInMemory", "50000", True),
        ("tuningConfig.maxRowsInMemory", 50001, False),
        ("tuningConfig.logParseExceptions", True, False),
        ("dataSchema.granularitySpec.segmentGranularity", "DAY", True),
        ("dataSchema.granularitySpec.segmentGranularity", {"type": "period", "period": "P1D"},
        True), ("dataSchema.granularitySpec.segmentGranularity", "hour", False),
        ("dataSchema.granularitySpec.queryGranularity", {"type": "none"}, True),
        ("dataSchema.granularitySpec.rollup", False, False),
        ("dataSchema.dimensionsSpec.dimensions", ["page"], False),
        ("dataSchema.dimensionsSpec.dimensions", [{"name": "page"}, {"type": "long", "name": "n"}],
         True),
        ("dataSchema.dimensionsSpec.dimensions", ["n", "page"], False),
        ("dataSchema.dimensionsSpec.dimensionExclusions", ["t"], True),
        ("dataSchema.dimensionsSpec.dimensionExclusions", ["zz"], False),
        ("dataSchema.metricsSpec", [{"type": "count", "name": "c"}], False),
        ("dataSchema.timestampSpec.format", "millis", False),
    ],
)  # fmt: skip
def test_each_rewriting_is_seen_through_and_each_change_is_seen(
    kafka, as_druid_says, path, value, equivalent
) -> None:
    live = as_druid_says(kafka)
    wanted = copy.deepcopy(kafka)
    section, *rest = path.split(".", 1 if "consumerProperties" not in path else 2)
    target = wanted["spec"][section]
    keys = rest[0].split(".") if "consumerProperties" not in path else rest
    for key in keys[:-1]:
        target = target[key]
    target[keys[-1]] = value
    assert any(d.counts for d in supervisor_differences(wanted, live)) is not equivalent


def test_a_key_too_many_counts_where_druid_keeps_what_it_was_given(kafka, as_druid_says) -> None:
    live = as_druid_says(kafka)
    live["context"] = {"priority": 75}
    live["spec"]["ioConfig"]["consumerProperties"]["group.id"] = "g"
    found = supervisor_differences(kafka, live)
    assert [(d.path, d.kind) for d in found] == [
        ("context.priority", "extra"),
        ("spec.ioConfig.consumerProperties.group.id", "extra"),
    ]


def test_the_marker_is_no_difference(kafka, as_druid_says) -> None:
    live = as_druid_says(kafka)
    live["context"] = {"k8sOwner": "druid.apache.org/a/b/c", "k8sSpecHash": "x"}
    assert supervisor_differences(kafka, live) == ()


def test_what_an_autoscaler_moves_is_no_difference(kafka, as_druid_says) -> None:
    io = kafka["spec"]["ioConfig"]
    io["autoScalerConfig"] = {"enableTaskAutoScaler": True, "taskCountMin": 1, "taskCountMax": 9}
    io["taskCount"] = 2
    live = as_druid_says(kafka)
    before = baseline_hash(live)
    live["spec"]["ioConfig"]["taskCount"] = 7
    assert supervisor_differences(kafka, live) == ()
    assert baseline_hash(live) == before


def test_secrets_are_compared_and_not_shown(kafka, as_druid_says) -> None:
    live = as_druid_says(kafka)
    live["spec"]["ioConfig"]["consumerProperties"]["ssl.key.password"] = "changed"
    (found,) = supervisor_differences(kafka, live)
    assert found.counts
    assert "hush" not in str(found) + repr(found)
    assert "changed" not in str(found) + repr(found).replace("'changed'", "", 1)


def test_a_password_given_as_text_comes_back_as_a_provider(kafka, as_druid_says) -> None:
    live = as_druid_says(kafka)
    kafka["spec"]["ioConfig"]["inputFormat"]["pw"] = "hush"
    live["spec"]["ioConfig"]["inputFormat"] = {
        "type": "json", "pw": {"type": "default", "password": "hush"},
    }  # fmt: skip
    assert supervisor_differences(kafka, live) == ()


def test_compaction_and_rules_are_compared_the_same_way() -> None:
    wanted = {"dataSource": "d", "granularitySpec": {"segmentGranularity": "month"}}
    live = {"dataSource": "d", "taskPriority": 25, "granularitySpec": {
        "segmentGranularity": "MONTH", "queryGranularity": None}}  # fmt: skip
    assert compaction_differences(wanted, live) == ()
    assert [d.path for d in compaction_differences({**wanted, "taskPriority": 1}, live)] == [
        "taskPriority"
    ]
    drop = {"type": "dropForever"}
    load = {"type": "loadForever", "tieredReplicants": {"_default_tier": 2}}
    full = {**load, "useDefaultTierForNull": True}
    assert rule_differences([load, drop], [full, drop]) == ()
    assert rule_differences([drop, load], [full, drop]) != ()
    assert rule_differences([load], [full, drop]) != ()
