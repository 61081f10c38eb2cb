"""Custom kinds: definitions, schemas, status, scale."""

from __future__ import annotations

from typing import Any

import pytest

from druid_operator.pkg.envtest.eventually import eventually


def widget(name: str, **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "conformance.example.com/v1", "kind": "Widget", "metadata": {"name": name},
        "spec": spec,
    }  # fmt: skip


async def test_a_definition_is_completed_and_established(api, widget_api):
    path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/widgets.conformance.example.com"
    definition = (await api("GET", path)).body
    names = {"plural": "widgets", "singular": "widget", "shortNames": ["wd"], "kind": "Widget",
             "listKind": "WidgetList"}  # fmt: skip
    assert definition["spec"]["names"] == names
    assert definition["spec"]["conversion"] == {"strategy": "None"}
    status = definition["status"]
    assert (status["acceptedNames"], status["storedVersions"]) == (names, ["v1"])
    assert {c["type"]: c["status"] for c in status["conditions"]} == {
        "NamesAccepted": "True", "Established": "True",
    }  # fmt: skip


async def test_unknown_fields_go_and_defaults_come(api, widgets):
    body = widget("a", size=1, unknown=2, free={"kept": {"x": [1]}})
    body["status"] = {"phase": "ignored"}
    made = await api("POST", widgets, body)
    assert made.body["spec"] == {"size": 1, "mode": "x", "free": {"kept": {"x": [1]}}}
    assert "status" not in made.body
    assert made.fields("probe", "Update") == {
        "f:spec": {
            ".": {}, "f:free": {".": {}, "f:kept": {".": {}, "f:x": {}}}, "f:mode": {},
            "f:size": {},
        }
    }  # fmt: skip


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        (widget("b", size=0), 422, ('Widget.conformance.example.com "b" is invalid: spec.size: '
         "Invalid value: 0: spec.size in body should be greater than or equal to 1")),
        (widget("b", size=1, list="z"), 422, ('Widget.conformance.example.com "b" is invalid: '
         'spec.list: Invalid value: "string": spec.list in body must be of type array: "string"')),
        (widget("b"), 422,
         'Widget.conformance.example.com "b" is invalid: spec.size: Required value'),
        (widget("b", size=1, mode="z"), 422, ('Widget.conformance.example.com "b" is invalid: '
         'spec.mode: Unsupported value: "z": supported values: "x", "y"')),
        (widget("b", size=1, items=[{"name": "w"}, {"name": "w"}]), 422,
         ('Widget.conformance.example.com "b" is invalid: spec.items[1]: Duplicate value: '
         '{"name":"w"}')),
        ({**widget("b", size=1), "kind": "Gadget"}, 422, ('Gadget.conformance.example.com "b" is '
         'invalid: kind: Invalid value: "Gadget": must be Widget')),
        ({**widget("b", size=1), "metadata": {"name": "b", "labels": {"a": 1}}}, 400,
         ('Widget in version "v1" cannot be handled as a Widget: json: cannot unmarshal number '
         "into Go struct field ObjectMeta.labels of type string")),
    ],
)  # fmt: skip
async def test_what_the_schema_refuses(api, widgets, body, code, message):
    answer = await api("POST", widgets, body)
    assert (answer.code, answer.message) == (code, message)


async def test_strict_validation_names_unknown_fields(api, widgets):
    answer = await api("POST", f"{widgets}?fieldValidation=Strict", widget("b", size=1, no=1))
    assert answer.message == (
        'Widget in version "v1" cannot be handled as a Widget: strict decoding error: '
        'unknown field "spec.no"'
    )


async def test_an_update_must_name_a_version(api, widgets):
    await api("POST", widgets, widget("u", size=1))
    answer = await api("PUT", f"{widgets}/u", widget("u", size=2))
    assert answer.message == (
        'widgets.conformance.example.com "u" is invalid: metadata.resourceVersion: Invalid value: '
        "0: must be specified for an update"
    )


async def test_spec_and_status_are_kept_apart(api, widgets):
    path = f"{widgets}/s"
    await api("POST", widgets, widget("s", size=1))
    main = await api.merge(path, {"status": {"phase": "x"}})
    assert "status" not in main.body
    both = {"spec": {"size": 9}, "status": {"phase": "Up"}, "metadata": {"labels": {"a": "b"}}}
    status = await api.merge(f"{path}/status", both)
    assert (status.body["spec"]["size"], status.body["status"]) == (1, {"phase": "Up"})
    assert "labels" not in status.body["metadata"]
    assert status.managers == [("probe", "Update", ""), ("probe", "Update", "status")]


async def test_generation_counts_changes_of_the_spec(api, widgets):
    path = f"{widgets}/g"
    await api("POST", widgets, widget("g", size=1))

    async def generation(patch: dict[str, Any], subresource: str = "") -> int:
        answer = await api.merge(path + subresource, patch)
        return int(answer.body["metadata"]["generation"])

    assert await generation({"metadata": {"labels": {"a": "b"}}}) == 1
    assert await generation({"status": {"phase": "Up"}}, "/status") == 1
    assert await generation({"spec": {"size": 2}}) == 2
    assert await generation({"spec": {"size": 2}}) == 2


async def test_scale_shows_and_sets_replicas(api, widgets):
    await api("POST", widgets, widget("sc", size=3))
    scale = await api("GET", f"{widgets}/sc/scale")
    assert scale.body["kind"] == "Scale"
    assert scale.body["spec"] == {"replicas": 3}
    await api.merge(f"{widgets}/sc/scale", {"spec": {"replicas": 5}})
    assert (await api("GET", f"{widgets}/sc")).body["spec"]["size"] == 5


async def test_printer_columns(api, widgets):
    await api("POST", widgets, widget("t", size=7))
    answer = await api("GET", widgets, accept="application/json;as=Table;v=v1;g=meta.k8s.io")
    columns = [(c["name"], c["type"]) for c in answer.body["columnDefinitions"]]
    assert columns == [("Name", "string"), ("Size", "integer"), ("Age", "date")]
    assert answer.body["rows"][0]["cells"][:2] == ["t", 7]


async def test_discovery_and_openapi_know_the_kind(api, widget_api):
    resources = (await api("GET", widget_api)).body["resources"]
    assert {r["name"] for r in resources} == {"widgets", "widgets/status", "widgets/scale"}
    document = (await api("GET", f"/openapi/v3{widget_api}")).body
    patch = document["paths"][f"{widget_api}/namespaces/{{namespace}}/widgets/{{name}}"]["patch"]
    assert "fieldValidation" in {p["name"] for p in patch["parameters"]}
    unknown = await api("GET", "/apis/conformance.example.com/v1/namespaces/default/gadgets")
    assert (unknown.code, unknown.body) == (404, "404 page not found\n")


async def test_a_definition_takes_its_objects_along(api, namespace):
    definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    definition = {
        "metadata": {"name": "gizmos.gone.example.com"},
        "spec": {
            "group": "gone.example.com", "scope": "Namespaced",
            "names": {"kind": "Gizmo", "plural": "gizmos"},
            "versions": [{"name": "v1", "served": True, "storage": True,
                          "schema": {"openAPIV3Schema": schema}}],
        },
    }  # fmt: skip
    await api("POST", definitions, definition)
    path = f"/apis/gone.example.com/v1/namespaces/{namespace}/gizmos"

    async def code(wanted: int) -> bool:
        answer = await api("GET", path)
        assert answer.code == wanted, answer.message
        return True

    await eventually(lambda: code(200), timeout=20)
    await api("DELETE", f"{definitions}/gizmos.gone.example.com")
    await eventually(lambda: code(404), timeout=20)
