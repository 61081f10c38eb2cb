"""Objects as the API server stores them, made short."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any

import pytest

from druid_operator.pkg.envtest.dataplane.plan import Moment

JSON = dict[str, Any]


@pytest.fixture
def moment() -> Moment:
    return Moment(now=100.0, wall="2026-01-01T00:00:00Z")


@pytest.fixture
def make_sts() -> Callable[..., JSON]:
    def make(replicas: int, *, image: str = "db:1", ordered: bool = True, **spec: Any) -> JSON:
        return {
            "apiVersion": "apps/v1",
            "kind": "StatefulSet",
            "metadata": {"name": "db", "namespace": "ns", "uid": "sts-uid", "generation": 1},
            "spec": {
                "replicas": replicas,
                "serviceName": "db",
                "selector": {"matchLabels": {"app": "db"}},
                "podManagementPolicy": "OrderedReady" if ordered else "Parallel",
                "template": {
                    "metadata": {"labels": {"app": "db"}},
                    "spec": {"containers": [{"name": "c", "image": image}]},
                },
                **spec,
            },
        }

    return make


@pytest.fixture
def live() -> Callable[..., JSON]:
    """What became of a pod that a plan created: it has a uid and runs, Ready or not."""
    numbers = count(1)

    def make(pod: JSON, *, ready: bool = True, terminating: bool = False) -> JSON:
        number = next(numbers)
        metadata = {"name": f"{pod['metadata'].get('generateName')}{number}", **pod["metadata"]}
        metadata["uid"] = f"pod-{number}"
        if terminating:
            metadata["deletionTimestamp"] = "2026-01-01T00:00:00Z"
        conditions = [{"type": "Ready", "status": "True" if ready else "False"}]
        status = {"phase": "Running", "conditions": conditions}
        return {**pod, "metadata": metadata, "status": status}

    return make
