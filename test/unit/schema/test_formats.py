"""Formats and patterns as Go's RE2 and the API server read them."""

import pytest

from druid_operator.pkg.schema.formats import matches_format, matches_pattern


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("byte", "aGVsbG8=", True),
        ("byte", "aGVsbG8", False),
        ("date", "2026-02-29", False),
        ("date", "2024-02-29", True),
        ("date-time", "2026-11-24T06:00:00.123+01:00", True),
        ("date-time", "2026-11-24t06:00:00z", True),
        ("date-time", "2026-11-24T24:00:00Z", False),
        ("date-time", "2026-11-24T06:00:60Z", False),
        ("date-time", "2026-11-24T06:00:00", False),
        ("date-time", "2026-11-24", False),
        ("duration", "1h30m", True),
        ("duration", "PT1H", False),
        ("no-such-format", "anything", True),
    ],
)
def test_formats(name: str, value: str, expected: bool) -> None:
    assert matches_format(name, value) is expected


@pytest.mark.parametrize(
    ("pattern", "value", "expected"),
    [
        ("b", "abc", True),
        ("^b", "abc", False),
        ("^a$", "a\n", False),
        (r"^a\$$", "a$", True),
        ("^[$]$", "$", True),
        (r"^[\]$]$", "$", True),
        (r"^\w$", "é", False),
        (r"^\d$", "٣", False),
    ],
)
def test_patterns_search_and_end_at_the_end_of_the_text(
    pattern: str, value: str, expected: bool
) -> None:
    assert matches_pattern(pattern, value) is expected
