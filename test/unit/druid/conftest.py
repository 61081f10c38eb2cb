"""A small valid cluster, and how to vary it."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from druid_operator.api.v1alpha1 import KINDS, Druid
from druid_operator.internal.druid.build import build
from druid_operator.internal.druid.manifest import Manifest
from druid_operator.internal.druid.resolve import resolve
from druid_operator.internal.druid.resolved import ResolvedNode
from druid_operator.pkg.scheme import Scheme

BROKER = {
    "nodeType": "broker",
    "druid.port": 8082,
    "nodeConfigMountPath": "/conf/broker",
    "runtime.properties": "druid.service=druid/broker",
    "replicas": 1,
}


@pytest.fixture
def make_druid() -> Callable[..., Druid]:
    """``make_druid(spec fields, nodes={key: fields})``: fields are added to a valid broker."""

    def make(
        spec: dict[str, Any] | None = None,
        nodes: dict[str, dict[str, Any]] | None = None,
        *,
        name: str = "tiny",
    ) -> Druid:
        groups = nodes if nodes is not None else {"brokers": {}}
        obj = {
            "metadata": {"name": name, "namespace": "data", "uid": "u-1"},
            "spec": {
                "common.runtime.properties": "a=b",
                "image": "apache/druid:33.0.0",
                "nodes": {key: {**BROKER, **fields} for key, fields in groups.items()},
                **(spec or {}),
            },
        }
        druid: Druid = Scheme(KINDS).decode(Druid, copy.deepcopy(obj))
        return druid

    return make


@pytest.fixture
def broker(make_druid: Callable[..., Druid]) -> Callable[..., ResolvedNode]:
    """The resolved broker of ``make_druid(cluster fields, nodes={"brokers": node fields})``."""

    def make(
        cluster: dict[str, Any] | None = None, node: dict[str, Any] | None = None
    ) -> ResolvedNode:
        return resolve(make_druid(cluster, {"brokers": node or {}})).node("brokers")

    return make


@pytest.fixture
def children(make_druid: Callable[..., Druid]) -> Callable[..., dict[str, Manifest]]:
    """The built children by ``kind/name``; arguments as ``make_druid``."""

    def make(*args: Any, **kwargs: Any) -> dict[str, Manifest]:
        manifests = build(resolve(make_druid(*args, **kwargs)))
        return {f"{m.resource.kind}/{m.name}": m for m in manifests}

    return make
