"""The three operators of the comparison: how each is made and how it is started.

Each gets an environment of its own with what it needs and nothing more, as its image would have:
kopf, for one, imports every Kubernetes client it finds.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import attrs

REPOSITORY = Path(__file__).resolve().parents[2]
PEERS = Path(__file__).parent / "peers"
OURS = REPOSITORY / "docs" / "framework" / "examples" / "web" / "web.py"


@attrs.frozen
class Operator:
    name: str
    command: tuple[str, ...]

    def with_flags(self, *flags: str) -> tuple[str, ...]:
        return (*self.command, *flags)


def cache_directory() -> Path:
    base = os.environ.get("XDG_CACHE_HOME")
    cache = Path(base) if base else Path.home() / ".cache"
    return cache / "druid-operator" / "bench"


def make(name: str) -> Operator:
    """Build it where it is not there yet. Raises ``KeyError`` for another name."""
    directory = cache_directory()
    directory.mkdir(parents=True, exist_ok=True)
    return Operator(name, MAKERS[name](directory))


def _ours(directory: Path) -> tuple[str, ...]:
    constraints = str(REPOSITORY / "constraints.txt")
    python = _environment(directory / "operator", "-c", constraints, "-e", str(REPOSITORY))
    return (python, str(OURS))


def _kopf(directory: Path) -> tuple[str, ...]:
    python = _environment(directory / "kopf", "-r", str(PEERS / "kopf" / "requirements.txt"))
    return (python, str(PEERS / "kopf" / "web.py"))


def _go(directory: Path) -> tuple[str, ...]:
    binary = directory / "web-go"
    # Go's own cache makes this quick when nothing has changed.
    build = ("go", "build", "-ldflags=-s -w", "-o", str(binary), ".")
    subprocess.run(build, cwd=PEERS / "go", check=True)
    return (str(binary),)


def _environment(directory: Path, *requirements: str) -> str:
    python = str(directory / "bin" / "python")
    if not (directory / "complete").exists():
        subprocess.run((sys.executable, "-m", "venv", str(directory)), check=True)
        pip = (python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
        subprocess.run((*pip, *requirements), check=True)
        (directory / "complete").touch()
    return python


#: In the order in which they are measured.
MAKERS: dict[str, Callable[[Path], tuple[str, ...]]] = {"ours": _ours, "go": _go, "kopf": _kopf}
