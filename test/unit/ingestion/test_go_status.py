"""The Go operator's form of a document, byte for byte, and its float64 in both directions."""

from __future__ import annotations

import json

import pytest

from druid_operator.internal.ingestion.go_status import (
    go_number,
    go_spec_text,
    same_as_go,
    submitted_by_go,
)


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0.0, "0"), (-0.0, "-0"), (1.0, "1"), (-3.0, "-3"), (0.1, "0.1"), (1e-6, "0.000001"),
        (1e-7, "1e-7"), (1.5e-10, "1.5e-10"), (123456.789, "123456.789"), (1e16,
        "10000000000000000"), (1e20, "100000000000000000000"), (1e21, "1e+21"),
        (1.2345678901234567e20, "123456789012345670000"), (9223372036854775807.0,
        "9223372036854776000"), (9007199254740993.0, "9007199254740992"), (2.5e300, "2.5e+300"),
        (0.00001234, "0.00001234"),
    ],
)  # fmt: skip
def test_numbers_are_written_as_go_writes_a_float64(number: float, text: str) -> None:
    assert go_number(number) == text


def test_keys_are_sorted_and_html_is_escaped() -> None:
    document = {"b": "<a&b>", "a": [1, None, True, "ü\u2028\n"]}
    assert go_spec_text(document) == (
        '{"a":[1,null,true,"ü\\u2028\\n"],"b":"\\u003ca\\u0026b\\u003e"}'
    )


def test_its_rounding_is_no_change() -> None:
    document = {"max": 9223372036854775807, "more": [9007199254740993]}
    stored = go_spec_text(document)
    assert stored == '{"max":9223372036854776000,"more":[9007199254740992]}'
    assert same_as_go(document, stored)
    assert not same_as_go({**document, "max": 1}, stored)
    assert not same_as_go(document, "{")


def test_an_id_means_that_druid_took_it_whatever_the_status_says() -> None:
    assert submitted_by_go({"taskId": "t", "type": "DruidIngestionControllerCreateFail"})
    assert not submitted_by_go({"taskId": ""})
    assert not submitted_by_go({})


def test_a_recorded_status_is_what_we_would_write() -> None:
    """From an object that the Go operator left after submitting it."""
    written = (
        '{"type": "index_parallel", "spec": {"ioConfig": {"appendToExisting": false, '
        '"inputSource": {"type": "inline", "data": "{\\"t\\":1}\\n"}, "n": 9007199254740993}}}'
    )
    stored = (
        '{"spec":{"ioConfig":{"appendToExisting":false,"inputSource":{"data":"{\\"t\\":1}\\n",'
        '"type":"inline"},"n":9007199254740992}},"type":"index_parallel"}'
    )
    assert go_spec_text(json.loads(written)) == stored
