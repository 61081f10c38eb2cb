"""The wheel alone, in an environment that has nothing else of ours, is the whole product."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent

pytestmark = [
    pytest.mark.skipif(
        os.environ.get("TEST_WHEEL") != "1",
        reason="installs packages for a minute: make test-wheel",
    ),
    pytest.mark.timeout(600),
]


def run(*command: str | Path, cwd: Path) -> str:
    # Nothing of the checkout may leak in: no PYTHONPATH, another working directory.
    environ = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    done = subprocess.run(
        [str(part) for part in command], cwd=cwd, env=environ, capture_output=True, text=True,
        check=False, timeout=500,
    )  # fmt: skip
    assert done.returncode == 0, f"{command}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
    return done.stdout


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of a new environment with the wheel installed."""
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "-o", folder, ROOT, cwd=folder)
    (wheel,) = folder.glob("*.whl")
    run(sys.executable, "-m", "venv", folder / "venv", cwd=folder)
    installed = folder / "venv" / "bin" / "python"
    constraints = ROOT / "constraints.txt"
    run(installed, "-m", "pip", "install", "--quiet", "-c", constraints, wheel, cwd=folder)
    return installed


def test_commands_start(python: Path, tmp_path: Path) -> None:
    operator = python.parent / "druid-operator"
    assert "--leader-elect" in run(operator, "--help", cwd=tmp_path)
    fake = run(python, "-m", "druid_operator.pkg.druidapi.fake", "--help", cwd=tmp_path)
    assert "--port" in fake


def test_render_needs_no_checkout(python: Path, tmp_path: Path) -> None:
    sample = (ROOT / "config" / "samples" / "druid.yaml").read_text()
    (tmp_path / "druid.yaml").write_text(sample)
    operator = python.parent / "druid-operator"
    assert "kind: StatefulSet" in run(operator, "render", "-f", "druid.yaml", cwd=tmp_path)


def test_operator_runs_a_cluster_and_ingestions(python: Path, tmp_path: Path) -> None:
    """The demo is the real operator against the embedded API server: all package data is needed."""
    out = run(python, "-m", "druid_operator.cmd.demo.main", cwd=tmp_path)
    assert out.strip().splitlines()[-1].strip().split("  ")[-1].startswith("Done: "), out[-500:]


def test_what_the_real_control_plane_is_built_from_is_carried(python: Path, tmp_path: Path) -> None:
    code = (
        "from importlib.resources import files; root = files('druid_operator');"
        "print(all((root / p).is_file() for p in ("
        "'pkg/envtest/binaries/go.mod', 'pkg/envtest/binaries/go.sum',"
        "'pkg/envtest/binaries/stages.yaml', 'cmd/demo/realdruid/poms/druid.xml',"
        "'config/crd/bases/druid.apache.org_druids.yaml', 'py.typed')))"
    )
    assert run(python, "-c", code, cwd=tmp_path).strip() == "True"
