"""Fixtures for every suite: a control plane with our CRDs when a test asks for one (``env``)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from druid_operator.pkg.envtest.crds import CRDSource

pytest_plugins = [
    "druid_operator.pkg.envtest.pytest_plugin",
    "druid_operator.cmd.demo.realdruid.pytest_plugin",
]

CRDS = Path(__file__).parent.parent / "config" / "crd" / "bases"


@pytest.fixture(scope="session")
def envtest_crds() -> Sequence[CRDSource]:
    return [CRDS]
