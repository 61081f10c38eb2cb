"""``config/crd/bases``: one CustomResourceDefinition for each typed kind."""

from __future__ import annotations

import json
from collections.abc import Iterable

from druid_operator.api.v1alpha1.embedded import AMENDMENTS
from druid_operator.cmd.generate.definitions import kubernetes_definitions
from druid_operator.cmd.generate.yaml_text import to_yaml
from druid_operator.pkg.schema import CustomResource
from druid_operator.pkg.schema.embedded import EmbeddedTypes
from druid_operator.pkg.schema.generator import custom_resource_definition

#: Client-side `kubectl apply` keeps the object in an annotation, which holds at most 262,144 bytes.
MAX_BYTES = 250_000


def crd_files(kinds: Iterable[CustomResource]) -> dict[str, str]:
    """Path in the repository to content. Raises ``ValueError`` for a CRD that grew too big."""
    embedded = EmbeddedTypes(kubernetes_definitions().__getitem__, AMENDMENTS)
    result: dict[str, str] = {}
    for kind in kinds:
        crd = custom_resource_definition(kind, embedded)
        size = len(json.dumps(crd, separators=(",", ":")))
        if size > MAX_BYTES:
            raise ValueError(f"{kind.crd_name} has {size} bytes, more than {MAX_BYTES}")
        path = f"config/crd/bases/{kind.resource.group}_{kind.resource.plural}.yaml"
        result[path] = to_yaml(crd)
    return result
