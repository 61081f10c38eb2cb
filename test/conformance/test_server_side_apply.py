"""Server-side apply: ownership, conflicts, and what goes when a manager drops a field."""

from __future__ import annotations

from typing import Any

import pytest


def config_map(name: str, data: dict[str, str], **more: Any) -> dict[str, Any]:
    return {
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data, **more,
    }  # fmt: skip


async def test_apply_creates_and_repeating_it_writes_nothing(api, configmaps):
    made = await api.apply(f"{configmaps}/a", config_map("a", {"x": "1"}))
    assert made.code == 201
    assert made.fields("m1") == {"f:data": {"f:x": {}}}
    again = await api.apply(f"{configmaps}/a", config_map("a", {"x": "1"}))
    assert (again.code, again.body) == (200, made.body)


async def test_conflicts_name_manager_and_field(api, configmaps):
    path = f"{configmaps}/c"
    await api.apply(path, config_map("c", {"x": "1", "y": "1"}))
    both = await api.apply(path, config_map("c", {"x": "2", "y": "2"}), "m2")
    assert (both.code, both.body["reason"]) == (409, "Conflict")
    assert both.message == (
        'Apply failed with 2 conflicts: conflicts with "m1":\n- .data.x\n- .data.y'
    )
    assert both.body["details"] == {
        "causes": [
            {"reason": "FieldManagerConflict", "message": 'conflict with "m1"', "field": field}
            for field in (".data.x", ".data.y")
        ]
    }
    await api.merge(path, {"data": {"x": "7"}}, agent="probe/1")
    one = await api.apply(path, config_map("c", {"x": "2"}), "m2")
    assert one.message == ('Apply failed with 1 conflict: conflict with "probe" using v1: .data.x')


async def test_force_takes_the_fields_over(api, configmaps):
    path = f"{configmaps}/f"
    await api.apply(path, config_map("f", {"x": "1", "y": "1"}))
    taken = await api.apply(path, config_map("f", {"x": "2"}), "m2", force=True)
    assert taken.body["data"] == {"x": "2", "y": "1"}
    assert taken.fields("m1") == {"f:data": {"f:y": {}}}
    assert taken.fields("m2") == {"f:data": {"f:x": {}}}


async def test_equal_values_are_shared(api, configmaps):
    path = f"{configmaps}/s"
    await api.apply(path, config_map("s", {"x": "1", "y": "1"}))
    shared = await api.apply(path, config_map("s", {"x": "1"}), "m2")
    assert shared.code == 200
    entry = next(e for e in shared.body["metadata"]["managedFields"] if e["manager"] == "m2")
    assert "time" not in entry, "the object itself did not change"
    dropped = await api.apply(path, config_map("s", {"z": "1"}))
    assert dropped.body["data"] == {"x": "1", "z": "1"}, "x is still m2's, y was only ours"


async def test_what_an_update_owns_survives_our_dropping_it(api, configmaps):
    path = f"{configmaps}/u"
    await api.apply(path, config_map("u", {"x": "1", "y": "1"}))
    await api.merge(path, {"data": {"y": "2"}})
    dropped = await api.apply(path, config_map("u", {"x": "1"}))
    assert dropped.body["data"] == {"x": "1", "y": "2"}


async def test_an_object_without_managers_belongs_to_nobody_who_applied(api, configmaps):
    path = f"{configmaps}/b"
    made = await api("POST", configmaps, config_map("b", {"x": "1", "y": "1"}))
    operation = {"op": "replace", "path": "/metadata/managedFields", "value": [{}]}
    await api("PATCH", path, [operation], "application/json-patch+json")
    refused = await api.apply(path, config_map("b", {"x": "2"}))
    assert refused.message.endswith('conflict with "before-first-apply" using v1: .data.x')
    forced = await api.apply(path, config_map("b", {"x": "2"}), force=True)
    assert forced.fields("before-first-apply", "Update") == {"f:data": {".": {}, "f:y": {}}}
    assert made.code == 201


@pytest.mark.parametrize(
    ("query", "body", "code", "message"),
    [
        ("", config_map("r", {}), 422,
         ('PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for '
         "apply patch")),
        ("?fieldManager=m", {"metadata": {"name": "r"}}, 400, "invalid object type: /, Kind="),
        ("?fieldManager=m", config_map("other", {}), 400,
         "the name of the object (other) does not match the name on the URL (r)"),
        ("?fieldManager=m", {"apiVersion": "v1", "kind": "ConfigMap",
         "metadata": {"name": "r", "managedFields": [{"manager": "x"}]}}, 400,
         "metadata.managedFields must be nil"),
        ("?fieldManager=m", config_map("r", {}, foo=1), 500,
         ("failed to create typed patch object (/r; /v1, Kind=ConfigMap): .foo: field not declared "
         "in schema")),
    ],
)  # fmt: skip
async def test_configurations_that_are_refused(api, configmaps, query, body, code, message):
    answer = await api("PATCH", f"{configmaps}/r{query}", body, "application/apply-patch+yaml")
    assert (answer.code, answer.message) == (code, message)


async def test_a_uid_in_the_configuration_never_creates(api, configmaps):
    body = config_map("uid", {"x": "1"})
    body["metadata"]["uid"] = "1"
    missing = await api.apply(f"{configmaps}/uid", body)
    assert missing.code == 409
    assert missing.message == (
        'Operation cannot be fulfilled on configmaps "uid": uid mismatch: the provided object '
        "specified uid 1, and no existing object was found"
    )
    await api("POST", configmaps, config_map("uid", {}))
    other = await api.apply(f"{configmaps}/uid", body)
    assert (other.code, other.causes) == (422, [("FieldValueInvalid", "metadata.uid")])


async def test_a_configuration_may_be_yaml(api, configmaps):
    body = b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: doc}\ndata: {x: '1'}\n"
    answer = await api(
        "PATCH", f"{configmaps}/doc?fieldManager=m", body, "application/apply-patch+yaml"
    )
    assert (answer.code, answer.body["data"]) == (201, {"x": "1"})
    yes = await api(
        "PATCH", f"{configmaps}/doc?fieldManager=m", body.replace(b"'1'", b"yes"),
        "application/apply-patch+yaml",
    )  # fmt: skip
    assert yes.message == (
        "failed to create typed patch object (/doc; /v1, Kind=ConfigMap): .data.x: expected "
        "string, got &value.valueUnstructured{Value:true}"
    )


def service(name: str, *ports: dict[str, Any], **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": name},
        "spec": {"ports": list(ports), "selector": {"a": "b"}, **spec},
    }  # fmt: skip


async def test_ports_are_found_by_port_and_protocol(api, namespace):
    path = f"/api/v1/namespaces/{namespace}/services/s"
    first = service("s", {"port": 80, "name": "a"}, {"port": 81, "name": "b", "protocol": "UDP"})
    made = await api.apply(path, first)
    assert made.fields("m1")["f:spec"] == {
        "f:ports": {
            'k:{"port":80,"protocol":"TCP"}': {".": {}, "f:name": {}, "f:port": {}},
            'k:{"port":81,"protocol":"UDP"}': {
                ".": {}, "f:name": {}, "f:port": {}, "f:protocol": {},
            },
        },
        "f:selector": {},
    }  # fmt: skip
    kept = await api.apply(path, service("s", {"port": 80, "name": "a"}))
    assert [p["name"] for p in kept.body["spec"]["ports"]] == ["a"]
    assert kept.body["spec"]["ports"][0]["targetPort"] == 80


async def test_a_repeated_key_cannot_be_applied(api, namespace):
    path = f"/api/v1/namespaces/{namespace}/services/d"
    answer = await api.apply(
        path, service("d", {"port": 80, "name": "a"}, {"port": 80, "name": "b"})
    )
    assert answer.code == 500
    assert answer.message == (
        "failed to create typed patch object (/d; /v1, Kind=Service): .spec.ports: duplicate "
        'entries for key [port=80,protocol="TCP"]'
    )


def stateful_set(name: str, container: dict[str, Any], **spec: Any) -> dict[str, Any]:
    template = {
        "metadata": {"labels": {"a": "b"}},
        "spec": {"containers": [{"name": "c", "image": "i", **container}]},
    }
    return {
        "apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": name},
        "spec": {
            "replicas": 0, "serviceName": "x", "selector": {"matchLabels": {"a": "b"}},
            "template": template, **spec,
        },
    }  # fmt: skip


async def test_lists_of_a_pod_template_merge_by_their_keys(api, namespace):
    path = f"/apis/apps/v1/namespaces/{namespace}/statefulsets/s"
    env = [{"name": "A", "value": "1"}, {"name": "B", "value": "1"}]
    await api.apply(path, stateful_set("s", {"env": env, "args": ["a", "b"]}))
    other = {
        "apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "s"},
        "spec": {"template": {"spec": {"containers": [
            {"name": "c", "env": [{"name": "Z", "value": "9"}]}, {"name": "side", "image": "j"},
        ]}}},
    }  # fmt: skip
    merged = await api.apply(path, other, "m2")
    containers = merged.body["spec"]["template"]["spec"]["containers"]
    assert [(c["name"], c["image"]) for c in containers] == [("c", "i"), ("side", "j")]
    assert [e["name"] for e in containers[0]["env"]] == ["A", "B", "Z"]
    assert containers[0]["args"] == ["a", "b"], "atomic: a list as a whole"
    ours = merged.fields("m1")["f:spec"]["f:template"]["f:spec"]["f:containers"]
    assert list(ours) == ['k:{"name":"c"}']
    shorter = await api.apply(path, stateful_set("s", {"env": env[:1], "args": ["a"]}))
    container = shorter.body["spec"]["template"]["spec"]["containers"][0]
    assert [e["name"] for e in container["env"]] == ["A", "Z"]
    assert container["args"] == ["a"]


async def test_dropping_replicas_falls_back_to_the_default(api, namespace):
    """Why ownership of replicas must be handed over, not dropped, under an autoscaler."""
    path = f"/apis/apps/v1/namespaces/{namespace}/deployments/d"
    body = stateful_set("d", {}, replicas=3)
    body["kind"] = "Deployment"
    del body["spec"]["serviceName"]
    body["spec"]["paused"] = True
    assert (await api.apply(path, body)).body["spec"]["replicas"] == 3
    del body["spec"]["replicas"]
    assert (await api.apply(path, body)).body["spec"]["replicas"] == 1


async def test_finalizers_and_owners_are_owned_one_by_one(api, configmaps):
    path = f"{configmaps}/m"
    owner = {"apiVersion": "v1", "kind": "Namespace", "name": "default"}
    owner["uid"] = (await api("GET", "/api/v1/namespaces/default")).body["metadata"]["uid"]
    body: dict[str, Any] = config_map("m", {})
    del body["data"]
    body["metadata"] |= {
        "finalizers": ["e.x/a"], "ownerReferences": [owner], "labels": {"l": "1"},
        "annotations": {"n": "1"},
    }  # fmt: skip
    made = await api.apply(path, body)
    assert made.fields("m1")["f:metadata"] == {
        "f:annotations": {"f:n": {}},
        "f:finalizers": {'v:"e.x/a"': {}},
        "f:labels": {"f:l": {}},
        "f:ownerReferences": {'k:{"uid":"' + owner["uid"] + '"}': {}},
    }
    body["metadata"] = {"name": "m", "finalizers": ["e.x/b"]}
    other = await api.apply(path, body, "m2")
    assert other.body["metadata"]["finalizers"] == ["e.x/a", "e.x/b"]
    await api.merge(path, {"metadata": {"finalizers": None}})


async def test_status_is_applied_by_its_own_subresource(api, widgets):
    base = {
        "apiVersion": "conformance.example.com/v1", "kind": "Widget", "metadata": {"name": "w"},
    }  # fmt: skip
    spec = {**base, "spec": {"size": 1}, "status": {"phase": "no"}}
    made = await api.apply(f"{widgets}/w", spec)
    assert "status" not in made.body
    assert made.fields("m1") == {"f:spec": {"f:size": {}}}
    status = {**base, "status": {"phase": "Up"}}
    answer = await api.apply(f"{widgets}/w/status", status)
    assert answer.body["status"] == {"phase": "Up"}
    assert answer.fields("m1", subresource="status") == {"f:status": {"f:phase": {}}}
    missing = {**status, "metadata": {"name": "none"}}
    assert (await api.apply(f"{widgets}/none/status", missing)).code == 404


async def test_a_map_that_pruning_emptied_is_refused_as_null(api, widgets):
    """The real server's quirk: ``{}`` applied over what only we owned becomes null."""
    body = {
        "apiVersion": "conformance.example.com/v1", "kind": "Widget", "metadata": {"name": "q"},
        "spec": {"size": 1, "free": {"a": 1}},
    }  # fmt: skip
    await api.apply(f"{widgets}/q", body)
    body["spec"] = {"size": 1, "free": {}}
    answer = await api.apply(f"{widgets}/q", body)
    assert (answer.code, answer.causes) == (422, [("FieldValueTypeInvalid", "spec.free")])


async def test_kubectl_takes_over_what_client_side_apply_left(api, configmaps):
    applied = '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"k"},"data":{"x":"1"}}'
    annotation = {"kubectl.kubernetes.io/last-applied-configuration": applied}
    body = config_map("k", {"x": "1"})
    body["metadata"]["annotations"] = annotation
    await api("POST", f"{configmaps}?fieldManager=kubectl-client-side-apply", body)
    changed = await api.apply(f"{configmaps}/k", config_map("k", {"x": "2"}), "kubectl")
    assert (changed.code, changed.body["data"]) == (200, {"x": "2"})
