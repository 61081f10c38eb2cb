"""Laws of the comparison and of ownership, on random objects."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from druid_operator.pkg.apply import differences
from druid_operator.pkg.apply.intent import intent_hash, same_shape
from druid_operator.pkg.apply.managed_fields import fold
from druid_operator.pkg.meta import JSON

NAMES = st.sampled_from(["a", "b", "env", "ports", "limits", "replicas"])
VALUES = st.recursive(
    st.one_of(st.booleans(), st.integers(-3, 3), st.text("xyz", max_size=3)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=12,
)
OBJECTS = st.dictionaries(NAMES, VALUES, max_size=4).map(lambda spec: {"spec": spec})

FIELDS = st.recursive(
    st.just({}),
    lambda inner: st.dictionaries(
        st.sampled_from([".", "f:spec", "f:replicas", "f:a", 'k:{"name":"x"}']), inner, max_size=3
    ),
    max_leaves=8,
)
REPLICAS = (("spec", "replicas"),)


def entries(fields: list[JSON]) -> list[JSON]:
    """Entries of us by Apply and Update, of a predecessor, and of somebody else."""
    writers = [("us", "Apply"), ("us", "Update"), ("manager", "Update"), ("kubectl", "Update")]
    return [
        {"manager": m, "operation": o, "apiVersion": "v1", "fieldsType": "FieldsV1", "fieldsV1": f}
        for (m, o), f in zip(writers, fields, strict=False)
        if f
    ]


def folded(given_entries: list[JSON]) -> list[JSON] | None:
    return fold(
        given_entries, manager="us", predecessors=("manager",), api_version="v1", yielded=REPLICAS
    )


def members(fields: JSON, path: tuple[str, ...] = ()) -> set[tuple[str, ...]]:
    """The set that a ``FieldsV1`` tree stands for."""
    found = {path} if path and (not fields or "." in fields) else set()
    for name, inner in fields.items():
        if name != ".":
            found |= members(inner, (*path, name))
    return found


def owned(of: list[JSON], *managers: str) -> set[tuple[str, ...]]:
    return {p for e in of if e["manager"] in managers for p in members(e["fieldsV1"])}


@given(OBJECTS)
def test_an_object_is_no_drift_against_itself(obj: JSON) -> None:
    assert differences(obj, copy.deepcopy(obj)) == ()


@given(OBJECTS, st.dictionaries(st.sampled_from(["s1", "s2"]), VALUES, max_size=2))
def test_fields_of_others_are_no_drift(obj: JSON, more: dict[str, Any]) -> None:
    assert differences(obj, {**obj, "spec": {**obj["spec"], **more}, "status": more}) == ()


@given(OBJECTS)
def test_the_hash_does_not_depend_on_the_order_of_fields(obj: JSON) -> None:
    turned = {"spec": dict(reversed(obj["spec"].items()))}
    assert intent_hash(turned) == intent_hash(obj)


def pod(env: list[JSON], **data: Any) -> JSON:
    template = {"spec": {"containers": [{"name": "main", "env": env}]}}
    return {"apiVersion": "apps/v1", "kind": "StatefulSet", "spec": {"template": template, **data}}


def test_two_intents_of_one_shape_own_the_same_fields() -> None:
    """Only then may the take-over of what we posted be left out."""
    one = intent_hash(pod([{"name": "A", "value": "1"}], replicas=1))
    assert same_shape(one, intent_hash(pod([{"name": "A", "value": "2"}], replicas=3)))
    for other in (
        pod([{"name": "B", "value": "1"}], replicas=1),  # an item that merges by its name
        pod([{"name": "A"}], replicas=1),
        pod([], replicas=1),
        pod([{"name": "A", "value": "1"}]),
        {**pod([{"name": "A", "value": "1"}], replicas=1), "metadata": {"finalizers": ["x"]}},
    ):
        assert not same_shape(one, intent_hash(other))
    assert not same_shape("", one)


@given(st.lists(FIELDS, min_size=4, max_size=4))
def test_a_fold_loses_and_invents_nothing(fields: list[JSON]) -> None:
    before = entries(fields)
    after = folded(before) or before
    assert owned(after, "us", "manager") == owned(before, "us", "manager")
    assert owned(after, "kubectl") == owned(before, "kubectl")


@given(st.lists(FIELDS, min_size=4, max_size=4))
def test_a_fold_is_done_once_and_yields(fields: list[JSON]) -> None:
    after = folded(entries(fields)) or entries(fields)
    assert folded(after) is None
    yielded = ("f:spec", "f:replicas")
    for entry in after:
        paths = members(entry["fieldsV1"])
        if entry["operation"] == "Apply":
            assert all(path[:2] != yielded for path in paths)
        elif entry["manager"] != "kubectl":
            assert all(path[:2] == yielded for path in paths)
