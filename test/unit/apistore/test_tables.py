"""Cells of ``kubectl get``."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from druid_operator.pkg.apistore import jsonpath
from druid_operator.pkg.apistore.table_columns import age
from druid_operator.pkg.clock import FakeClock, rfc3339

OBJECT = {
    "spec": {"size": 3, "on": True, "ports": [{"name": "a", "n": 1}, {"name": "b", "n": 2}]},
    "metadata": {"labels": {"x.y/z": "label"}},
    "status": {"conditions": [{"type": "Ready", "status": "True"}, {"type": "X", "status": "No"}]},
}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        (".spec.size", [3]),
        ("{.spec.size}", [3]),
        (".spec.none", []),
        (".spec.ports[1].name", ["b"]),
        (".spec.ports[-1].n", [2]),
        (".spec.ports[*].name", ["a", "b"]),
        (".spec.ports[9].name", []),
        ('.status.conditions[?(@.type=="Ready")].status', ["True"]),
        (".status.conditions[?(@.type=='Ready')].status", ["True"]),
        ('.status.conditions[?(@.type!="Ready")].status', ["No"]),
        (r".metadata.labels.x\.y/z", ["label"]),
        (".metadata.labels['x.y/z']", ["label"]),
        ("what is this", []),
    ],
)
def test_json_path(path: str, found: list[Any]) -> None:
    assert jsonpath.find(OBJECT, path) == found


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "0s"), (119, "119s"), (120, "2m"), (192, "3m12s"), (600, "10m"), (10800, "3h"),
        (11700, "3h15m"), (90000, "25h"), (200000, "2d7h"), (700000, "8d"),
    ],
)  # fmt: skip
def test_ages(seconds: int, shown: str) -> None:
    now = FakeClock().now()
    assert age(rfc3339(now - timedelta(seconds=seconds)), now) == shown


def test_an_unknown_age() -> None:
    assert age(None, FakeClock().now()) == "<unknown>"
