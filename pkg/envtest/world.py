"""What is there before anybody asks, on every backend that makes pods."""

from __future__ import annotations

from druid_operator.pkg.meta import JSON

NODE_SIZE = {"cpu": "64", "memory": "256Gi", "ephemeral-storage": "1Ti", "pods": "1000"}


def node(index: int) -> JSON:
    """A node of its own zone, without a status: something must make it Ready."""
    name = f"node-{index}"
    labels = {
        "kubernetes.io/hostname": name,
        "kubernetes.io/os": "linux",
        "kubernetes.io/arch": "amd64",
        "topology.kubernetes.io/zone": f"zone-{index}",
    }
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": labels}}


def ready_node(index: int, wall: str) -> JSON:
    """A node that says it is Ready since ``wall``."""
    ready = {
        "type": "Ready",
        "status": "True",
        "reason": "KubeletReady",
        "message": "simulated",
        "lastHeartbeatTime": wall,
        "lastTransitionTime": wall,
    }
    status = {
        "conditions": [ready],
        "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}],
        "capacity": NODE_SIZE,
        "allocatable": NODE_SIZE,
        "nodeInfo": {"kubeletVersion": "simulated"},
    }
    return {**node(index), "status": status}


def storage_class(volume_binding: str = "Immediate") -> JSON:
    """The default class, ``standard``. The provisioner is kube-controller-manager's own."""
    return {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {
            "name": "standard",
            "annotations": {"storageclass.kubernetes.io/is-default-class": "true"},
        },
        "provisioner": "kubernetes.io/host-path",
        "reclaimPolicy": "Delete",
        "volumeBindingMode": volume_binding,
        "allowVolumeExpansion": True,
    }


def default_service_account(namespace: str) -> JSON:
    """What every namespace has; pods run as it unless they say otherwise."""
    metadata = {"name": "default", "namespace": namespace}
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}
