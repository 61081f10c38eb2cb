"""JSON of any depth is read, cut where the libraries would fail, and found where it is too deep."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from druid_operator.pkg.meta import nesting

DEPTHS = [250, 260, 1000, 1100, 9900]
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-1000, 1000) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=20,
)


def nested(depth: int, kind: str) -> bytes:
    if kind == "list":
        return b"[" * depth + b"]" * depth
    return b'{"a":' * depth + b"1" + b"}" * depth


def depth_of(value: Any) -> int:
    depth = 0
    while isinstance(value, dict | list) and value:
        value = value["a"] if isinstance(value, dict) else value[0]
        depth += 1
    return depth + isinstance(value, dict | list)


@pytest.mark.parametrize("kind", ["list", "map"])
@pytest.mark.parametrize("depth", DEPTHS)
def test_every_depth_is_read_and_written_again(depth: int, kind: str) -> None:
    data = b'{"before":"]}\\"","deep":' + nested(depth, kind) + b',"after":["[{"]}'
    value = nesting.loads(data)
    assert (value["before"], value["after"]) == ('"]}"'[1:3] + '"', ["[{"])
    written = orjson.loads(nesting.dumps(value))
    # The object itself is the first level.
    assert depth_of(written["deep"]) in (depth, nesting.MAX_LEVELS - 1)
    assert (written["before"], written["after"]) == (value["before"], value["after"])


@given(PLAIN, st.integers(0, 6))
def test_a_cut_is_what_pruning_leaves(value: Any, levels: int) -> None:
    data = json.dumps(value).encode()
    assert json.loads(nesting.cut(data, levels)) == nesting._pruned(value, levels)


@given(PLAIN)
def test_what_is_not_deep_stays_byte_for_byte(value: Any) -> None:
    data = json.dumps(value).encode()
    assert nesting.cut(data) == data
    assert nesting.dumps(value) == orjson.dumps(value)
    assert nesting.find_deep(value, "spec") == ""


@pytest.mark.parametrize("kind", ["list", "map"])
@pytest.mark.parametrize("depth", DEPTHS)
def test_what_was_cut_is_still_found_too_deep(depth: int, kind: str) -> None:
    value = {"x": nesting.loads(nested(depth, kind))}
    found = nesting.find_deep(value, "spec")
    assert found.startswith("spec.x" + ("[0]" if kind == "list" else ".a"))
    assert len(found) < 60


def test_what_is_no_json_is_refused() -> None:
    for data in (b"", b"{", b"[" * 2000, b'{"a":}'):
        with pytest.raises(orjson.JSONDecodeError):
            nesting.loads(data)
