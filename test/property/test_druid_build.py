"""Laws of rendering that hold for every cluster: pure, deterministic, valid, complete."""

from __future__ import annotations

import copy
import json
from typing import Any

import kubernetes_validate
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from druid_operator.api.v1alpha1 import KINDS, Druid
from druid_operator.api.v1alpha1.druid_types import NODE_TYPES
from druid_operator.internal.druid.build import build
from druid_operator.internal.druid.go_json import ENCODINGS, go_json
from druid_operator.internal.druid.resolve import resolve
from druid_operator.pkg.scheme import Scheme

SCHEME = Scheme(KINDS)

text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=20)
name = st.from_regex(r"[a-z]([a-z0-9]{0,8}[a-z0-9])?", fullmatch=True)
labels = st.dictionaries(name, name, max_size=2)
quantity = st.sampled_from(["1", "0.5", "100m", "1024Mi", "1.5Gi", "2G"])
volume = st.builds(lambda n: {"name": n, "emptyDir": {}}, name)
service = st.builds(
    lambda meta, type_: {"metadata": {"name": f"{meta}-%s"}, "spec": {"type": type_}},
    name, st.sampled_from(["ClusterIP", "NodePort"]),
)  # fmt: skip
claim_template = st.builds(
    lambda n, q: {
        "metadata": {"name": n},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": q}}},
    },
    name,
    quantity,
)


def some(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=fields)


shared = {
    "podLabels": labels,
    "podAnnotations": labels,
    "workloadAnnotations": labels,
    "nodeSelector": labels,
    "jvm.options": text,
    "log4j.config": text,
    "env": st.lists(st.builds(lambda n, v: {"name": n, "value": v}, name, text), max_size=2),
    "volumes": st.lists(volume, max_size=2),
    "services": st.lists(service, max_size=1),
    "tolerations": st.lists(st.just({"key": "k", "operator": "Exists"}), max_size=1),
    "affinity": st.sampled_from([{}, {"nodeAffinity": {}}]),
    "livenessProbe": st.just({"httpGet": {"path": "/x", "port": 0}}),
}
node = st.builds(
    lambda required, optional: {**optional, **required},
    st.fixed_dictionaries(
        {
            "nodeType": st.sampled_from(NODE_TYPES),
            "druid.port": st.integers(1, 65535),
            "runtime.properties": text,
            "nodeConfigMountPath": st.just("/conf"),
        }
    ),
    some(
        **shared,
        kind=st.sampled_from(["StatefulSet", "Deployment"]),
        replicas=st.integers(0, 9),
        maxSurge=st.integers(0, 3),
        maxUnavailable=st.integers(0, 3),
        resources=st.builds(lambda q: {"requests": {"memory": q}}, quantity),
        volumeClaimTemplates=st.lists(claim_template, max_size=1),
        hpAutoscaler=st.just({"maxReplicas": 3}),
        podDisruptionBudgetSpec=st.just({"maxUnavailable": 1}),
    ),
)
cluster = st.builds(
    lambda required, optional: {**optional, **required},
    st.fixed_dictionaries(
        {
            "image": st.just("apache/druid:33.0.0"),
            "common.runtime.properties": text,
            "nodes": st.dictionaries(name, node, min_size=1, max_size=3),
        }
    ),
    some(**shared, defaultProbes=st.booleans(), updateStrategy=st.just({"type": "OnDelete"})),
)


def typed(spec: dict[str, Any]) -> Druid:
    metadata = {"name": "c", "namespace": "n", "uid": "u"}
    druid: Druid = SCHEME.decode(Druid, {"metadata": metadata, "spec": spec})
    return druid


def rendered(spec: dict[str, Any]) -> str:
    return json.dumps([manifest.object for manifest in build(resolve(typed(spec)))])


def turned(value: Any) -> Any:
    """The same value with every object's keys the other way round."""
    if isinstance(value, dict):
        return {key: turned(value[key]) for key in reversed(value)}
    return [turned(item) for item in value] if isinstance(value, list) else value


@given(cluster)
def test_the_same_cluster_gives_the_same_bytes_in_whatever_order_it_was_written(spec):
    assert rendered(spec) == rendered(copy.deepcopy(spec)) == rendered(turned(spec))


@given(cluster)
def test_neither_resolving_nor_building_changes_its_input(spec):
    before = copy.deepcopy(spec)
    resolved = resolve(typed(spec))
    first = json.dumps([manifest.object for manifest in build(resolved)])
    for manifest in build(resolved):
        manifest.object.clear()
    assert spec == before
    assert json.dumps([manifest.object for manifest in build(resolved)]) == first


@settings(max_examples=30, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(cluster)
def test_every_child_is_valid_by_the_kubernetes_schema(spec):
    for manifest in build(resolve(typed(spec))):
        kubernetes_validate.validate(manifest.object, "1.37", strict=True)


@given(cluster)
def test_names_are_unique_and_every_child_is_found_by_the_clusters_labels(spec):
    manifests = build(resolve(typed(spec)))
    assert len({(m.resource, m.key) for m in manifests}) == len(manifests)
    for manifest in manifests:
        found = manifest.object["metadata"]["labels"]
        assert (found["app"], found["druid_cr"]) == ("druid", "c")


@pytest.mark.parametrize("encoding", ENCODINGS)
@given(st.dictionaries(text, st.text(max_size=40)))
def test_go_json_is_json_with_the_same_content(encoding, data):
    obj = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": data}
    encoded = go_json(obj, encoding)
    decoded = json.loads(encoded)
    surrogates_replaced = {
        key: "".join("\ufffd" if "\ud800" <= c <= "\udfff" else c for c in value)
        for key, value in data.items()
    }
    assert decoded.get("data", {}) == surrogates_replaced
    assert not set(encoded) & set(b"<>&\n\r\t")
    assert "\u2028" not in encoded.decode()
