"""The plan: one action per object, each with its reason, and none when nothing has to change."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from druid_operator.pkg.apply import Action, Child, ChildId, Reason, Settled, Verb, plan
from druid_operator.pkg.apply.diff import Difference
from druid_operator.pkg.apply.intent import intent_hash, intent_of
from druid_operator.pkg.meta import JSON, NamespacedName
from druid_operator.pkg.scheme.builtin import CONFIG_MAP, SECRET

ANNOTATION = "example.com/applied"
OWNER = "11111111-2222-3333-4444-555555555555"

Make = Callable[..., Child]


def planned(desired: list[Child], live: dict[ChildId, JSON], **options: Any) -> tuple[Action, ...]:
    return plan(desired, live, owner_uid=OWNER, annotation=ANNOTATION, **options)


def stored(child: Child, **metadata: Any) -> JSON:
    """The object as a server answers it after we applied the child."""
    (action,) = planned([child], {})
    obj = copy.deepcopy(action.body)
    assert obj is not None
    obj["metadata"].update({"uid": "u1", "resourceVersion": "1", **metadata})
    return obj


def one(child: Child, live: JSON | None, **options: Any) -> Action:
    (action,) = planned([child], {child.id: live} if live else {}, **options)
    return action


def test_what_is_missing_is_created(config_map: Make) -> None:
    child = config_map(a="1")
    action = one(child, None)
    assert (action.verb, action.reason) == (Verb.CREATE, Reason.MISSING)
    assert action.body is not None
    hash_ = intent_hash(intent_of(child))
    assert action.body["metadata"]["annotations"][ANNOTATION] == hash_


def test_what_was_applied_is_left_alone(config_map: Make, stateful_set: Make) -> None:
    """Planning again after the plan was carried out writes nothing."""
    for child in (config_map(a="1"), stateful_set(env=[{"name": "A", "value": "1"}])):
        assert one(child, stored(child)).verb is Verb.NOTHING


def test_the_first_apply_takes_over(config_map: Make) -> None:
    live = stored(config_map(a="1"), annotations={"druidOpResourceHash": "x"})
    action = one(config_map(a="1"), live)
    assert (action.verb, action.reason) == (Verb.TAKE_OVER, Reason.NEVER_APPLIED)
    assert action.uid == "u1"


def test_a_field_that_is_no_longer_sent_is_found_by_the_hash(config_map: Make) -> None:
    action = one(config_map(a="1"), stored(config_map(a="1", b="2")))
    assert (action.verb, action.reason) == (Verb.APPLY, Reason.INTENT_CHANGED)
    assert action.differences == ()


def test_drift_is_repaired(config_map: Make) -> None:
    live = stored(config_map(a="1"))
    live["data"]["a"] = "edited"
    action = one(config_map(a="1"), live)
    assert (action.verb, action.reason) == (Verb.APPLY, Reason.DRIFTED)
    assert (
        str(action)
        == "apply ConfigMap data/one: was changed by somebody else\ndata.a: 'edited' -> '1'"
    )


def test_what_others_add_is_no_drift(config_map: Make) -> None:
    live = stored(config_map(a="1"), labels={"theirs": "1"}, finalizers=["x"])
    live["data"]["theirs"] = "1"
    assert one(config_map(a="1"), live).verb is Verb.NOTHING


def test_a_difference_that_the_server_made_is_not_written_again(stateful_set: Make) -> None:
    """Until the intent changes, or the field becomes something else again."""
    child = stateful_set(imagePullPolicy="")
    live = stored(child)
    live["spec"]["template"]["spec"]["containers"][0]["imagePullPolicy"] = "Always"
    drifted = one(child, live)
    assert drifted.verb is Verb.APPLY
    settled = {child.id: Settled(intent_hash(intent_of(child)), drifted.differences)}
    assert one(child, live, settled=settled).verb is Verb.NOTHING
    live["spec"]["template"]["spec"]["containers"][0]["imagePullPolicy"] = "Never"
    assert one(child, live, settled=settled).verb is Verb.APPLY
    other = {child.id: Settled("another hash", drifted.differences)}
    assert one(child, live, settled=other).verb is Verb.APPLY


@pytest.mark.parametrize(
    "owners", [[], [{"uid": "x", "kind": "Druid", "name": "o", "controller": True}]]
)
def test_an_object_of_another_owner_is_refused(config_map: Make, owners: list[JSON]) -> None:
    """Also one that nobody owns: nothing is adopted silently."""
    action = one(config_map(a="1"), stored(config_map(a="1"), ownerReferences=owners))
    assert (action.verb, action.reason, action.body) == (Verb.REFUSE, Reason.NOT_OURS, None)
    assert action.note in ("Druid o", "nobody (it has no controller)")


def test_a_child_without_owner_is_told_by_our_annotation(config_map: Make) -> None:
    """A claim that outlives its cluster has no owner; a stranger's lacks our annotation."""
    child = config_map(a="1")
    del child.object["metadata"]["ownerReferences"]
    live = stored(child)
    assert one(child, live).verb is Verb.NOTHING
    del live["metadata"]["annotations"]
    assert one(child, live).verb is Verb.REFUSE


def test_an_object_on_its_way_out_is_waited_for(config_map: Make) -> None:
    live = stored(config_map(a="1"), deletionTimestamp="2026-01-01T00:00:00Z")
    assert one(config_map(a="2"), live).reason is Reason.BEING_DELETED


def test_a_repeated_merge_key_is_written_by_put(stateful_set: Make) -> None:
    child = stateful_set(env=[{"name": "A", "value": "1"}, {"name": "A", "value": "2"}])
    live = stored(child)
    assert one(child, live).verb is Verb.NOTHING
    live["spec"]["template"]["spec"]["containers"][0]["env"].pop()
    assert one(child, live).verb is Verb.PUT


def test_one_name_wanted_twice_is_refused_the_second_time(config_map: Make) -> None:
    first, second = planned([config_map(a="1"), config_map(a="2")], {})
    assert (first.verb, second.verb) == (Verb.CREATE, Verb.REFUSE)
    assert second.reason is Reason.NAMED_TWICE


def test_what_is_no_longer_wanted_is_deleted_if_it_is_ours(config_map: Make) -> None:
    live = {c.id: stored(c) for c in (config_map("b"), config_map("a"), config_map("kept"))}
    foreign = config_map("foreign", owner="another")
    live[foreign.id] = stored(foreign)
    going = config_map("going")
    live[going.id] = stored(going, deletionTimestamp="2026-01-01T00:00:00Z")
    live[ChildId(SECRET, NamespacedName("data", "s"))] = stored(config_map("s"))
    actions = planned([config_map("kept")], live, prunable={CONFIG_MAP})
    assert [(a.verb, a.id.key.name, a.uid) for a in actions] == [
        (Verb.NOTHING, "kept", "u1"), (Verb.DELETE, "a", "u1"), (Verb.DELETE, "b", "u1"),
    ]  # fmt: skip


def test_a_yielded_field_is_neither_sent_nor_compared(stateful_set: Make) -> None:
    child = stateful_set(yielded=(("spec", "replicas"),))
    live = stored(child)
    live["spec"]["replicas"] = 7
    assert one(child, live).verb is Verb.NOTHING
    body = one(child, None).body
    assert body is not None
    assert "replicas" not in body["spec"]


def test_the_intent_has_no_status_no_nulls_and_is_a_copy(stateful_set: Make) -> None:
    child = stateful_set()
    before = copy.deepcopy(child.object)
    intent = intent_of(child)
    assert "status" not in intent
    assert intent["spec"]["template"]["metadata"] == {"labels": {"app": "db"}}
    intent["spec"]["replicas"] = 9
    assert child.object == before


def test_a_held_action_writes_nothing(config_map: Make) -> None:
    held = one(config_map(a="1"), None).held("wave historicals")
    assert (held.writes, held.body, held.note) == (False, None, "wave historicals")


def test_settled_explains_no_more_than_it_saw() -> None:
    seen = Difference("a", 1, 2)
    assert Settled("h", (seen,)).explains("h", ())
    assert not Settled("h", (seen,)).explains("h", (seen, Difference("b", 1, 2)))
