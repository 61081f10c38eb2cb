"""A label selector means the same here, on the wire and in the API server."""

from __future__ import annotations

import pytest

from druid_operator.pkg.errors import BadRequest
from druid_operator.pkg.meta import LabelSelector, label_selector

LABELS = {"app": "druid", "tier": "data", "weight": "5"}


@pytest.mark.parametrize(
    ("selector", "selects"),
    [
        ("", True),
        ("app=druid", True),
        ("app==druid,tier=data", True),
        ("app!=druid", False),
        ("missing!=x", True),
        ("tier in (data,query)", True),
        ("tier notin (data)", False),
        ("missing notin (data)", True),
        ("app", True),
        ("!app", False),
        ("!missing", True),
        ("weight>4", True),
        ("weight<5", False),
        ("app>1", False),
    ],
)
def test_selection_is_the_api_servers(selector: str, selects: bool) -> None:
    parsed = label_selector(selector)
    assert parsed.matches_labels(LABELS) is selects
    assert label_selector(str(parsed)) == parsed


def test_labels_and_their_selector_are_the_same() -> None:
    assert label_selector({"b": "2", "a": "1"}) == label_selector("a=1,b=2")
    assert label_selector({"b": "2", "a": "1"}).equalities == {"a": "1", "b": "2"}
    assert label_selector(None) == LabelSelector()
    assert not label_selector("a=1").matches_labels(None)


@pytest.mark.parametrize("text", ["a=b=c", "a in", "=x", "a in (b", "a,,b"])
def test_what_is_no_selector_is_refused(text: str) -> None:
    with pytest.raises(BadRequest):
        label_selector(text)
