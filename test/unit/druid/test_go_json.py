"""The bytes of Go's encoding/json, rule by rule."""

from __future__ import annotations

import pytest

from druid_operator.internal.druid.go_hash import object_hash
from druid_operator.internal.druid.go_json import (
    ENCODINGS,
    GO_MASTER,
    GO_OMITZERO,
    GO_V1_3_1,
    go_json,
)
from druid_operator.pkg.errors import InvalidObject


def config_map(data, **metadata):
    return {
        "data": data,
        "metadata": {"labels": {"b": "2", "a": "1"}, "name": "c", "namespace": "n", **metadata},
        "apiVersion": "v1",
        "kind": "ConfigMap",
    }


def text(obj, encoding=GO_MASTER):
    return go_json(obj, encoding).decode()


def test_fields_stand_in_declaration_order_and_map_keys_are_sorted():
    assert text(config_map({"z": "", "a": "1"})) == (
        '{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"c","namespace":"n",'
        '"creationTimestamp":null,"labels":{"a":"1","b":"2"}},"data":{"a":"1","z":""}}'
    )


def test_newer_libraries_leave_the_null_timestamp_out():
    assert "creationTimestamp" not in text(config_map({}), GO_OMITZERO)
    assert len({object_hash(config_map({}), encoding) for encoding in ENCODINGS}) == 2


@pytest.mark.parametrize(
    ("value", "encoded"),
    [
        ('say "hi"\\', '"say \\"hi\\"\\\\"'),
        ("<a>&", '"\\u003ca\\u003e\\u0026"'),
        ("\u2028\u2029", '"\\u2028\\u2029"'),
        ("\n\r\t", '"\\n\\r\\t"'),
        ("\b\f\x00\x1f\x7f", '"\\u0008\\u000c\\u0000\\u001f\x7f"'),
        ("ü€😀", '"ü€😀"'),
        ("\ud800x", '"\ufffdx"'),
        ("\\b", '"\\\\b"'),
    ],
)
def test_strings_are_escaped_as_go_does(value, encoded):
    assert f'"data":{{"k":{encoded}}}' in text(config_map({"k": value}))


def test_go_1_22_writes_backspace_and_form_feed_short():
    assert '"\\b\\f\\u0001"' in text(config_map({"k": "\b\f\x01"}), GO_V1_3_1)


def test_keys_are_sorted_by_their_utf8_bytes():
    keys = ["é", "z", "Z", "😀", "\uffee"]
    encoded = text(config_map(dict.fromkeys(keys, "")))
    found = sorted(keys, key=encoded.index)
    assert found == sorted(keys, key=lambda key: key.encode())


def test_zero_structs_are_written_although_they_are_empty():
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"}}
    assert text(service).endswith('"spec":{},"status":{"loadBalancer":{}}}')
    stateful_set = {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {}}
    assert text(stateful_set).endswith(
        '"spec":{"selector":null,"template":{"metadata":{"creationTimestamp":null},'
        '"spec":{"containers":null}},"serviceName":"","updateStrategy":{}},'
        '"status":{"replicas":0,"availableReplicas":0}}'
    )


def budget(spec):
    return {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {}, "spec": spec}


@pytest.mark.parametrize(
    ("spec", "encoded"),
    [
        ({}, "{}"),
        ({"maxUnavailable": 0}, '{"maxUnavailable":0}'),
        ({"maxUnavailable": "25%"}, '{"maxUnavailable":"25%"}'),
        ({"selector": {}}, '{"selector":{}}'),
        ({"selector": None}, "{}"),
        ({"selector": {"matchLabels": {}}}, '{"selector":{}}'),
        ({"newerThanGo": 1}, "{}"),
    ],
)
def test_omitempty_drops_nil_and_no_items_but_keeps_what_a_pointer_points_to(spec, encoded):
    assert f'"spec":{encoded},"status":' in text(budget(spec))


def claim(storage):
    spec = {"resources": {"requests": {"storage": storage}}}
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {}, "spec": spec}


@pytest.mark.parametrize(("storage", "encoded"), [("1024Mi", "1Gi"), (1, "1"), (0.5, "500m")])
def test_quantities_are_canonical(storage, encoded):
    assert f'"storage":"{encoded}"' in text(claim(storage))


def test_every_value_of_a_wrong_type_is_named_with_its_path():
    obj = config_map({"k": 1, "ok": "x", "n": True})
    obj["immutable"] = "yes"
    with pytest.raises(InvalidObject) as raised:
        go_json(obj)
    assert [error.path for error in raised.value.errors] == [
        "ConfigMap c: immutable",
        "ConfigMap c: data[k]",
        "ConfigMap c: data[n]",
    ]


@pytest.mark.parametrize("value", [True, 1.0, "1"])
def test_an_integer_is_an_integer(value):
    obj = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {},
        "spec": {"replicas": value},
    }
    with pytest.raises(InvalidObject, match=r"spec\.replicas: must be an integer"):
        go_json(obj)


def test_a_bad_quantity_is_named_with_its_path():
    with pytest.raises(InvalidObject, match=r"spec\.resources\.requests\[storage\]"):
        go_json(claim("ten"))
