"""What is there before anybody asks: Ready nodes, the default StorageClass and ServiceAccounts."""

from __future__ import annotations

from druid_operator.pkg.meta import JSON


def initial_objects(nodes: int, wall: str) -> list[JSON]:
    """The same nodes and class that the real backend starts with."""
    return [*(_node(i, wall) for i in range(nodes)), _storage_class()]


def default_service_account(namespace: str) -> JSON:
    """What every namespace has; pods run as it unless they say otherwise."""
    metadata = {"name": "default", "namespace": namespace}
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}


def _node(index: int, wall: str) -> JSON:
    name = f"node-{index}"
    size = {"cpu": "64", "memory": "256Gi", "ephemeral-storage": "1Ti", "pods": "1000"}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name,
            "labels": {
                "kubernetes.io/hostname": name,
                "kubernetes.io/os": "linux",
                "kubernetes.io/arch": "amd64",
                "topology.kubernetes.io/zone": f"zone-{index}",
            },
        },
        "status": {
            "conditions": [
                {
                    "type": "Ready",
                    "status": "True",
                    "reason": "KubeletReady",
                    "message": "simulated",
                    "lastHeartbeatTime": wall,
                    "lastTransitionTime": wall,
                }
            ],
            "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}],
            "capacity": size,
            "allocatable": size,
            "nodeInfo": {"kubeletVersion": "simulated"},
        },
    }


def _storage_class() -> JSON:
    return {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {
            "name": "standard",
            "annotations": {"storageclass.kubernetes.io/is-default-class": "true"},
        },
        "provisioner": "kubernetes.io/host-path",
        "reclaimPolicy": "Delete",
        "volumeBindingMode": "Immediate",
        "allowVolumeExpansion": True,
    }
