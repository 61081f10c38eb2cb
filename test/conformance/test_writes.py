"""POST and PUT: what is stored, what is refused, and what a write without a change does."""

from __future__ import annotations

from typing import Any

import pytest


def config_map(name: str, **more: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, **more}


async def test_create_answers_the_stored_object(api, configmaps, namespace):
    made = await api("POST", configmaps, config_map("a", data={"x": "1"}))
    assert made.code == 201
    metadata = made.body["metadata"]
    assert (metadata["name"], metadata["namespace"]) == ("a", namespace)
    assert metadata["uid"]
    assert metadata["resourceVersion"].isdecimal()
    assert "generation" not in metadata
    assert made.managers == [("probe", "Update", "")]
    assert made.fields("probe", "Update") == {"f:data": {".": {}, "f:x": {}}}
    assert (await api("GET", f"{configmaps}/a")).body == made.body


async def test_an_object_with_nothing_set_has_no_managers(api, configmaps):
    made = await api("POST", configmaps, config_map("bare"))
    assert made.managers == []


async def test_generate_name_adds_five_characters(api, configmaps):
    body = {"metadata": {"generateName": "g-"}}
    made = await api("POST", configmaps, body)
    assert made.code == 201
    name = made.body["metadata"]["name"]
    assert name.startswith("g-")
    assert len(name) == len("g-") + 5


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        ({"metadata": {}}, 422, ('ConfigMap "" is invalid: metadata.name: Required value: name or '
         "generateName is required")),
        ({"metadata": {"name": "q", "namespace": "other"}}, 400,
         "the namespace of the provided object does not match the namespace sent on the request"),
        ({"kind": "Secret", "apiVersion": "v1", "metadata": {"name": "q"}}, 400,
         ('Secret in version "v1" cannot be handled as a ConfigMap: converting (v1.Secret) to '
         "(core.ConfigMap): unknown conversion")),
        ({"metadata": {"name": "q", "resourceVersion": "5"}}, 500,
         "resourceVersion should not be set on objects to be created"),
        ({"metadata": {"name": "q"}, "data": {"a": 1}}, 400,
         ('ConfigMap in version "v1" cannot be handled as a ConfigMap: json: cannot unmarshal '
         "number into Go struct field ConfigMap.data of type string")),
        ({"metadata": {"name": "q", "labels": {"a": 1}}}, 400,
         ('ConfigMap in version "v1" cannot be handled as a ConfigMap: json: cannot unmarshal '
         "number into Go struct field ObjectMeta.metadata.labels of type string")),
    ],
)  # fmt: skip
async def test_create_refuses(api, configmaps, body, code, message):
    answer = await api("POST", configmaps, body)
    assert (answer.code, answer.message) == (code, message)


async def test_create_twice_is_already_exists(api, configmaps):
    await api("POST", configmaps, config_map("twice"))
    again = await api("POST", configmaps, config_map("twice"))
    assert again.code == 409
    assert again.body["reason"] == "AlreadyExists"
    assert again.message == 'configmaps "twice" already exists'
    assert again.body["details"] == {"name": "twice", "kind": "configmaps"}


async def test_create_in_a_missing_namespace_is_not_found(api):
    answer = await api("POST", "/api/v1/namespaces/no-such/configmaps", config_map("a"))
    assert answer.code == 404
    assert answer.body["details"] == {"name": "no-such", "kind": "namespaces"}


@pytest.mark.parametrize(
    ("query", "code", "warned"), [("", 201, True), ("Warn", 201, True), ("Ignore", 201, False)]
)
async def test_unknown_fields_are_dropped(api, configmaps, query, code, warned):
    body = config_map(f"unknown-{query.lower() or 'default'}", foo=1)
    path = f"{configmaps}?fieldValidation={query}" if query else configmaps
    answer = await api("POST", path, body)
    assert answer.code == code
    assert "foo" not in answer.body
    warning = answer.headers.get("Warning", "")
    assert warning == ('299 - "unknown field \\"foo\\""' if warned else "")


async def test_strict_validation_refuses_unknown_fields(api, configmaps):
    body = {"metadata": {"name": "strict", "foo": 1}, "foo": 1}
    answer = await api("POST", f"{configmaps}?fieldValidation=Strict", body)
    assert answer.code == 400
    assert answer.message == (
        'ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: '
        'unknown field "metadata.foo", unknown field "foo"'
    )


async def test_update_needs_the_current_version_if_it_names_one(api, configmaps):
    await api("POST", configmaps, config_map("stale", data={"x": "1"}))
    body = config_map("stale", data={"x": "2"})
    body["metadata"]["resourceVersion"] = "1"
    stale = await api("PUT", f"{configmaps}/stale", body)
    assert (stale.code, stale.body["reason"]) == (409, "Conflict")
    assert stale.message == (
        'Operation cannot be fulfilled on configmaps "stale": the object has been modified; please '
        "apply your changes to the latest version and try again"
    )
    del body["metadata"]["resourceVersion"]
    assert (await api("PUT", f"{configmaps}/stale", body)).code == 200


async def test_update_with_another_uid_is_a_conflict(api, configmaps):
    await api("POST", configmaps, config_map("uid"))
    body = config_map("uid")
    body["metadata"]["uid"] = "1"
    answer = await api("PUT", f"{configmaps}/uid", body)
    assert answer.code == 409
    assert "Precondition failed: UID in precondition: 1, UID in object meta: UID" in answer.message


async def test_update_of_another_name_is_refused(api, configmaps):
    answer = await api("PUT", f"{configmaps}/b", config_map("a"))
    assert answer.code == 400
    assert answer.message == "the name of the object (a) does not match the name on the URL (b)"


async def test_a_write_that_changes_nothing_keeps_the_version(api, configmaps):
    made = await api("POST", configmaps, config_map("same", data={"x": "1"}))
    version = made.body["metadata"]["resourceVersion"]
    put = await api("PUT", f"{configmaps}/same", config_map("same", data={"x": "1"}))
    merged = await api.merge(f"{configmaps}/same", {"data": {"x": "1"}})
    assert put.body["metadata"]["resourceVersion"] == version
    assert merged.body["metadata"]["resourceVersion"] == version


async def test_dry_run_stores_nothing(api, configmaps):
    made = await api("POST", f"{configmaps}?dryRun=All", config_map("dry", data={"x": "1"}))
    assert made.code == 201
    assert made.body["data"] == {"x": "1"}
    assert "resourceVersion" not in made.body["metadata"]
    assert (await api("GET", f"{configmaps}/dry")).code == 404


async def test_paths_that_do_not_exist(api, namespace):
    unknown = await api("GET", "/api/v1/nothings")
    assert unknown.code == 404
    assert unknown.message == "the server could not find the requested resource"
    group = await api("GET", "/apis/no.such/v1/nothings")
    assert (group.code, group.body) == (404, "404 page not found\n")
    method = await api("PUT", f"/api/v1/namespaces/{namespace}/configmaps", config_map("a"))
    assert (method.code, method.body["reason"]) == (405, "MethodNotAllowed")


async def test_a_lease_is_created_by_put_and_then_needs_a_version(api, namespace):
    leases = f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases"
    lease = {"metadata": {"name": "l"}, "spec": {"holderIdentity": "a", "leaseDurationSeconds": 1}}
    assert (await api("PUT", f"{leases}/l", lease)).code == 201
    again = await api("PUT", f"{leases}/l", lease)
    assert again.code == 422
    assert again.causes == [("FieldValueInvalid", "metadata.resourceVersion")]


async def test_events_are_one_kind_in_two_versions(api, namespace):
    core = f"/api/v1/namespaces/{namespace}/events"
    newer = f"/apis/events.k8s.io/v1/namespaces/{namespace}/events"
    regarding = {"kind": "Pod", "name": "p", "namespace": namespace}
    event = {
        "metadata": {"name": "e"}, "eventTime": "2026-01-01T00:00:00.000000Z", "action": "A",
        "reportingController": "x", "reportingInstance": "y", "reason": "R", "note": "n",
        "regarding": regarding, "type": "Normal",
    }  # fmt: skip
    assert (await api("POST", newer, event)).code == 201
    seen = (await api("GET", f"{core}/e")).body
    assert seen["apiVersion"] == "v1"
    assert (seen["involvedObject"], seen["message"]) == (regarding, "n")
    assert seen["reportingComponent"] == "x"
    assert (seen["firstTimestamp"], seen["source"]) == (None, {})
    listed = (await api("GET", f"{core}?fieldSelector=involvedObject.name=p")).body["items"]
    assert [item["metadata"]["name"] for item in listed] == ["e"]


# aiohttp's advice for bodies above a megabyte, which is what these tests are about.
large_bodies = pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning")


@large_bodies
@pytest.mark.parametrize(("size", "code"), [(1_048_576, 201), (1_048_577, 422)])
async def test_a_config_map_holds_a_mebibyte(api, configmaps, size, code):
    half = size // 2
    body = config_map(f"big-{code}", data={"a": "x" * half, "b": "y" * (size - half)})
    answer = await api("POST", configmaps, body)
    assert answer.code == code
    if code == 422:
        why = "[]: Too long: may not be more than 1048576 bytes"
        assert answer.message == f'ConfigMap "big-422" is invalid: {why}'


@large_bodies
async def test_an_object_above_etcds_limit_is_an_internal_error(api, configmaps):
    """Not a refusal in the server's own words: it is etcd that does not take it."""
    annotations = {"a": "x" * 262_000}
    body = config_map("big", data={"a": "x" * 1_040_000})
    body["metadata"]["annotations"] = annotations
    assert (await api("POST", configmaps, body)).code == 201
    patch = {"metadata": {"labels": {f"l{n}": "x" * 63 for n in range(4000)}}}
    answer = await api.merge(f"{configmaps}/big", patch)
    assert (answer.code, answer.message) == (500, "etcdserver: request is too large")
    assert "labels" not in (await api("GET", f"{configmaps}/big")).body["metadata"]


@large_bodies
async def test_a_body_above_three_mebibytes_is_not_read(api, configmaps):
    answer = await api("POST", configmaps, config_map("huge", data={"a": "x" * 3_145_728}))
    assert (answer.code, answer.body["reason"]) == (413, "RequestEntityTooLarge")
    assert answer.message == "Request entity too large: limit is 3145728"
