"""Which updates each predicate lets through, and the algebra of combining them."""

from __future__ import annotations

import attrs
import pytest

from druid_operator.pkg import predicate
from druid_operator.pkg.event import CreateEvent, DeleteEvent, GenericEvent, UpdateEvent
from druid_operator.pkg.meta import JSON, ObjectMeta
from druid_operator.pkg.predicate import Predicate

BASE = {"name": "a", "namespace": "ns", "uid": "u", "resource_version": "1", "generation": 1}


@attrs.frozen
class Thing:
    meta: ObjectMeta

    def to_dict(self) -> JSON:
        raise AssertionError("a predicate decoded the whole object")


def thing(**fields: object) -> Thing:
    return Thing(ObjectMeta(**{**BASE, **fields}))


CHANGES = {
    "nothing": {},
    "resource version": {"resource_version": "2"},
    "generation": {"resource_version": "2", "generation": 2},
    "label": {"resource_version": "2", "labels": {"a": "b"}},
    "annotation": {"resource_version": "2", "annotations": {"a": "b"}},
    "finalizer": {"resource_version": "2", "finalizers": ("f",)},
    "deletion": {
        "resource_version": "2",
        "generation": 2,
        "deletion_timestamp": "2026-01-01T00:00:00Z",
    },
}


@pytest.mark.parametrize(
    ("made", "passes"),
    [
        (predicate.GenerationChanged(), {"generation", "deletion"}),
        (predicate.ResourceVersionChanged(), set(CHANGES) - {"nothing"}),
        (predicate.LabelChanged(), {"label"}),
        (predicate.AnnotationChanged(), {"annotation"}),
        (predicate.FinalizersChanged(), {"finalizer"}),
        (predicate.DeletionStarted(), {"deletion"}),
    ],
    ids=lambda value: "" if isinstance(value, set) else type(value).__name__,
)
def test_a_change_predicate_passes_updates_of_its_part_alone(
    made: Predicate, passes: set[str]
) -> None:
    passed = {
        name
        for name, change in CHANGES.items()
        if made.update(UpdateEvent(thing(), thing(**change)))
    }
    assert passes == passed


def test_a_change_predicate_passes_every_event_that_is_no_update() -> None:
    made = predicate.GenerationChanged()
    assert made.create(CreateEvent(thing()))
    assert made.delete(DeleteEvent(thing()))
    assert made.generic(GenericEvent(thing()))


def test_absent_and_empty_labels_are_the_same() -> None:
    event = UpdateEvent(thing(labels=None), thing(labels={}))
    assert not predicate.LabelChanged().update(event)


def test_a_label_selector_hears_of_the_object_that_leaves_its_selection() -> None:
    selects = predicate.LabelSelectorPredicate({"shard": "a", "tier": "hot"})
    inside = thing(labels={"shard": "a", "tier": "hot", "x": "y"})
    outside = thing(labels={"shard": "a"})
    assert selects.create(CreateEvent(inside))
    assert not selects.create(CreateEvent(outside))
    assert selects.update(UpdateEvent(inside, outside))
    assert selects.update(UpdateEvent(outside, inside))
    assert not selects.update(UpdateEvent(outside, outside))
    assert not selects.delete(DeleteEvent(outside))
    assert not selects.generic(GenericEvent(thing()))


@pytest.mark.parametrize("left", [True, False])
@pytest.mark.parametrize("right", [True, False])
def test_combinators_are_boolean_algebra_for_every_kind_of_event(left: bool, right: bool) -> None:
    a = predicate.from_function(lambda _: left)
    b = predicate.from_function(lambda _: right)

    def answers(p: Predicate) -> set[bool]:
        return {
            p.create(CreateEvent(thing())),
            p.update(UpdateEvent(thing(), thing())),
            p.delete(DeleteEvent(thing())),
            p.generic(GenericEvent(thing())),
        }

    assert {left and right} == answers(a & b)
    assert {left or right} == answers(a | b)
    assert {not left} == answers(~a)
    assert answers(~(a & b)) == answers(~a | ~b)


def test_from_function_asks_about_the_new_object_of_an_update() -> None:
    made = predicate.from_function(lambda obj: obj.meta.generation == 2)
    assert made.update(UpdateEvent(thing(), thing(generation=2)))
    assert not made.update(UpdateEvent(thing(generation=2), thing()))


def test_funcs_pass_what_they_were_not_given_a_function_for() -> None:
    made = predicate.Funcs(on_delete=lambda _: False)
    assert made.create(CreateEvent(thing()))
    assert made.update(UpdateEvent(thing(), thing()))
    assert made.generic(GenericEvent(thing()))
    assert not made.delete(DeleteEvent(thing()))


def test_own_writes_are_refused_where_they_are_only_an_echo() -> None:
    echo, news = thing(resource_version="2"), thing(resource_version="3")
    filter_ = predicate.IgnoreOwnWrites()
    assert not filter_.update(UpdateEvent(thing(), echo, own_write=True))
    assert not filter_.create(CreateEvent(echo, own_write=True))
    assert filter_.update(UpdateEvent(echo, news))
    assert filter_.create(CreateEvent(news))
    assert filter_.delete(DeleteEvent(news))
