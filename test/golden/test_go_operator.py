"""What we render is byte for byte what the Go operator stored: hashes, and every field sent."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import kubernetes_validate
import pytest

from druid_operator.api.v1alpha1.keys import GO_HASH_ANNOTATION
from druid_operator.internal.druid.build import build
from druid_operator.internal.druid.go_hash import config_map_sha, object_hash
from druid_operator.internal.druid.go_json import GO_OMITZERO
from druid_operator.internal.druid.resolve import resolve

CLUSTERS = ("tiny", "tiny-after-image-change", "tiers", "sidecars")
CORE_KINDS = ("ConfigMap", "Service", "StatefulSet", "Deployment")
KUBERNETES = "1.37"


def differences(sent: Any, stored: Any, path: str = "") -> Iterator[str]:
    """Where a sent field is missing or different in the stored object, which may have more."""
    if isinstance(sent, dict) and isinstance(stored, dict):
        for key, value in sent.items():
            if key in stored:
                yield from differences(value, stored[key], f"{path}.{key}")
            else:
                yield f"{path}.{key}: sent {value!r}, not stored"
    elif isinstance(sent, list) and isinstance(stored, list) and len(sent) == len(stored):
        for index, (left, right) in enumerate(zip(sent, stored, strict=True)):
            yield from differences(left, right, f"{path}[{index}]")
    elif sent != stored:
        yield f"{path}: sent {sent!r}, stored {stored!r}"


@pytest.mark.parametrize("name", CLUSTERS)
def test_every_child_has_the_recorded_name_hash_and_fields(name, recording, extra_config):
    recorded = recording(name)
    manifests = build(resolve(recorded.typed, extra_config))

    assert {(m.resource.kind, m.name) for m in manifests} == set(recorded.children)
    found = [
        f"{m}{difference}"
        for m in manifests
        for difference in differences(m.object, recorded.children[m.resource.kind, m.name])
    ]
    assert not found, "\n".join(found)


def test_the_hashes_of_56_core_children_are_compared(recording, extra_config):
    compared = 0
    for name in ("tiny", "tiny-after-image-change", "tiers"):
        recorded = recording(name)
        for manifest in build(resolve(recorded.typed)):
            stored = recorded.children[manifest.resource.kind, manifest.name]
            annotations = manifest.object["metadata"]["annotations"]
            expected = stored["metadata"]["annotations"][GO_HASH_ANNOTATION]
            assert annotations[GO_HASH_ANNOTATION] == expected, str(manifest)
            compared += manifest.resource.kind in CORE_KINDS
    assert compared == 56


@pytest.mark.parametrize("name", CLUSTERS)
def test_what_is_sent_has_no_fault_by_the_kubernetes_schema(name, recording, extra_config):
    for manifest in build(resolve(recording(name).typed, extra_config)):
        kubernetes_validate.validate(manifest.object, KUBERNETES, strict=True)


@pytest.mark.parametrize("name", CLUSTERS)
def test_config_map_sha_is_that_of_the_running_pods(name, recording, extra_config):
    recorded = recording(name)
    for node in resolve(recorded.typed, extra_config).nodes:
        workload = recorded.children[node.kind, node.unique_name]
        env = workload["spec"]["template"]["spec"]["containers"][0]["env"]
        assert env[-1] == {"name": "configMapSHA", "value": node.config_sha}


def test_another_encoding_gives_another_sha_for_the_same_config_maps(recording):
    children = recording("tiny").children
    common, node = (
        _bare(children["ConfigMap", name])
        for name in ("tiny-druid-common-config", "druid-tiny-brokers-config")
    )
    assert config_map_sha(common, node) == f"{object_hash(common)}-{object_hash(node)}"
    assert config_map_sha(common, node, GO_OMITZERO) != config_map_sha(common, node)


def _bare(config_map: dict[str, Any]) -> dict[str, Any]:
    metadata = {k: config_map["metadata"][k] for k in ("name", "namespace", "labels")}
    return {**config_map, "metadata": metadata}


def test_a_claim_that_outlives_the_cluster_has_no_owner_and_the_recorded_hash(
    recording, extra_config
):
    recorded = recording("sidecars")
    cluster = resolve(recorded.typed, extra_config)
    (claim,) = (m for m in build(cluster) if m.resource.kind == "PersistentVolumeClaim")
    assert cluster.keeps_claims
    assert "ownerReferences" not in claim.object["metadata"]
    stored = recorded.children["PersistentVolumeClaim", claim.name]["metadata"]["annotations"]
    assert claim.object["metadata"]["annotations"][GO_HASH_ANNOTATION] == stored[GO_HASH_ANNOTATION]


def test_replicas_are_left_to_an_autoscaler_and_hashed_all_the_same(recording):
    recorded = recording("tiers")
    (brokers,) = (m for m in build(resolve(recorded.typed)) if m.resource.kind == "Deployment")
    assert "replicas" not in brokers.object["spec"]


@pytest.mark.parametrize("name", CLUSTERS)
def test_render_gives_the_same_from_the_file_and_from_the_stored_object(
    name, recording, extra_one_file, render_command, tmp_path
):
    """The CRD's defaults are applied as by the API server: only the uid must be told."""
    recorded = recording(name)
    stored = tmp_path / "stored.json"
    stored.write_text(json.dumps(recorded.druid))
    uid = recorded.druid["metadata"]["uid"]
    files = ["-f", str(extra_one_file), "-o", "json"]

    from_file = render_command("-f", str(recorded.manifest), *files, "--uid", uid)
    from_stored = render_command("-f", str(stored), *files)

    assert json.loads(from_file) == json.loads(from_stored)
    assert from_file == from_stored
    rendered = json.loads(from_file)["items"]
    for obj in rendered:
        assert not list(differences(obj, recorded.children[obj["kind"], obj["metadata"]["name"]]))
    assert len(rendered) == len(recorded.children)
