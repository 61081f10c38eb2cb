"""Small workloads; a test names only what differs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from druid_operator.pkg.meta import JSON


@pytest.fixture
def stateful_set() -> Callable[..., JSON]:
    """A StatefulSet with three pods, all new and ready; keywords go into its status."""

    def make(
        *, replicas: int = 3, generation: int = 2, strategy: JSON | None = None, **status: Any
    ) -> JSON:
        return {
            "apiVersion": "apps/v1",
            "kind": "StatefulSet",
            "metadata": {"name": "druid-tiny-hot", "namespace": "data", "generation": generation},
            "spec": {"replicas": replicas, "updateStrategy": strategy or {"type": "RollingUpdate"}},
            "status": {
                "observedGeneration": 2, "readyReplicas": 3, "updatedReplicas": 3,
                "currentRevision": "b", "updateRevision": "b", **status,
            },
        }  # fmt: skip

    return make


@pytest.fixture
def deployment() -> Callable[..., JSON]:
    """A Deployment with three pods, all new and ready; keywords go into its status."""

    def make(
        *, reason: str = "NewReplicaSetAvailable", revision: str = "4", paused: bool = False,
        generation: int = 2, **status: Any,
    ) -> JSON:  # fmt: skip
        return {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {
                "name": "druid-tiny-brokers", "namespace": "data", "generation": generation,
                "annotations": {"deployment.kubernetes.io/revision": revision},
            },
            "spec": {"replicas": 3, "paused": paused},
            "status": {
                "observedGeneration": 2, "replicas": 3, "readyReplicas": 3, "updatedReplicas": 3,
                "availableReplicas": 3, **status,
                "conditions": [
                    {"type": "ReplicaFailure", "status": "False"},
                    {"type": "Progressing", "status": "True", "reason": reason},
                ],
            },
        }  # fmt: skip

    return make
