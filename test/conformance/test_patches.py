"""Merge, JSON and strategic merge patches."""

from __future__ import annotations

import pytest
import pytest_asyncio

JSON_PATCH = "application/json-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
REJECTED = "the server rejected our request due to an error in our request"


@pytest_asyncio.fixture(loop_scope="session")
async def path(api, configmaps):
    body = {"metadata": {"name": "p"}, "data": {"x": "1", "y": "2"}}
    assert (await api("POST", configmaps, body)).code == 201
    return f"{configmaps}/p"


async def test_merge_patch_merges_and_null_removes(api, path):
    answer = await api.merge(path, {"data": {"x": None, "z": "3"}})
    assert answer.body["data"] == {"y": "2", "z": "3"}


async def test_the_manager_is_the_user_agent_up_to_its_slash(api, path):
    answer = await api.merge(path, {"data": {"z": "3"}}, agent="other/7 (linux)")
    assert answer.fields("other", "Update") == {"f:data": {"f:z": {}}}
    assert answer.fields("probe", "Update") == {"f:data": {".": {}, "f:x": {}, "f:y": {}}}


async def test_a_version_in_a_merge_patch_is_a_precondition(api, path):
    stale = await api.merge(path, {"metadata": {"resourceVersion": "1"}, "data": {"z": "3"}})
    assert (stale.code, stale.body["reason"]) == (409, "Conflict")


async def test_identity_is_immutable(api, path):
    uid = await api.merge(path, {"metadata": {"uid": "1"}})
    assert uid.code == 422
    assert uid.message == (
        'ConfigMap "p" is invalid: metadata.uid: Invalid value: "1": field is immutable'
    )
    name = await api.merge(path, {"metadata": {"name": "q"}})
    assert name.code == 400
    assert name.message == "the name of the object (q) does not match the name on the URL (p)"


@pytest.mark.parametrize(
    ("operation", "code"),
    [
        ({"op": "test", "path": "/data/x", "value": "9"}, 422),
        ({"op": "remove", "path": "/data/zz"}, 422),
        ({"op": "add", "path": "/nope/zz", "value": "1"}, 422),
        ({"op": "replace", "path": "/data/zz", "value": "1"}, 200),
        ({"op": "test", "path": "/data/x", "value": "1"}, 200),
    ],
)
async def test_json_patch_operations(api, path, operation, code):
    answer = await api("PATCH", path, [operation], JSON_PATCH)
    assert answer.code == code
    if code == 422:
        assert answer.message == REJECTED


async def test_a_patch_that_makes_nonsense_is_quoted_back(api, path):
    operation = {"op": "replace", "path": "/data/x", "value": 1}
    answer = await api("PATCH", path, [operation], JSON_PATCH)
    assert answer.code == 422
    assert answer.causes == [("FieldValueInvalid", "patch")]
    assert answer.message.endswith(
        "json: cannot unmarshal number into Go struct field ConfigMap.data of type string"
    )


@pytest.mark.parametrize(
    ("body", "content_type", "code", "message"),
    [
        ({}, JSON_PATCH, 400, ("error decoding patch: json: cannot unmarshal object into Go value "
         "of type []handlers.jsonPatchOp")),
        ([1], "application/merge-patch+json", 400, ("error decoding patch: json: cannot unmarshal "
         "array into Go value of type map[string]interface {}")),
        ({}, "application/foo", 415, "415: Unsupported Media Type"),
    ],
)  # fmt: skip
async def test_bodies_that_are_no_patch(api, path, body, content_type, code, message):
    answer = await api("PATCH", path, body, content_type)
    assert (answer.code, answer.message) == (code, message)


async def test_only_apply_may_force(api, path):
    answer = await api.merge(f"{path}?force=true", {"data": {}})
    assert answer.code == 422
    assert answer.causes == [("FieldValueForbidden", "force")]


async def test_a_missing_object_is_not_created(api, configmaps):
    assert (await api.merge(f"{configmaps}/nn", {"data": {}})).code == 404


async def test_strategic_merge_merges_lists_by_key_in_the_order_of_the_patch(api, namespace):
    services = f"/api/v1/namespaces/{namespace}/services"
    ports = [{"name": "a", "port": 80}, {"name": "b", "port": 81}, {"name": "c", "port": 82}]
    await api("POST", services, {"metadata": {"name": "s"}, "spec": {"ports": ports}})
    patch = {"spec": {"ports": [{"port": 82, "name": "z"}, {"port": 80, "name": "a"}]}}
    answer = await api("PATCH", f"{services}/s", patch, STRATEGIC)
    assert [(p["port"], p["name"]) for p in answer.body["spec"]["ports"]] == [
        (81, "b"), (82, "z"), (80, "a"),
    ]  # fmt: skip
    gone = {"spec": {"ports": [{"port": 81, "$patch": "delete"}]}}
    answer = await api("PATCH", f"{services}/s", gone, STRATEGIC)
    assert [p["port"] for p in answer.body["spec"]["ports"]] == [82, 80]


async def test_custom_kinds_know_no_strategic_merge(api, widgets):
    await api("POST", widgets, {
        "apiVersion": "conformance.example.com/v1", "kind": "Widget", "metadata": {"name": "w"},
        "spec": {"size": 1},
    })  # fmt: skip
    answer = await api("PATCH", f"{widgets}/w", {"spec": {"size": 2}}, STRATEGIC)
    assert answer.code == 415


@pytest.mark.parametrize("cleared", [[{}], []])
async def test_managed_fields_can_be_cleared(api, path, cleared):
    operation = {"op": "replace", "path": "/metadata/managedFields", "value": cleared}
    answer = await api("PATCH", path, [operation], JSON_PATCH)
    assert answer.managers == []
    assert (await api.merge(path, {"data": {"z": "3"}})).managers == [], "nobody starts again"


async def test_managed_fields_can_be_replaced(api, path):
    """How an operator takes over what another client's updates own."""
    live = await api("GET", path)
    entry = {**live.body["metadata"]["managedFields"][0], "manager": "me", "operation": "Apply"}
    operations = [
        {"op": "replace", "path": "/metadata/managedFields", "value": [entry]},
        {"op": "replace", "path": "/metadata/resourceVersion",
         "value": live.body["metadata"]["resourceVersion"]},
    ]  # fmt: skip
    answer = await api("PATCH", path, operations, JSON_PATCH)
    assert answer.managers == [("me", "Apply", "")]
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "p"}, "data": {"x": "1"}}
    applied = await api.apply(path, body, "me")
    assert applied.body["data"] == {"x": "1"}, "y was ours now, and we dropped it"
