"""Objects are read strictly: a value has the declared type, or is reported with its path."""

from __future__ import annotations

from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from druid_operator.pkg.errors import InvalidObject
from druid_operator.pkg.meta import JSON, GroupVersionKind, Resource
from druid_operator.pkg.schema import CustomResource, prop
from druid_operator.pkg.scheme import Scheme
from druid_operator.pkg.scheme.builtin import CONFIG_MAP

THING = Resource(GroupVersionKind("example.com", "v1", "Thing"), "things")


@attrs.frozen
class Part:
    name: str = prop(required=True)
    size_bytes: int | None = prop()


@attrs.frozen
class Spec:
    on: bool = prop(required=True)
    parts: dict[str, Part] = prop(factory=dict)
    tags: list[str] | None = prop()
    dotted: str | None = prop(json="dotted.name")
    raw: JSON | None = prop()
    anything: Any = prop()


@attrs.frozen
class Thing:
    metadata: JSON = prop(required=True)
    spec: Spec = prop(required=True)


SCHEME = Scheme([CustomResource(resource=THING, model=Thing)])


def decode(spec: Any) -> Thing:
    thing: Thing = SCHEME.decode(Thing, {"metadata": {}, "spec": spec})
    return thing


@pytest.mark.parametrize(
    ("spec", "errors"),
    [
        ({"on": "true"}, ["spec.on: must be boolean, got string"]),
        ({"on": None}, ["spec.on: must be boolean, got null"]),
        ({"on": 1}, ["spec.on: must be boolean, got integer"]),
        ({}, ["spec.on: required"]),
        (3, ["spec: must be object, got integer"]),
        ({"on": True, "tags": "abc"}, ["spec.tags: must be array, got string"]),
        ({"on": True, "tags": ["a", 1]}, ["spec.tags[1]: must be string, got integer"]),
        ({"on": True, "raw": []}, ["spec.raw: must be object, got array"]),
        ({"on": True, "parts": []}, ["spec.parts: must be object, got array"]),
        ({"on": True, "dotted.name": 1}, ["spec.dotted.name: must be string, got integer"]),
        (
            {"on": True, "parts": {"a": {"sizeBytes": True}, "b": {"name": "x", "sizeBytes": 1.5}}},
            [
                "spec.parts[a].name: required",
                "spec.parts[a].sizeBytes: must be integer, got boolean",
                "spec.parts[b].sizeBytes: must be integer, got number",
            ],
        ),
    ],
)
def test_every_fault_is_reported_with_its_json_path(spec: Any, errors: list[str]) -> None:
    with pytest.raises(InvalidObject) as caught:
        decode(spec)
    assert [str(e) for e in caught.value.errors] == errors


def test_unknown_fields_are_passed_over() -> None:
    """A newer CRD may have stored them; the API server prunes what no CRD knows."""
    assert decode({"on": True, "new": 1}).spec.on is True


def test_raw_objects_and_anything_pass_untouched() -> None:
    raw = {"a": [1, {"b": None}]}
    spec = decode({"on": False, "raw": raw, "anything": [1, "x", None]}).spec
    assert (spec.raw, spec.anything) == (raw, [1, "x", None])


parts = st.dictionaries(
    st.text(min_size=1, max_size=5),
    st.builds(Part, name=st.text(max_size=5), size_bytes=st.none() | st.integers()),
    max_size=3,
)


@given(on=st.booleans(), parts=parts, tags=st.none() | st.lists(st.text(max_size=3), max_size=3))
def test_encoding_and_decoding_give_the_same_value(on: bool, parts: Any, tags: Any) -> None:
    thing = Thing(metadata={"name": "x"}, spec=Spec(on=on, parts=parts, tags=tags))
    encoded = SCHEME.encode(thing)
    assert (encoded["apiVersion"], encoded["kind"]) == ("example.com/v1", "Thing")
    assert SCHEME.decode(Thing, encoded) == thing


def test_kinds_are_found_by_model_by_resource_and_by_object() -> None:
    assert SCHEME.resource_for(Thing) == THING
    assert SCHEME.resource_for(THING.gvk) == THING
    assert SCHEME.resource_of({"apiVersion": "v1", "kind": "ConfigMap"}) == CONFIG_MAP
    with pytest.raises(KeyError, match="not registered"):
        SCHEME.resource_for(Spec)


@pytest.mark.parametrize("depth", [150, 900])
def test_what_nests_too_deep_is_a_fault_and_no_recursion(depth: int) -> None:
    deep: Any = 1
    for _ in range(depth):
        deep = {"a": deep}
    with pytest.raises(InvalidObject, match=r"^spec\.raw\.a.*nested deeper than 100 levels"):
        decode({"on": True, "raw": deep})
