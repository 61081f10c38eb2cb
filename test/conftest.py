"""Fixtures of every suite: the control plane, with this project's CRDs installed."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import pytest

pytest_plugins = ["druid_operator.pkg.envtest.pytest_plugin"]


@pytest.fixture(scope="session")
def envtest_crds() -> list[Path]:
    return sorted(Path(str(files("druid_operator") / "config/crd/bases")).glob("*.yaml"))
