"""Who may own what, and what an owner reference says."""

from __future__ import annotations

import copy

import pytest

from druid_operator.pkg.controllerutil import (
    AlreadyOwned,
    has_controller_reference,
    remove_owner_reference,
    set_controller_reference,
    set_owner_reference,
)


def owner(name: str = "web", uid: str = "u1", namespace: str | None = "ns") -> dict:
    metadata = {"name": name, "uid": uid}
    if namespace:
        metadata["namespace"] = namespace
    return {"apiVersion": "example.com/v1", "kind": "Web", "metadata": metadata}


CHILD = {"kind": "Service", "metadata": {"name": "c", "namespace": "ns"}}


def references(obj: dict) -> list[dict]:
    return obj["metadata"].get("ownerReferences", [])


def test_a_controller_reference_blocks_the_owners_deletion_unless_told_otherwise() -> None:
    before = copy.deepcopy(CHILD)
    expected = {
        "apiVersion": "example.com/v1",
        "kind": "Web",
        "name": "web",
        "uid": "u1",
        "controller": True,
        "blockOwnerDeletion": True,
    }
    assert references(set_controller_reference(owner(), CHILD)) == [expected]
    (plain,) = references(set_controller_reference(owner(), CHILD, block_owner_deletion=False))
    assert "blockOwnerDeletion" not in plain
    assert before == CHILD


def test_setting_it_twice_changes_nothing_and_an_upgrade_renews_it_in_place() -> None:
    once = set_controller_reference(owner(), set_owner_reference(owner("x", "u0"), CHILD))
    assert set_controller_reference(owner(), once) == once
    newer = {**owner(), "apiVersion": "example.com/v2"}
    refs = references(set_controller_reference(newer, once))
    assert [ref["apiVersion"] for ref in refs] == ["example.com/v1", "example.com/v2"]


def test_an_object_of_another_controller_is_not_taken() -> None:
    taken = set_controller_reference(owner("other", "u2"), CHILD)
    with pytest.raises(AlreadyOwned, match="Service c belongs to Web other already"):
        set_controller_reference(owner(), taken)


def test_a_namesake_created_later_is_another_owner() -> None:
    taken = set_controller_reference(owner(uid="old"), CHILD)
    with pytest.raises(AlreadyOwned):
        set_controller_reference(owner(uid="new"), taken)


def test_plain_owners_stand_beside_a_controller() -> None:
    both = set_owner_reference(owner("b", "u2"), set_controller_reference(owner(), CHILD))
    assert [ref.get("controller", False) for ref in references(both)] == [True, False]
    assert has_controller_reference(both)
    left = remove_owner_reference(owner(), both)
    assert [ref["name"] for ref in references(left)] == ["b"]
    assert not has_controller_reference(left)
    assert "ownerReferences" not in remove_owner_reference(owner("b", "u2"), left)["metadata"]


@pytest.mark.parametrize(
    ("home", "place"), [("ns", "other"), ("ns", None)], ids=["other namespace", "cluster scoped"]
)
def test_an_owner_of_another_namespace_is_refused(home: str, place: str | None) -> None:
    child = {"metadata": {"name": "c", **({"namespace": place} if place else {})}}
    with pytest.raises(ValueError, match="cannot own"):
        set_controller_reference(owner(namespace=home), child)


def test_a_cluster_scoped_owner_may_own_anything() -> None:
    assert references(set_controller_reference(owner(namespace=None), CHILD))
