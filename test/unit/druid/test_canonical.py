"""What is sent has the form in which the API server stores it."""

from __future__ import annotations

import copy

from druid_operator.internal.druid.canonical import canonical


def stateful_set(pod, **spec):
    return {
        "kind": "StatefulSet",
        "apiVersion": "apps/v1",
        "metadata": {"name": "s", "creationTimestamp": None},
        "spec": {"template": {"spec": pod}, **spec},
        "status": {"replicas": 0},
    }


def pod_of(obj):
    return canonical(obj)["spec"]["template"]["spec"]


def test_empty_values_that_the_server_drops_are_dropped():
    container = {
        "name": "c",
        "env": [],
        "stdin": False,
        "workingDir": "",
        "resources": {},
        "livenessProbe": {"initialDelaySeconds": 0},
    }
    pod = {"containers": [container], "tolerations": [], "nodeSelector": {}, "dnsPolicy": ""}
    assert pod_of(stateful_set(pod)) == {"containers": [{"name": "c", "livenessProbe": {}}]}


def test_empty_is_a_choice_behind_a_pointer():
    pod = {
        "containers": [],
        "affinity": {},
        "securityContext": {},
        "terminationGracePeriodSeconds": 0,
    }
    assert pod_of(stateful_set(pod)) == pod


def test_zero_replicas_and_an_empty_required_name_stay():
    spec = canonical(stateful_set({"containers": []}, replicas=0, serviceName=""))["spec"]
    assert (spec["replicas"], spec["serviceName"]) == (0, "")


def test_quantities_get_their_canonical_form():
    volume = {"name": "v", "emptyDir": {"sizeLimit": "1024Mi"}}
    assert pod_of(stateful_set({"containers": [], "volumes": [volume]}))["volumes"] == [
        {"name": "v", "emptyDir": {"sizeLimit": "1Gi"}}
    ]


def test_fields_newer_than_the_go_types_are_kept():
    container = {"name": "c", "restartPolicy": "Always", "newField": {"a": [None, ""]}}
    assert pod_of(stateful_set({"containers": [container]}))["containers"] == [container]


def test_status_is_never_sent():
    assert "status" not in canonical(stateful_set({"containers": []}))


def test_one_intent_is_one_text_however_it_was_ordered():
    obj = stateful_set({"containers": [{"image": "i", "name": "c"}]})
    obj["metadata"]["labels"] = {"b": "1", "a": "2"}
    turned = {key: obj[key] for key in reversed(obj)}
    assert list(canonical(turned)) == ["apiVersion", "kind", "metadata", "spec"]
    assert repr(canonical(turned)) == repr(canonical(obj))
    assert list(canonical(obj)["metadata"]["labels"]) == ["a", "b"]


def test_the_result_shares_nothing_with_the_object():
    container = {"name": "c", "command": ["x"], "new": {"a": 1}}
    obj = stateful_set({"containers": [container], "affinity": {}})
    before = copy.deepcopy(obj)
    stored = pod_of(obj)
    stored["containers"][0]["command"].append("y")
    stored["containers"][0]["new"]["a"] = 2
    stored["affinity"]["x"] = 1
    assert obj == before
