"""The samples of ``config/samples``, in the demo's namespace."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from druid_operator.pkg.meta import JSON
from druid_operator.pkg.meta.yaml import load_all

NAMESPACE_NAME = "demo"


def config_files() -> Path:
    return Path(str(files("druid_operator") / "config"))


def load_sample(name: str) -> JSON:
    """The one object of a sample."""
    (obj,) = load_all((config_files() / "samples" / name).read_text())
    found: JSON = obj
    found["metadata"]["namespace"] = NAMESPACE_NAME
    return found
