"""Admission of custom resources: our answers are those that kube-apiserver 1.37.2 gave.

``testdata/admission.json`` holds a schema with every keyword we support, and what the real API
server stored, warned of or answered for each object sent to it.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from druid_operator.pkg.schema import coerce, validate

_DATA = json.loads((Path(__file__).parent / "testdata" / "admission.json").read_text())
_IDS = [json.dumps(e["object"].get("spec", e["object"]))[:60] for e in _DATA["exchanges"]]


@pytest.mark.parametrize("exchange", _DATA["exchanges"], ids=_IDS)
def test_answers_are_those_of_a_real_api_server(exchange: dict[str, Any]) -> None:
    coerced = coerce(_DATA["schema"], exchange["object"])
    errors = validate(_DATA["schema"], coerced.obj)
    if "causes" in exchange:
        expected = [tuple(c) for c in exchange["causes"]]
        got = [(e.reason, e.path or "<nil>", e.message) for e in errors]
        assert sorted(got) == sorted(expected)
    else:
        assert errors == []
        assert coerced.obj["spec"] == exchange["stored"]
        assert list(coerced.dropped) == sorted(exchange.get("warnings", []))


def test_an_integer_is_compared_with_a_fractional_bound_as_a_number() -> None:
    """The API server cuts the bound down for integers, so that 1 passes ``minimum: 1.5``."""
    assert validate({"type": "number", "minimum": 1.5}, 1, "n") != []


def test_an_unsupported_object_is_printed_in_full() -> None:
    """The API server prints every object as ``{}`` there."""
    (_, error) = validate({"type": "string", "enum": ["a"]}, {"z": 1}, "e")
    assert error.message == 'Unsupported value: {"z":1}: supported values: "a"'
