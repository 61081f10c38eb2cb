"""The algebra of field sets, and ``fieldsV1``."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from druid_operator.pkg.apistore.fieldset import FieldSet, Path, format_path

_ELEMENTS = ("f:a", "f:b", 'k:{"name":"x"}', 'v:"y"', "i:0")
paths = st.lists(st.sampled_from(_ELEMENTS), min_size=1, max_size=3).map(tuple)
sets = st.lists(paths, max_size=8).map(lambda found: FieldSet.of(*found))


def members(fields: FieldSet) -> set[Path]:
    return set(fields.paths())


@given(sets)
def test_the_wire_form_comes_back(fields: FieldSet) -> None:
    assert FieldSet.decode(fields.encode()) == fields


@given(sets, sets)
def test_union_intersection_and_difference_are_those_of_paths(a: FieldSet, b: FieldSet) -> None:
    assert members(a.union(b)) == members(a) | members(b)
    assert members(a.intersection(b)) == members(a) & members(b)
    assert members(a.difference(b)) == members(a) - members(b)


@given(sets, sets)
def test_without_takes_everything_below_along(a: FieldSet, b: FieldSet) -> None:
    gone = members(b)
    expected = {
        path for path in members(a) if not any(path[: n + 1] in gone for n in range(len(path)))
    }
    assert members(a.without(b)) == expected


@given(sets)
def test_membership_is_that_of_paths(fields: FieldSet) -> None:
    assert all(path in fields for path in fields.paths())
    assert bool(fields) is bool(members(fields))


def test_an_owned_parent_is_told_from_a_mere_way() -> None:
    owned = FieldSet.of(("f:spec",), ("f:spec", "f:replicas"))
    way = FieldSet.of(("f:spec", "f:replicas"))
    assert owned.encode() == {"f:spec": {".": {}, "f:replicas": {}}}
    assert way.encode() == {"f:spec": {"f:replicas": {}}}


def test_nobody_owns_the_whole_object() -> None:
    fields = FieldSet()
    fields.insert(())
    assert not fields


@pytest.mark.parametrize("document", [{"spec": {}}, {"f:a": 1}])
def test_what_is_no_fields_v1(document: object) -> None:
    with pytest.raises(ValueError, match="invalid path element"):
        FieldSet.decode(document)  # type: ignore[arg-type]


def test_paths_are_shown_as_the_server_shows_them() -> None:
    path = ("f:spec", "f:ports", 'k:{"port":80,"protocol":"TCP"}', "f:name")
    assert format_path(path) == '.spec.ports[port=80,protocol="TCP"].name'
    assert format_path(("f:metadata", "f:finalizers", 'v:"a/b"')) == '.metadata.finalizers[="a/b"]'


def test_numbers_order_by_value_not_by_digits() -> None:
    fields = FieldSet.of(*(("f:p", f'k:{{"port":{n}}}') for n in (8080, 80, 443)))
    assert [format_path(p) for p in fields.paths()] == [
        ".p[port=80]", ".p[port=443]", ".p[port=8080]",
    ]  # fmt: skip
