"""A plain scalar is what it looks like, for every reader."""

from __future__ import annotations

import json

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from druid_operator.pkg.meta.yaml import YAMLError, dump, load_all


def load(text):
    (document,) = load_all(text)
    return document


@pytest.mark.parametrize(
    "scalar",
    ["on", "off", "yes", "no", "y", "N", "True", "TRUE", "012", "0o17", "0x1F", "1_000", "+1", ".5",
     "1.", "12:30:00", "2024-01-01", "2024-01-01T00:00:00Z", ".inf", ".nan", "=", "Null", "1Gi"],
)  # fmt: skip
def test_what_the_yaml_versions_dispute_stays_text(scalar):
    assert load(f"a: {scalar}") == {"a": scalar}


@pytest.mark.parametrize(
    ("scalar", "value"),
    [("true", True), ("false", False), ("null", None), ("~", None), ("", None), ("0", 0),
     ("-5", -5), ("1.5", 1.5), ("1e3", 1000.0), ("-0.5E-1", -0.05), ("!!str 5", "5"), ("'1'", "1")],
)  # fmt: skip
def test_jsons_own_spellings_have_jsons_types(scalar, value):
    loaded = load(f"a: {scalar}")["a"]
    assert loaded == value
    assert type(loaded) is type(value)


def test_keys_are_text():
    assert load("8080: a\ntrue: b\nnull: c\n'on': d") == {
        "8080": "a", "true": "b", "null": "c", "on": "d",
    }  # fmt: skip


def test_documents_anchors_and_merges():
    text = "a: &x {p: 1}\nb: {<<: *x, q: 2}\n---\n---\nc: *y\n".replace("*y", "1")
    assert list(load_all(text)) == [{"a": {"p": 1}, "b": {"p": 1, "q": 2}}, None, {"c": 1}]


def test_json_is_read_as_json():
    assert load('{"a":\t"\\ud83d\\ude00"}') == {"a": "😀"}
    assert load("{a: b, c: [on]}") == {"a": "b", "c": ["on"]}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\na: 2", "line 2, column 1: key 'a' is given twice"),
        ('{"a": 1, "a": 2}', "line 1, column 10: key 'a' is given twice"),
        ("a: [", "line 2"),
        ("? [x]\n: 1", "a key must be text"),
        ("a: &x [*x]", "recursive"),
        ("a: *nope", "undefined alias"),
        ("a: !!python/object:os.system {}", "could not determine a constructor"),
        ("a: \x01", "not allowed"),
    ],
)
def test_faults_have_a_place_and_one_line(text, message):
    with pytest.raises(YAMLError, match=message) as raised:
        list(load_all(text))
    assert "\n" not in str(raised.value)


text = st.text(st.characters(exclude_categories=["Cs"]))
values = st.recursive(
    st.none() | st.booleans() | st.integers() | text,
    lambda v: st.lists(v) | st.dictionaries(text, v),
)


@given(values)
@example("1e3")
@example("on")
@example("a\nb\n")
@example(" lead\n\n")
@example("\u2028")
@example("x \n")
@example({"y": "0o17"})
def test_what_is_written_is_read_back_by_either_yaml_version(value):
    assert load(dump(value)) == value
    assert yaml.safe_load(dump(value)) == value


def test_block_text_is_readable():
    assert dump({"a": "x\ny\n", "b": [{"c": "on"}]}) == "a: |\n  x\n  y\nb:\n  - c: 'on'\n"


def test_json_output_is_yaml_input():
    document = {"a": ["1e3", 1.5, None, "x\u2028y"]}
    assert load(json.dumps(document)) == document
