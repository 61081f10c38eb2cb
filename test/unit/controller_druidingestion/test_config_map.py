"""The ConfigMap of an ingestion: named for it, with the document and its hash, safe from Go."""

from __future__ import annotations

import hashlib
import json

from druid_operator.api.v1alpha1.keys import (
    LABEL_APP,
    LABEL_CLUSTER,
    SPEC_HASH_ANNOTATION,
)
from druid_operator.internal.controller.druidingestion.config_map import (
    build_config_map,
    config_map_name,
)


def test_it_holds_the_document_and_the_hash_of_that_text(ingestion, desired) -> None:
    document = {"type": "kafka", "n": 9007199254740993}
    text = json.dumps(document, sort_keys=True, separators=(",", ":"))
    digest = hashlib.sha256(text.encode()).hexdigest()
    child = build_config_map(ingestion(), desired(body=document, spec_hash=digest))
    assert child.object["data"] == {"spec.json": text}
    meta = child.object["metadata"]
    assert meta["annotations"] == {SPEC_HASH_ANNOTATION: digest}
    (owner,) = meta["ownerReferences"]
    assert (owner["uid"], owner["controller"]) == ("uid-wiki", True)


def test_the_go_operator_would_not_delete_it(ingestion, desired) -> None:
    """It deletes what carries both labels and is none of its own."""
    labels = build_config_map(ingestion(), desired()).object["metadata"]["labels"]
    assert not {LABEL_APP, LABEL_CLUSTER} & labels.keys()


def test_names_fit_and_stay_apart() -> None:
    assert config_map_name("wiki") == "druidingestion-wiki"
    long = ["x" * 250 + end for end in "ab"]
    names = {config_map_name(name) for name in long}
    assert len(names) == 2
    assert all(len(name) <= 253 for name in names)
