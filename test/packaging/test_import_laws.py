"""The import laws of ARCHITECTURE.md hold, and a violation of each would be seen."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
ROOMS = ("api", "pkg", "internal", "cmd", "config")

#: A file, an import planted into it, and words of the contract that must break.
VIOLATIONS = {
    "the framework must not know the operator": (
        "pkg/source.py", "import druid_operator.internal.druid.names", "rooms",
    ),
    "an entry point is no library": (
        "internal/druid/names.py", "import druid_operator.cmd.manager.options", "rooms",
    ),
    "the store must not know the client": (
        "pkg/workqueue/interface.py", "import druid_operator.pkg.client", "framework",
    ),
    "Druid's client stands alone": (
        "pkg/druidapi/client.py", "import druid_operator.pkg.meta", "druidapi",
    ),
    "the contract with users knows no client": (
        "api/v1alpha1/keys.py", "import druid_operator.pkg.client", "api knows only",
    ),
    "the controllers do not know each other": (
        "internal/controller/druid/events.py",
        "import druid_operator.internal.controller.druidingestion.events", "independent",
    ),
    "a decision asks no clock": (
        "internal/druid/rollout.py", "import time", "purity",
    ),
    "a status asks no clock": (
        "internal/controller/druidingestion/status.py", "import time", "purity",
    ),
}  # fmt: skip


def lint(root: Path) -> subprocess.CompletedProcess[str]:
    tool = Path(sys.executable).parent / "lint-imports"
    return subprocess.run(
        [str(tool), "--no-cache"],
        cwd=root, env={"PYTHONPATH": str(root / "src"), "COLUMNS": "200"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("checkout")
    ignore = shutil.ignore_patterns("__pycache__")
    for room in (*ROOMS, "src"):
        shutil.copytree(ROOT / room, root / room, symlinks=True, ignore=ignore)
    shutil.copy(ROOT / "pyproject.toml", root)
    return root


def test_all_laws_hold(copy: Path) -> None:
    result = lint(copy)
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize("law", VIOLATIONS)
def test_a_planted_violation_is_found(copy: Path, law: str) -> None:
    path, line, contract = VIOLATIONS[law]
    file = copy / path
    before = file.read_text()
    file.write_text(f"{before}\n{line}\n")
    try:
        result = lint(copy)
    finally:
        file.write_text(before)
    assert result.returncode == 1
    broken = [text for text in result.stdout.splitlines() if text.endswith("BROKEN")]
    assert any(contract in text for text in broken), result.stdout
