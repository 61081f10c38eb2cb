"""Kubernetes' OpenAPI definitions, from the development package that carries them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

#: The Kubernetes release whose types the generated files have.
KUBERNETES = "1.37.0"


def kubernetes_definitions() -> Mapping[str, Any]:
    """Definitions by type name. Raises ``ModuleNotFoundError`` without the ``dev`` extra."""
    folder = files("kubernetes_validate") / "kubernetes-json-schema" / f"v{KUBERNETES}-local"
    definitions: Mapping[str, Any] = json.loads((folder / "_definitions.json").read_text())["$defs"]
    return definitions
