"""What the server refuses of built-in kinds, in its words: the mistakes an operator can make."""

from __future__ import annotations

import copy
from typing import Any

import pytest

APPS = "apis/apps/v1"
TEMPLATE = {
    "metadata": {"labels": {"a": "b"}},
    "spec": {"containers": [{"name": "c", "image": "i"}]},
}


def stateful_set(**spec: Any) -> dict[str, Any]:
    return {
        "replicas": 0,
        "serviceName": "x",
        "selector": {"matchLabels": {"a": "b"}},
        "template": TEMPLATE,
        **spec,
    }


def template(**container: Any) -> dict[str, Any]:
    changed = copy.deepcopy(TEMPLATE)
    changed["spec"]["containers"][0] |= container
    return {"template": changed}


def service(**spec: Any) -> dict[str, Any]:
    return {"selector": {"a": "b"}, "ports": [{"port": 80}], **spec}


C = "spec.template.spec.containers[0]"
MISMATCH = "`selector` does not match template `labels`"
RANGE = "must be between 1 and 65535, inclusive"
LABEL = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and "
    "must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used "
    "for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
)

STATEFUL_SETS: list[tuple[dict[str, Any], list[str]]] = [
    (
        {"selector": None},
        [
            "spec.selector: Required value",
            'spec.template.metadata.labels: Invalid value: {"a":"b"}: ' + MISMATCH,
        ],
    ),
    (
        {"selector": {"matchLabels": {"a": "c"}}},
        ['spec.template.metadata.labels: Invalid value: {"a":"b"}: ' + MISMATCH],
    ),
    (template(name=""), [f"{C}.name: Required value"]),
    (template(name="C_"), [f'{C}.name: Invalid value: "C_": {LABEL}']),
    (template(image=""), [f"{C}.image: Required value"]),
    (
        template(ports=[{"containerPort": 70000}, {"containerPort": 0}]),
        [
            f"{C}.ports[0].containerPort: Invalid value: 70000: {RANGE}",
            f"{C}.ports[1].containerPort: Required value",
        ],
    ),
    (
        template(ports=[{"name": "waytoolongname12345", "containerPort": 1}]),
        [
            (
                f'{C}.ports[0].name: Invalid value: "waytoolongname12345": must be no more than 15 '
                "characters"
            )
        ],
    ),
    (
        template(volumeMounts=[{"name": "zz", "mountPath": "/x"}]),
        [f'{C}.volumeMounts[0].name: Not found: "zz"'],
    ),
    (
        template(livenessProbe={"periodSeconds": 5}),
        [f"{C}.livenessProbe: Required value: must specify a handler type"],
    ),
    (
        template(resources={"requests": {"cpu": "2"}, "limits": {"cpu": "1"}}),
        [
            (
                f'{C}.resources.requests: Invalid value: "2": must be less than or equal to cpu '
                "limit of 1"
            )
        ],
    ),
    (
        template(env=[{"value": "x"}, {"name": "a=b"}]),
        [
            f"{C}.env[0].name: Required value",
            (
                f'{C}.env[1].name: Invalid value: "a=b": a valid environment variable name must '
                "consist only of printable ASCII characters other than '='"
            ),
        ],
    ),
    ({"replicas": -1}, ["spec.replicas: Invalid value: -1: must be greater than or equal to 0"]),
    (
        {"podManagementPolicy": "Foo"},
        ["spec.podManagementPolicy: Invalid value: \"Foo\": must be 'OrderedReady' or 'Parallel'"],
    ),
]


def listed(errors: list[str]) -> str:
    return errors[0] if len(errors) == 1 else "[" + ", ".join(errors) + "]"


@pytest.mark.parametrize(("change", "errors"), STATEFUL_SETS)
async def test_stateful_sets(api, namespace, change, errors):
    path = f"/{APPS}/namespaces/{namespace}/statefulsets"
    body = {"metadata": {"name": "s"}, "spec": stateful_set(**change)}
    answer = await api("POST", path, body)
    assert answer.code == 422
    assert answer.message == f'StatefulSet.apps "s" is invalid: {listed(errors)}'


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"serviceName": "y"}, 'spec.serviceName: Invalid value: "y": field is immutable'),
        (
            {"podManagementPolicy": "Parallel"},
            'spec.podManagementPolicy: Invalid value: "Parallel": field is immutable',
        ),
        (
            {
                "selector": {"matchLabels": {"q": "r"}},
                "template": {"metadata": {"labels": {"q": "r"}}},
            },
            'spec.selector: Invalid value: {"matchLabels":{"a":"b","q":"r"}}: field is immutable',
        ),
        ({"minReadySeconds": 5, "revisionHistoryLimit": 3, "ordinals": {"start": 2}}, None),
    ],
)
async def test_what_a_stateful_set_may_not_change(api, namespace, change, error):
    path = f"/{APPS}/namespaces/{namespace}/statefulsets"
    await api("POST", path, {"metadata": {"name": "s"}, "spec": stateful_set()})
    answer = await api.merge(f"{path}/s", {"spec": change})
    if error is None:
        assert answer.code == 200
    else:
        assert answer.message == f'StatefulSet.apps "s" is invalid: {error}'


@pytest.mark.parametrize(
    ("strategy", "error"),
    [
        (
            {"type": "Recreate", "rollingUpdate": {"maxSurge": 1}},
            (
                "spec.strategy.rollingUpdate: Forbidden: may not be specified when strategy `type` "
                "is 'Recreate'"
            ),
        ),
        (
            {"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 0}},
            (
                "spec.strategy.rollingUpdate.maxUnavailable: Invalid value: 0: may not be 0 when "
                "`maxSurge` is 0"
            ),
        ),
    ],
)
async def test_deployment_strategies(api, namespace, strategy, error):
    spec = {"selector": {"matchLabels": {"a": "b"}}, "template": TEMPLATE, "strategy": strategy}
    path = f"/{APPS}/namespaces/{namespace}/deployments"
    answer = await api("POST", path, {"metadata": {"name": "d"}, "spec": spec})
    assert answer.message == f'Deployment.apps "d" is invalid: {error}'


@pytest.mark.parametrize(
    ("change", "errors"),
    [
        ({"ports": []}, ["spec.ports: Required value"]),
        (
            {"ports": [{"port": 70000, "targetPort": 1}]},
            [f"spec.ports[0].port: Invalid value: 70000: {RANGE}"],
        ),
        (
            {"ports": [{"port": 80}, {"port": 81}]},
            ["spec.ports[0].name: Required value", "spec.ports[1].name: Required value"],
        ),
        (
            {"ports": [{"port": 80, "name": "a"}, {"port": 81, "name": "a"}]},
            ['spec.ports[1].name: Duplicate value: "a"'],
        ),
        (
            {"type": "Foo"},
            [
                (
                    'spec.type: Unsupported value: "Foo": supported values: "ClusterIP", '
                    '"ExternalName", "LoadBalancer", "NodePort"'
                )
            ],
        ),
        (
            {"clusterIP": "abc"},
            [
                (
                    'spec.clusterIPs[0]: Invalid value: "abc": must be a valid IP address, (e.g. '
                    "10.9.8.7 or 2001:db8::ffff)"
                )
            ],
        ),
        (
            {"type": "NodePort", "ports": [{"port": 80, "nodePort": 80}]},
            [
                (
                    "spec.ports[0].nodePort: Invalid value: 80: provided port is not in the valid "
                    "range. The range of valid ports is 30000-32767"
                )
            ],
        ),
        ({"type": "ExternalName"}, ["spec.externalName: Required value"]),
    ],
)
async def test_services(api, namespace, change, errors):
    path = f"/api/v1/namespaces/{namespace}/services"
    answer = await api("POST", path, {"metadata": {"name": "s"}, "spec": service(**change)})
    assert answer.code == 422
    assert answer.message == f'Service "s" is invalid: {listed(errors)}'


async def test_a_cluster_ip_stays(api, namespace):
    path = f"/api/v1/namespaces/{namespace}/services"
    made = await api("POST", path, {"metadata": {"name": "s"}, "spec": service()})
    address = made.body["spec"]["clusterIP"]
    changed = await api.merge(f"{path}/s", {"spec": {"clusterIP": "None"}})
    assert changed.message == (
        'Service "s" is invalid: spec.clusterIPs[0]: Invalid value: ["None"]: may not change once '
        "set"
    )
    put = await api("PUT", f"{path}/s", {"metadata": {"name": "s"}, "spec": service()})
    assert put.body["spec"]["clusterIP"] == address, "not sending it means the same one"
    external = {"type": "ExternalName", "externalName": "x.y"}
    answer = await api.merge(f"{path}/s", {"spec": external})
    assert "clusterIP" not in answer.body["spec"]


@pytest.mark.parametrize(
    ("path", "name", "error"),
    [
        ("api/v1/namespaces/{}/configmaps", "A_b", "a lowercase RFC 1123 subdomain must consist"),
        ("api/v1/namespaces/{}/services", "a.b", "must not contain dots"),
        ("api/v1/namespaces/{}/services", "Abc", LABEL),
        (APPS + "/namespaces/{}/statefulsets", "a.b", "must not contain dots"),
        (APPS + "/namespaces/{}/statefulsets", "x" * 64, "must be no more than 63 characters"),
    ],
)
async def test_names(api, namespace, path, name, error):
    spec = stateful_set() if "statefulsets" in path else service()
    body = {"metadata": {"name": name}, **({} if "configmaps" in path else {"spec": spec})}
    answer = await api("POST", "/" + path.format(namespace), body)
    assert answer.code == 422
    assert f'metadata.name: Invalid value: "{name}": {error}' in answer.message


async def test_claims_may_grow_only_when_bound(api, namespace):
    path = f"/api/v1/namespaces/{namespace}/persistentvolumeclaims"
    empty = await api("POST", path, {"metadata": {"name": "e"}, "spec": {}})
    assert empty.causes == [
        ("FieldValueRequired", "spec.accessModes"),
        ("FieldValueRequired", "spec.resources[storage]"),
    ]
    spec = {
        "storageClassName": "none",
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": "1Gi"}},
    }
    await api("POST", path, {"metadata": {"name": "c"}, "spec": spec})
    grown = await api.merge(f"{path}/c", {"spec": {"resources": {"requests": {"storage": "2Gi"}}}})
    assert grown.causes == [("FieldValueForbidden", "spec")]
    await api.merge(f"{path}/c", {"metadata": {"finalizers": None}})


async def test_immutable_data(api, namespace):
    path = f"/api/v1/namespaces/{namespace}/configmaps"
    await api("POST", path, {"metadata": {"name": "i"}, "immutable": True, "data": {"a": "b"}})
    answer = await api.merge(f"{path}/i", {"data": {"a": "c"}})
    assert answer.message == (
        'ConfigMap "i" is invalid: data: Forbidden: field is immutable when `immutable` is set'
    )


async def test_data_keys_and_base64(api, namespace):
    path = f"/api/v1/namespaces/{namespace}/secrets"
    key = await api("POST", path, {"metadata": {"name": "k"}, "stringData": {"a b": "c"}})
    assert key.causes == [("FieldValueInvalid", "data[a b]")]
    raw = await api("POST", path, {"metadata": {"name": "k"}, "data": {"a": "***"}})
    assert raw.message == (
        'Secret in version "v1" cannot be handled as a Secret: illegal base64 data at input byte 0'
    )


@pytest.mark.parametrize(
    ("path", "spec", "causes"),
    [
        (
            "apis/policy/v1/namespaces/{}/poddisruptionbudgets",
            {"maxUnavailable": 1, "minAvailable": 1, "selector": {}},
            [("FieldValueInvalid", "spec")],
        ),
        (
            "apis/policy/v1/namespaces/{}/poddisruptionbudgets",
            {"maxUnavailable": "x", "selector": {}},
            [("FieldValueInvalid", "spec.maxUnavailable")],
        ),
        (
            "apis/autoscaling/v2/namespaces/{}/horizontalpodautoscalers",
            {
                "maxReplicas": 1,
                "minReplicas": 3,
                "scaleTargetRef": {"kind": "StatefulSet", "name": "z", "apiVersion": "apps/v1"},
            },
            [("FieldValueInvalid", "spec.maxReplicas")],
        ),
        (
            "apis/networking.k8s.io/v1/namespaces/{}/ingresses",
            {
                "rules": [
                    {
                        "http": {
                            "paths": [
                                {
                                    "path": "/",
                                    "backend": {"service": {"name": "s", "port": {"number": 80}}},
                                }
                            ]
                        }
                    }
                ]
            },
            [("FieldValueRequired", "spec.rules[0].http.paths[0].pathType")],
        ),
        (
            "apis/coordination.k8s.io/v1/namespaces/{}/leases",
            {"leaseDurationSeconds": 0},
            [("FieldValueInvalid", "spec.leaseDurationSeconds")],
        ),
    ],
)
async def test_the_other_kinds(api, namespace, path, spec, causes):
    answer = await api(
        "POST", "/" + path.format(namespace), {"metadata": {"name": "x"}, "spec": spec}
    )
    assert (answer.code, answer.causes) == (422, causes)


async def test_owner_references_and_finalizers(api, configmaps):
    body = {"metadata": {"name": "o", "ownerReferences": [{"kind": "x"}]}}
    assert (await api("POST", configmaps, body)).causes == [
        ("FieldValueRequired", f"metadata.ownerReferences[0].{name}")
        for name in ("apiVersion", "name", "uid")
    ]
    body = {"metadata": {"name": "f", "finalizers": ["abc"]}}
    assert (await api("POST", configmaps, body)).causes == [
        ("FieldValueInvalid", "metadata.finalizers[0]")
    ]
