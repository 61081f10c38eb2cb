"""What both controllers share when they tell of a pass."""

from __future__ import annotations

from druid_operator.internal.controller.reporting import status_patch


def test_equal_statuses_need_no_write() -> None:
    assert status_patch(None, {}) is None
    assert status_patch({"a": {"b": [1]}}, {"a": {"b": [1]}}) is None


def test_a_key_that_went_is_nulled_at_any_depth() -> None:
    old = {"gone": 1, "lag": {"aggregate": 7, "measuredAt": "t"}, "kept": 1}
    new = {"lag": {"measuredAt": "t"}, "kept": 1}
    assert status_patch(old, new) == {"status": {"gone": None, "lag": {"aggregate": None}}}


def test_a_list_is_replaced_whole() -> None:
    assert status_patch({"pods": ["a", "b"]}, {"pods": ["b"]}) == {"status": {"pods": ["b"]}}
