"""Small objects to plan with; a test names only what differs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from druid_operator.pkg.apply import Child
from druid_operator.pkg.meta import JSON
from druid_operator.pkg.scheme.builtin import CONFIG_MAP, STATEFUL_SET

OWNER_UID = "11111111-2222-3333-4444-555555555555"


def _owner(uid: str) -> JSON:
    return {
        "apiVersion": "druid.apache.org/v1alpha1", "kind": "Druid", "name": "tiny", "uid": uid,
        "controller": True,
    }  # fmt: skip


@pytest.fixture
def config_map() -> Callable[..., Child]:
    """A ConfigMap ``data/NAME`` of the owner."""

    def make(name: str = "one", *, owner: str = OWNER_UID, **data: str) -> Child:
        metadata = {"name": name, "namespace": "data", "ownerReferences": [_owner(owner)]}
        obj = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}
        return Child(CONFIG_MAP, obj)

    return make


@pytest.fixture
def stateful_set() -> Callable[..., Child]:
    """A StatefulSet ``data/db`` of the owner; keywords are fields of its container."""

    def make(*, replicas: int = 3, yielded: tuple[Any, ...] = (), **container: Any) -> Child:
        obj = {
            "apiVersion": "apps/v1",
            "kind": "StatefulSet",
            "metadata": {"name": "db", "namespace": "data", "ownerReferences": [_owner(OWNER_UID)]},
            "spec": {
                "replicas": replicas,
                "serviceName": "db",
                "selector": {"matchLabels": {"app": "db"}},
                "template": {
                    "metadata": {"labels": {"app": "db"}, "creationTimestamp": None},
                    "spec": {"containers": [{"name": "db", "image": "db:1", **container}]},
                },
            },
            "status": {"replicas": 0},
        }
        return Child(STATEFUL_SET, obj, yielded=yielded)

    return make


@pytest.fixture
def go_children() -> list[JSON]:
    """One object of each kind, as the Go operator left it on a real API server."""
    path = Path(__file__).parent / "testdata" / "go_children.json"
    return list(json.loads(path.read_bytes())["items"])
