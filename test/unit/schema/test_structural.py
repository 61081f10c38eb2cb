"""Defaulting and pruning, beyond what the recordings of a real API server cover."""

import copy
from typing import Any

import pytest

from druid_operator.pkg.schema import apply_defaults, coerce, copy_json, prune

_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "spec": {
            "type": "object",
            "properties": {
                "size": {"type": "integer", "default": 3},
                "label": {"type": "string", "nullable": True, "default": "x"},
                "deep": {
                    "type": "object",
                    "default": {"list": [1]},
                    "properties": {
                        "list": {"type": "array", "items": {"type": "integer"}},
                        "flag": {"type": "boolean", "default": True},
                    },
                },
                "open": {"type": "object", "additionalProperties": True},
                "free": {
                    "type": "object",
                    "x-kubernetes-preserve-unknown-fields": True,
                    "properties": {"known": {"type": "object", "properties": {}}},
                },
                "many": {
                    "type": "object",
                    "additionalProperties": {
                        "type": "object",
                        "properties": {"n": {"type": "integer", "default": 1}},
                    },
                },
                "items": {
                    "type": "array",
                    "items": {"type": "object", "properties": {"v": {"default": 0}}},
                },
            },
        }
    },
}


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({}, {"size": 3, "label": "x", "deep": {"list": [1], "flag": True}}),
        (
            {"size": 5, "label": None, "deep": {}},
            {"size": 5, "label": None, "deep": {"flag": True}},
        ),
        ({"size": None, "deep": {"flag": None}}, {"size": 3, "label": "x", "deep": {"flag": True}}),
    ],
)
def test_a_default_applies_where_its_parent_is(
    spec: dict[str, Any], expected: dict[str, Any]
) -> None:
    assert apply_defaults(_SCHEMA, {"spec": spec}) == {"spec": expected}


def test_without_the_parent_there_is_no_default() -> None:
    assert apply_defaults(_SCHEMA, {}) == {}
    assert apply_defaults(_SCHEMA, {"spec": None}) == {}


def test_defaults_reach_into_maps_and_lists() -> None:
    spec = apply_defaults(
        _SCHEMA, {"spec": {"many": {"a": {}, "b": None}, "items": [{}, {"v": 2}]}}
    )
    assert spec["spec"]["many"] == {"a": {"n": 1}}
    assert spec["spec"]["items"] == [{"v": 0}, {"v": 2}]


def test_a_default_is_not_shared_between_objects() -> None:
    first = apply_defaults(_SCHEMA, {"spec": {}})
    first["spec"]["deep"]["list"].append(2)
    assert apply_defaults(_SCHEMA, {"spec": {}})["spec"]["deep"]["list"] == [1]


def test_arguments_are_left_alone() -> None:
    obj = {"spec": {"zz": 1, "size": None, "free": {"known": {"gone": 1}, "kept": {"deep": []}}}}
    before = copy.deepcopy(obj)
    coerced = coerce(_SCHEMA, obj)
    coerced.obj["spec"]["free"]["kept"]["deep"].append("new")
    assert obj == before


def test_dropped_paths_are_sorted_and_written_as_the_api_server_writes_them() -> None:
    obj = {
        "apiVersion": "v1",
        "kind": "K",
        "metadata": {"name": "n", "colour": "red"},
        "other": 1,
        "spec": {"many": {"a.b": {"zz": {}}}, "items": [{}, {"w": 1}], "deep": {"zz": 1}},
    }
    _, dropped = prune(_SCHEMA, obj)
    assert dropped == [
        "metadata.colour", "other", "spec.deep.zz", "spec.items[1].w", "spec.many.a.b.zz",
    ]  # fmt: skip


def test_preserved_unknown_fields_stay_but_known_ones_are_still_pruned() -> None:
    pruned, dropped = prune(_SCHEMA, {"spec": {"free": {"known": {"x": 1}, "other": {"y": 1}}}})
    assert pruned == {"spec": {"free": {"known": {}, "other": {"y": 1}}}}
    assert dropped == ["spec.free.known.x"]


def test_true_for_additional_properties_keeps_values_but_not_their_keys() -> None:
    assert apply_defaults(_SCHEMA["properties"]["spec"]["properties"]["open"], {"a": None}) == {
        "a": None
    }
    pruned, dropped = prune(_SCHEMA, {"spec": {"open": {"a": 1, "b": {"c": 1}}}})
    assert pruned == {"spec": {"open": {"a": 1, "b": {}}}}
    assert dropped == ["spec.open.b.c"]


def test_a_part_of_an_object_has_no_type_and_metadata_of_its_own() -> None:
    assert prune({"type": "object"}, {"kind": "K", "metadata": {}}, resource=False) == (
        {}, ["kind", "metadata"],
    )  # fmt: skip
    assert prune({"type": "object"}, {"kind": "K"}) == ({"kind": "K"}, [])


def test_copies_share_nothing_mutable() -> None:
    value = {"a": [{"b": []}]}
    copied = copy_json(value)
    copied["a"][0]["b"].append(1)
    assert value == {"a": [{"b": []}]}
