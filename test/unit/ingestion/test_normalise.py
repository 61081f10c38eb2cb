"""The common form, rule by rule."""

from __future__ import annotations

from typing import Any

import pytest

from druid_operator.internal.ingestion.normalise import fold, granularity, interval, milliseconds
from druid_operator.internal.ingestion.subset import compaction_differences


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("PT1H", 3_600_000), ("PT3600S", 3_600_000), ("P1D", 86_400_000), ("P1W", 604_800_000),
        ("PT0S", 0), ("PT0.5S", 500), ("-PT5S", -5_000), ("PT1H30M", 5_400_000),
        ("P1M", "P1M"), ("P", "P"), ("PT", "PT"), ("1 hour", "1 hour"),
    ],
)  # fmt: skip
def test_durations_of_fixed_length_become_numbers(text: str, value: object) -> None:
    assert milliseconds(text) == value


@pytest.mark.parametrize(
    ("sent", "folded"),
    [
        ("day", "DAY"), ({"type": "none"}, "NONE"), ({"type": "ALL"}, "ALL"), ("all", "ALL"),
        ({"type": "period", "period": "PT1H", "timeZone": "UTC"}, "HOUR"),
        ({"type": "period", "period": "PT1H", "origin": None}, "HOUR"),
        ({"type": "period", "period": "PT1H", "timeZone": "Europe/Paris"},
         {"type": "period", "period": "PT1H", "timeZone": "Europe/Paris"}),
        ({"type": "duration", "duration": 5}, {"type": "duration", "duration": 5}),
        (7, 7),
    ],
)  # fmt: skip
def test_granularities_get_their_names(sent: Any, folded: Any) -> None:
    assert granularity(sent) == folded


@pytest.mark.parametrize(
    "text", ["2024-01-01/2024-02-01", "2024-01-01T00:00:00.000Z/2024-02-01T00:00:00Z",
             "2024-01-01T02:00:00+02:00/2024-02-01"],
)  # fmt: skip
def test_the_ends_of_an_interval_are_instants_in_utc(text: str) -> None:
    assert interval(text) == "2024-01-01T00:00:00+00:00/2024-02-01T00:00:00+00:00"


def test_what_is_no_interval_is_left_alone() -> None:
    assert interval("x") == "x"
    assert interval("a/b") == "a/b"


def test_dimensions_that_are_neither_name_nor_object_are_left_alone() -> None:
    document = {"spec": {"dataSchema": {"dimensionsSpec": {"dimensions": ["a", {"name": "b"}, 7]}}}}
    dimensions = fold(document)["spec"]["dataSchema"]["dimensionsSpec"]["dimensions"]
    assert dimensions == [{"type": "string", "name": "a"}, {"type": "string", "name": "b"}, 7]


@pytest.mark.parametrize(
    ("written", "bytes_"),
    [("100MiB", 104_857_600), ("100MB", 100_000_000), ("1k", 1_000), ("1Ki", 1_024), ("7", 7)],
)
def test_sizes_in_words_are_sizes_in_bytes(written: str, bytes_: int) -> None:
    wanted = {"dataSource": "d", "inputSegmentSizeBytes": written}
    assert (
        compaction_differences(wanted, {"dataSource": "d", "inputSegmentSizeBytes": bytes_}) == ()
    )
    other = {"dataSource": "d", "inputSegmentSizeBytes": bytes_ + 1}
    assert compaction_differences(wanted, other) != ()
