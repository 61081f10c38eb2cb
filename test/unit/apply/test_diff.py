"""Drift is a field that we send and that differs; nothing else is."""

from __future__ import annotations

from typing import Any

import pytest

from druid_operator.pkg.apply import Difference, describe, differences
from druid_operator.pkg.meta import JSON


def pod(**spec: Any) -> JSON:
    return {"apiVersion": "v1", "kind": "Pod", "spec": spec}


def container(**fields: Any) -> JSON:
    return pod(containers=[{"name": "c", **fields}])


EQUAL = {
    "server default": (container(image="x"), container(image="x", imagePullPolicy="Always")),
    "another container": (
        container(image="x"),
        pod(containers=[{"name": "injected"}, {"name": "c", "image": "x"}]),
    ),
    "quantity in another unit": (
        container(resources={"requests": {"memory": "1024Mi", "cpu": 1}}),
        container(resources={"requests": {"memory": "1Gi", "cpu": "1"}}),
    ),
    "quantity with a fraction": (
        container(resources={"limits": {"cpu": "0.5"}}),
        container(resources={"limits": {"cpu": "500m"}}),
    ),
    "size of a volume": (
        pod(volumes=[{"name": "v", "emptyDir": {"sizeLimit": "2048Ki"}}]),
        pod(volumes=[{"name": "v", "emptyDir": {"sizeLimit": "2Mi"}}]),
    ),
    "empty list dropped": (pod(tolerations=[]), pod()),
    "empty string dropped": (
        container(env=[{"name": "A", "value": ""}]), container(env=[{"name": "A"}]),
    ),
    "false dropped": (pod(hostNetwork=False), pod()),
    "empty map dropped": (pod(nodeSelector={}), pod()),
    "port protocol is TCP": (
        container(ports=[{"containerPort": 80, "name": "http"}]),
        container(ports=[{"containerPort": 80, "name": "http", "protocol": "TCP"}]),
    ),
    "one port number, two protocols": (
        container(ports=[{"containerPort": 80, "protocol": "UDP", "name": "u"}]),
        container(ports=[
            {"containerPort": 80, "protocol": "TCP", "name": "t"},
            {"containerPort": 80, "protocol": "UDP", "name": "u"},
        ]),
    ),
    "foreign finalizer": (
        {"apiVersion": "v1", "metadata": {"finalizers": ["a"]}},
        {"apiVersion": "v1", "metadata": {"finalizers": ["b", "a"]}},
    ),
    "default inside an atomic list": (
        {"apiVersion": "apps/v1", "spec": {"volumeClaimTemplates": [{"metadata": {"name": "d"}}]}},
        {
            "apiVersion": "apps/v1",
            "spec": {
                "volumeClaimTemplates": [
                    {"metadata": {"name": "d"}, "status": {"phase": "Pending"}}
                ]
            },
        },
    ),
}  # fmt: skip


@pytest.mark.parametrize(("desired", "live"), EQUAL.values(), ids=EQUAL)
def test_what_the_server_adds_or_rewrites_is_no_drift(desired: JSON, live: JSON) -> None:
    assert differences(desired, live) == ()


DRIFTED = {
    "value": (
        container(image="x:1"), container(image="x:2"), "spec.containers[name=c].image",
    ),
    "quantity": (
        container(resources={"limits": {"memory": "1Gi"}}),
        container(resources={"limits": {"memory": "2Gi"}}),
        "spec.containers[name=c].resources.limits.memory",
    ),
    "an env value that looks like a quantity": (
        container(env=[{"name": "A", "value": "1024Mi"}]),
        container(env=[{"name": "A", "value": "1Gi"}]),
        "spec.containers[name=c].env[name=A].value",
    ),
    "port by name is not port by number": (
        {"apiVersion": "v1", "spec": {"ports": [{"port": 80, "targetPort": 8082}]}},
        {"apiVersion": "v1", "spec": {"ports": [{"port": 80, "targetPort": "8082"}]}},
        "spec.ports[port=80,protocol=TCP].targetPort",
    ),
    "list item gone": (
        container(env=[{"name": "A", "value": "1"}]), container(env=[]),
        "spec.containers[name=c].env[name=A]",
    ),
    "atomic list": (
        container(command=["a", "b"]), container(command=["z", "b"]),
        "spec.containers[name=c].command[0]",
    ),
    "atomic list of another length": (
        container(command=["a", "b"]), container(command=["a"]),
        "spec.containers[name=c].command",
    ),
    "empty struct means something": (
        pod(volumes=[{"name": "v", "emptyDir": {}}]), pod(volumes=[{"name": "v"}]),
        "spec.volumes[name=v].emptyDir",
    ),
    "empty value of a ConfigMap": (
        {"apiVersion": "v1", "data": {"a": ""}}, {"apiVersion": "v1", "data": {"b": ""}}, "data.a",
    ),
    "true is not 1": (pod(hostPID=True), pod(hostPID=1), "spec.hostPID"),
    "label": (
        {"apiVersion": "v1", "metadata": {"labels": {"a": "1"}}},
        {"apiVersion": "v1", "metadata": {"labels": {"a": "2"}}},
        "metadata.labels.a",
    ),
    "zero against a value": (
        {"apiVersion": "apps/v1", "spec": {"replicas": 0}},
        {"apiVersion": "apps/v1", "spec": {"replicas": 3}},
        "spec.replicas",
    ),
    "lists of custom kinds are atomic": (
        {"apiVersion": "example.com/v1", "spec": {"env": [{"name": "A"}]}},
        {"apiVersion": "example.com/v1", "spec": {"env": [{"name": "B"}, {"name": "A"}]}},
        "spec.env",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("desired", "live", "path"), DRIFTED.values(), ids=DRIFTED)
def test_a_sent_field_that_differs_is_drift_with_its_path(
    desired: JSON, live: JSON, path: str
) -> None:
    assert [d.path for d in differences(desired, live)] == [path]


def test_a_description_shows_no_secret_and_no_long_text() -> None:
    """A properties file may hold a password, so it is named by its size alone."""
    found = (
        Difference("spec.image", "x:2", "x:1"),
        Difference("data.runtime", "a=1\npassword=hunter2", absent=True),
    )
    assert describe(found) == (
        "spec.image: 'x:1' -> 'x:2'\ndata.runtime: absent -> text of 20 characters"
    )
    assert "x:1" not in describe(found, secret=True)


def test_every_recorded_object_equals_itself(go_children: list[JSON]) -> None:
    """Whatever a server stored is no drift against itself: lists with and without keys, zeros."""
    assert [differences(obj, obj) for obj in go_children] == [()] * len(go_children)
