"""Results as JSON: each file says on what machine and of what versions it was measured."""

from __future__ import annotations

import os
import platform
import subprocess
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import orjson

REPOSITORY = Path(__file__).resolve().parents[2]
_LIBRARIES = ("aiohttp", "attrs", "cattrs", "msgspec", "orjson", "prometheus-client", "structlog")


def circumstances() -> dict[str, Any]:
    """What a figure depends on besides the code that is measured."""
    with Path("/proc/meminfo").open() as file:
        memory_kib = int(file.readline().split()[1])
    return {
        "at": now(),
        "commit": _git("rev-parse", "--short", "HEAD"),
        "uncommitted": bool(_git("status", "--porcelain", "--", "pkg", "docs/framework/examples")),
        "cores": os.cpu_count(),
        "memory_gib": round(memory_kib / 2**20),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "libraries": {name: metadata.version(name) for name in _LIBRARIES},
        "load": round(os.getloadavg()[0], 1),
    }


def now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def write(path: Path, document: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    options = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
    path.write_bytes(orjson.dumps(rounded(document), option=options))


def rounded(value: Any) -> Any:
    """Four significant digits: more would be noise that every commit changes."""
    if isinstance(value, float):
        return float(f"{value:.4g}")
    if isinstance(value, dict):
        return {key: rounded(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(item) for item in value]
    return value


def _git(*arguments: str) -> str:
    command = ("git", "-C", str(REPOSITORY), *arguments)
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    return answer.stdout.strip()
