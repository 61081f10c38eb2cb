"""Ownership: after a fold our Apply entry owns what we and our predecessors wrote, no more."""

from __future__ import annotations

from typing import Any

from druid_operator.pkg.apply.managed_fields import fold, keys_written_by
from druid_operator.pkg.apply.replacement import replacement
from druid_operator.pkg.meta import JSON

REPLICAS = (("spec", "replicas"),)


def entry(manager: str, operation: str, fields: JSON, **more: str) -> JSON:
    return {
        "manager": manager, "operation": operation, "apiVersion": "apps/v1",
        "fieldsType": "FieldsV1", "fieldsV1": fields, "time": "2026-01-01T00:00:00Z", **more,
    }  # fmt: skip


def folded(*entries: JSON, **options: Any) -> list[JSON] | None:
    return fold(
        entries, manager="us", predecessors=("manager",), api_version="apps/v1", **options
    )  # fmt: skip


def by_writer(entries: list[JSON] | None) -> dict[str, JSON]:
    assert entries is not None
    return {
        f"{e['manager']} {e['operation']}{e.get('subresource', '')}": e["fieldsV1"] for e in entries
    }


def test_update_entries_become_one_apply_entry() -> None:
    result = folded(
        entry("manager", "Update", {"f:spec": {"f:a": {}, "f:b": {"f:c": {}}}}),
        entry("us", "Update", {"f:spec": {"f:b": {"f:d": {}}}}, time="2026-02-01T00:00:00Z"),
        entry("us", "Apply", {"f:spec": {"f:e": {}}}),
    )
    assert by_writer(result) == {
        "us Apply": {"f:spec": {"f:a": {}, "f:b": {"f:c": {}, "f:d": {}}, "f:e": {}}}
    }
    assert result is not None
    assert result[0]["time"] == "2026-02-01T00:00:00Z"


def test_other_writers_and_subresources_stay_as_they_are() -> None:
    hpa = entry(
        "kube-controller-manager", "Update", {"f:spec": {"f:replicas": {}}}, subresource="scale"
    )
    status = entry("manager", "Update", {"f:status": {"f:replicas": {}}}, subresource="status")
    person = entry("kubectl-edit", "Update", {"f:spec": {"f:x": {}}})
    result = folded(hpa, status, person, entry("manager", "Update", {"f:spec": {"f:a": {}}}))
    assert result is not None
    *others, ours = result
    assert others == [hpa, status, person]
    assert (ours["operation"], ours["fieldsV1"]) == ("Apply", {"f:spec": {"f:a": {}}})


def test_nothing_changes_when_all_is_ours_by_apply() -> None:
    assert folded(entry("us", "Apply", {"f:spec": {"f:a": {}}})) is None
    assert folded() is None


def test_a_leaf_joined_with_children_stays_a_member() -> None:
    result = folded(
        entry("us", "Apply", {"f:m": {}}), entry("us", "Update", {"f:m": {"f:x": {}}, "f:n": {}})
    )
    assert by_writer(result)["us Apply"] == {"f:m": {".": {}, "f:x": {}}, "f:n": {}}


def test_an_update_entry_of_another_version_is_dropped() -> None:
    old = entry("manager", "Update", {"f:spec": {"f:gone": {}}}, apiVersion="apps/v1beta1")
    assert by_writer(folded(old, entry("us", "Apply", {"f:a": {}}))) == {"us Apply": {"f:a": {}}}


def test_a_yielded_field_is_left_in_an_update_entry() -> None:
    """Its only owner dropping it would reset it to the server's default."""
    result = folded(
        entry("manager", "Update", {"f:spec": {"f:replicas": {}, "f:a": {}}}), yielded=REPLICAS
    )
    assert by_writer(result) == {
        "us Apply": {"f:spec": {"f:a": {}}}, "us Update": {"f:spec": {"f:replicas": {}}},
    }  # fmt: skip


def test_a_field_that_we_applied_is_handed_over_and_taken_back() -> None:
    given = folded(
        entry("us", "Apply", {"f:spec": {"f:replicas": {}}, "f:metadata": {}}), yielded=REPLICAS
    )
    assert by_writer(given) == {
        "us Apply": {"f:metadata": {}}, "us Update": {"f:spec": {"f:replicas": {}}},
    }  # fmt: skip
    assert folded(*(given or ()), yielded=REPLICAS) is None
    assert by_writer(folded(*(given or ()))) == {
        "us Apply": {"f:metadata": {}, "f:spec": {"f:replicas": {}}}
    }


def test_the_go_operators_objects_are_taken_over_whole(go_children: list[JSON]) -> None:
    for obj in go_children:
        before = {
            e.get("subresource"): e["fieldsV1"]
            for e in obj["metadata"]["managedFields"]
            if e["manager"] == "manager"
        }
        after = fold(
            obj["metadata"]["managedFields"], manager="us", predecessors=("manager",),
            api_version=obj["apiVersion"],
        )  # fmt: skip
        assert after is not None
        assert [e for e in after if e["manager"] == "manager"] == []
        assert [e["fieldsV1"] for e in after if e["operation"] == "Apply"] == [before[None]]


def test_a_replacement_keeps_what_others_added_and_drops_what_was_ours() -> None:
    labels = {"f:labels": {".": {}, "f:ours": {}, "f:dropped": {}}}
    live = {
        "metadata": {
            "name": "db", "resourceVersion": "7", "uid": "u",
            "labels": {"ours": "1", "dropped": "1", "theirs": "1"},
            "annotations": {"kubectl.kubernetes.io/restartedAt": "now"},
            "finalizers": ["cloud/lb"],
            "ownerReferences": [{"uid": "other"}, {"uid": "me", "controller": False}],
            "managedFields": [entry("us", "Update", {"f:metadata": labels})],
        },
        "spec": {"replicas": 5, "paused": True},
    }  # fmt: skip
    intent = {
        "metadata": {
            "name": "db", "labels": {"ours": "2"}, "annotations": {"applied": "h"},
            "ownerReferences": [{"uid": "me", "controller": True}],
        },
        "spec": {"serviceName": "db"},
    }  # fmt: skip
    assert replacement(intent, live, managers={"us"}, yielded=REPLICAS) == {
        "metadata": {
            "name": "db", "resourceVersion": "7", "uid": "u",
            "labels": {"ours": "2", "theirs": "1"},
            "annotations": {"kubectl.kubernetes.io/restartedAt": "now", "applied": "h"},
            "finalizers": ["cloud/lb"],
            "ownerReferences": [{"uid": "other"}, {"uid": "me", "controller": True}],
        },
        "spec": {"serviceName": "db", "replicas": 5},
    }  # fmt: skip


def test_keys_of_a_map_are_told_by_their_writer() -> None:
    fields = {"f:metadata": {"f:labels": {".": {}, "f:a": {}, "f:b": {}}}}
    path = ("metadata", "labels")
    assert keys_written_by([entry("us", "Apply", fields)], {"us"}, path) == {"a", "b"}
    assert keys_written_by([entry("you", "Apply", fields)], {"us"}, path) == frozenset()
