"""The ConfigMap that keeps the desired document, so that it can be compared with Druid at any
time.
"""

from __future__ import annotations

import hashlib

from druid_operator.api.v1alpha1 import DRUID_INGESTION
from druid_operator.api.v1alpha1.keys import LABEL_INGESTION, SPEC_HASH_ANNOTATION
from druid_operator.internal.ingestion.document import DesiredDocument
from druid_operator.pkg.apply import Child
from druid_operator.pkg.meta import JSON, owner_reference
from druid_operator.pkg.scheme.builtin import CONFIG_MAP

_PREFIX = "druidingestion-"
#: A name is a DNS subdomain: at most 253 characters.
_MAX_NAME = 253
DOCUMENT_KEY = "spec.json"


def config_map_name(ingestion: str) -> str:
    name = _PREFIX + ingestion
    if len(name) <= _MAX_NAME:
        return name
    digest = hashlib.sha256(ingestion.encode()).hexdigest()[:10]
    return f"{name[: _MAX_NAME - 11]}-{digest}"


def build_config_map(ingestion: JSON, desired: DesiredDocument) -> Child:
    """The document without secrets resolved, with its hash.

    It never carries ``app`` and ``druid_cr``: a Go operator that comes back deletes whatever has
    those two labels and is none of its own.
    """
    meta = ingestion["metadata"]
    obj: JSON = {
        "apiVersion": CONFIG_MAP.api_version,
        "kind": CONFIG_MAP.kind,
        "metadata": {
            "name": config_map_name(meta["name"]),
            "namespace": meta["namespace"],
            "labels": {LABEL_INGESTION: "true"},
            "annotations": {SPEC_HASH_ANNOTATION: desired.spec_hash},
            "ownerReferences": [owner_reference(DRUID_INGESTION.gvk, meta["name"], meta["uid"])],
        },
        "data": {DOCUMENT_KEY: desired.text},
    }
    return Child(CONFIG_MAP, obj)
