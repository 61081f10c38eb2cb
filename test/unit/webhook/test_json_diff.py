"""A patch made of two states leads from the one to the other, by the API server's own reading."""

from __future__ import annotations

import copy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from druid_operator.pkg.apistore.json_patch import apply_json_patch
from druid_operator.pkg.webhook import json_diff

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["", "a", "a/b", "~"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["a", "b", "a/b", "m~n"]), inner, max_size=4)
    ),
    max_leaves=12,
)
OBJECTS = st.dictionaries(st.sampled_from(["spec", "metadata", "x/y"]), VALUES, max_size=3)


@settings(max_examples=300, deadline=None)
@given(before=OBJECTS, after=OBJECTS)
def test_patch_leads_from_one_state_to_the_other(before: dict, after: dict) -> None:
    result = apply_json_patch(copy.deepcopy(before), json_diff(before, after))
    assert result == after
    assert _kinds(result) == _kinds(after), "a boolean is no number"


def _kinds(value: object) -> object:
    if isinstance(value, dict):
        return {key: _kinds(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_kinds(item) for item in value]
    return type(value).__name__


@given(value=OBJECTS)
def test_equal_states_need_no_patch(value: dict) -> None:
    assert json_diff(value, copy.deepcopy(value)) == []


def test_what_is_equal_is_not_mentioned() -> None:
    before = {"spec": {"size": 1, "list": [{"name": "a", "v": 1}, {"name": "b", "v": 2}]}}
    after = {"spec": {"size": 1, "list": [{"name": "a", "v": 1}, {"name": "b", "v": 3}], "new": {}}}
    assert json_diff(before, after) == [
        {"op": "replace", "path": "/spec/list/1/v", "value": 3},
        {"op": "add", "path": "/spec/new", "value": {}},
    ]


@pytest.mark.parametrize(("key", "token"), [("a/b", "a~1b"), ("m~n", "m~0n"), ("~1", "~01")])
def test_keys_are_escaped(key: str, token: str) -> None:
    assert json_diff({}, {key: 1}) == [{"op": "add", "path": f"/{token}", "value": 1}]
