"""What a real server makes of small objects, and what of it the client is said to own."""

from __future__ import annotations

from typing import Any

import pytest

APPS = "/apis/apps/v1/namespaces/{}"

CONTAINER = {
    "name": "c",
    "image": "i",
    "ports": [{"containerPort": 80}],
    "env": [{"name": "X", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}],
    "livenessProbe": {"httpGet": {"port": 80}},
    "readinessProbe": {"tcpSocket": {"port": "p"}, "initialDelaySeconds": 0},
    "resources": {"requests": {"cpu": "1000m", "memory": "1024Mi"}},
}
STORED_CONTAINER = {
    "name": "c",
    "image": "i",
    "imagePullPolicy": "Always",
    "ports": [{"containerPort": 80, "protocol": "TCP"}],
    "env": [
        {
            "name": "X",
            "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.name"}},
        }
    ],
    "livenessProbe": {
        "httpGet": {"path": "/", "port": 80, "scheme": "HTTP"},
        "timeoutSeconds": 1,
        "periodSeconds": 10,
        "successThreshold": 1,
        "failureThreshold": 3,
    },
    "readinessProbe": {
        "tcpSocket": {"port": "p"},
        "timeoutSeconds": 1,
        "periodSeconds": 10,
        "successThreshold": 1,
        "failureThreshold": 3,
    },
    "resources": {"requests": {"cpu": "1", "memory": "1Gi"}},
    "terminationMessagePath": "/dev/termination-log",
    "terminationMessagePolicy": "File",
}
VOLUMES = [
    {"name": "a", "configMap": {"name": "x"}},
    {"name": "b", "secret": {"secretName": "x"}},
    {"name": "c", "emptyDir": {}},
    {"name": "d"},
    {"name": "e", "projected": {"sources": [{"serviceAccountToken": {"path": "t"}}]}},
    {"name": "f", "hostPath": {"path": "/x"}},
]
STORED_VOLUMES = [
    {"name": "a", "configMap": {"name": "x", "defaultMode": 420}},
    {"name": "b", "secret": {"secretName": "x", "defaultMode": 420}},
    {"name": "c", "emptyDir": {}},
    {"name": "d", "emptyDir": {}},
    {
        "name": "e",
        "projected": {
            "sources": [{"serviceAccountToken": {"expirationSeconds": 3600, "path": "t"}}],
            "defaultMode": 420,
        },
    },
    {"name": "f", "hostPath": {"path": "/x", "type": ""}},
]
TEMPLATE = {
    "metadata": {"labels": {"a": "b"}},
    "spec": {"containers": [CONTAINER], "volumes": VOLUMES, "serviceAccountName": "sa"},
}
STORED_TEMPLATE = {
    "metadata": {"labels": {"a": "b"}},
    "spec": {
        "containers": [STORED_CONTAINER],
        "volumes": STORED_VOLUMES,
        "serviceAccountName": "sa",
        "serviceAccount": "sa",
        "restartPolicy": "Always",
        "terminationGracePeriodSeconds": 30,
        "dnsPolicy": "ClusterFirst",
        "securityContext": {},
        "schedulerName": "default-scheduler",
    },
}
SELECTOR = {"matchLabels": {"a": "b"}}
CLAIM = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1024Mi"}}}
STORED_CLAIM = {
    "accessModes": ["ReadWriteOnce"],
    "resources": {"requests": {"storage": "1Gi"}},
    "volumeMode": "Filesystem",
}

SPECS: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "stateful set": (
        f"{APPS}/statefulsets",
        {
            "replicas": 0,
            "serviceName": "x",
            "selector": SELECTOR,
            "template": TEMPLATE,
            "volumeClaimTemplates": [{"metadata": {"name": "v"}, "spec": CLAIM}],
        },
        {
            "replicas": 0,
            "serviceName": "x",
            "selector": SELECTOR,
            "template": STORED_TEMPLATE,
            "podManagementPolicy": "OrderedReady",
            "revisionHistoryLimit": 10,
            "updateStrategy": {
                "type": "RollingUpdate",
                "rollingUpdate": {"partition": 0, "maxUnavailable": 1},
            },
            "persistentVolumeClaimRetentionPolicy": {
                "whenDeleted": "Retain",
                "whenScaled": "Retain",
            },
            "volumeClaimTemplates": [
                {
                    "apiVersion": "v1",
                    "kind": "PersistentVolumeClaim",
                    "metadata": {"name": "v"},
                    "spec": STORED_CLAIM,
                    "status": {"phase": "Pending"},
                }
            ],
        },
    ),
    "deployment": (
        f"{APPS}/deployments",
        {"replicas": 0, "selector": SELECTOR, "template": TEMPLATE, "paused": True},
        {
            "replicas": 0,
            "selector": SELECTOR,
            "template": STORED_TEMPLATE,
            "paused": True,
            "revisionHistoryLimit": 10,
            "progressDeadlineSeconds": 600,
            "strategy": {
                "type": "RollingUpdate",
                "rollingUpdate": {"maxUnavailable": "25%", "maxSurge": "25%"},
            },
        },
    ),
    "budget": (
        "/apis/policy/v1/namespaces/{}/poddisruptionbudgets",
        {"maxUnavailable": 1, "selector": SELECTOR},
        {"maxUnavailable": 1, "selector": SELECTOR},
    ),
    "autoscaler": (
        "/apis/autoscaling/v2/namespaces/{}/horizontalpodautoscalers",
        {
            "maxReplicas": 3,
            "scaleTargetRef": {"kind": "StatefulSet", "name": "z", "apiVersion": "apps/v1"},
        },
        {
            "minReplicas": 1,
            "maxReplicas": 3,
            "scaleTargetRef": {"kind": "StatefulSet", "name": "z", "apiVersion": "apps/v1"},
            "metrics": [
                {
                    "type": "Resource",
                    "resource": {
                        "name": "cpu",
                        "target": {"type": "Utilization", "averageUtilization": 80},
                    },
                }
            ],
        },
    ),
    "claim": (
        "/api/v1/namespaces/{}/persistentvolumeclaims",
        {**CLAIM, "storageClassName": "none"},
        {**STORED_CLAIM, "storageClassName": "none"},
    ),
    "external name": (
        "/api/v1/namespaces/{}/services",
        {"type": "ExternalName", "externalName": "x.y"},
        {"type": "ExternalName", "externalName": "x.y", "sessionAffinity": "None"},
    ),
    "headless": (
        "/api/v1/namespaces/{}/services",
        {"clusterIP": "None", "ports": [{"port": 80}], "selector": {"a": "b"}},
        {
            "clusterIP": "None",
            "clusterIPs": ["None"],
            "type": "ClusterIP",
            "ports": [{"port": 80, "targetPort": 80, "protocol": "TCP"}],
            "selector": {"a": "b"},
            "sessionAffinity": "None",
            "ipFamilies": ["IPv4"],
            "ipFamilyPolicy": "SingleStack",
            "internalTrafficPolicy": "Cluster",
        },
    ),
}


@pytest.mark.parametrize("name", SPECS)
async def test_stored_specs(api, namespace, name):
    path, sent, stored = SPECS[name]
    body = {"metadata": {"name": "x", "finalizers": []}, "spec": sent}
    made = await api("POST", path.format(namespace), body)
    assert made.code == 201, made.message
    assert made.body["spec"] == stored


async def test_defaults_are_owned_by_who_left_them_out(api, namespace):
    path, sent, _ = SPECS["stateful set"]
    body = {"metadata": {"name": "owned"}, "spec": sent}
    made = await api("POST", path.format(namespace), body)
    spec = made.fields("probe", "Update")["f:spec"]
    assert spec["f:podManagementPolicy"] == {}
    assert spec["f:updateStrategy"] == {
        "f:rollingUpdate": {".": {}, "f:maxUnavailable": {}, "f:partition": {}},
        "f:type": {},
    }
    container = spec["f:template"]["f:spec"]["f:containers"]['k:{"name":"c"}']
    assert container["f:terminationMessagePath"] == {}
    assert container["f:ports"] == {
        ".": {},
        'k:{"containerPort":80,"protocol":"TCP"}': {
            ".": {},
            "f:containerPort": {},
            "f:protocol": {},
        },
    }


async def test_what_the_server_allocates_is_owned_by_nobody(api, namespace):
    path = f"/api/v1/namespaces/{namespace}/services"
    spec = {"type": "NodePort", "ports": [{"port": 80}], "selector": {"a": "b"}}
    made = await api("POST", path, {"metadata": {"name": "s"}, "spec": spec})
    assert made.body["spec"]["clusterIP"].startswith("10.96.")
    assert 30000 <= made.body["spec"]["ports"][0]["nodePort"] < 32768
    owned = made.fields("probe", "Update")["f:spec"]
    assert "f:clusterIP" not in owned
    assert "f:nodePort" not in owned["f:ports"]['k:{"port":80,"protocol":"TCP"}']


async def test_string_data_becomes_data(api, namespace):
    path = f"/api/v1/namespaces/{namespace}/secrets"
    made = await api("POST", path, {"metadata": {"name": "s"}, "stringData": {"a": "b"}})
    assert (made.body["data"], made.body["type"]) == ({"a": "Yg=="}, "Opaque")
    assert "stringData" not in made.body


async def test_claims_are_protected(api, namespace):
    path, sent, _ = SPECS["claim"]
    body = {"metadata": {"name": "p"}, "spec": sent}
    made = await api("POST", path.format(namespace), body)
    assert made.body["metadata"]["finalizers"] == ["kubernetes.io/pvc-protection"]
    assert made.body["status"] == {"phase": "Pending"}


async def test_a_new_namespace(api, namespace):
    live = await api("GET", f"/api/v1/namespaces/{namespace}")
    assert live.body["metadata"]["labels"]["kubernetes.io/metadata.name"] == namespace
    assert live.body["spec"] == {"finalizers": ["kubernetes"]}
    assert live.body["status"] == {"phase": "Active"}


async def test_status_of_a_builtin_kind_is_its_own_subresource(api, namespace):
    path, sent, _ = SPECS["budget"]
    path = path.format(namespace)
    body = {"metadata": {"name": "st"}, "spec": sent, "status": {"expectedPods": 7}}
    made = await api("POST", path, body)
    assert made.body["status"]["expectedPods"] == 0
    patch = {
        "status": {"expectedPods": 3},
        "spec": {"maxUnavailable": 9},
        "metadata": {"annotations": {"a": "b"}},
    }
    answer = await api.merge(f"{path}/st/status", patch)
    assert answer.body["spec"]["maxUnavailable"] == 1
    assert answer.body["metadata"]["annotations"] == {"a": "b"}, "unlike for custom kinds"
    assert answer.fields("probe", "Update", "status")["f:status"] == {"f:expectedPods": {}}
