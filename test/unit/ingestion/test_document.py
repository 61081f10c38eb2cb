"""The desired document: read exactly, refused early, with the path of every fault."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from druid_operator.api.v1alpha1.druidingestion_types import IngestionSpec
from druid_operator.internal.ingestion.compatibility import check_against
from druid_operator.internal.ingestion.document import build_document, parse_document
from druid_operator.internal.ingestion.marker import (
    Marker,
    read_marker,
    with_marker,
    without_marker,
)
from druid_operator.pkg.errors import InvalidObject


def faults(kind: str, **fields: Any) -> list[str]:
    with pytest.raises(InvalidObject) as caught:
        build_document(IngestionSpec(type=kind, **fields), suspend=None)
    return [str(e) for e in caught.value.errors]


def test_integers_of_any_size_are_read_exactly() -> None:
    text = '{"type":"kafka","max":9223372036854775807,"more":9007199254740993}'
    parsed = parse_document(text)
    assert (parsed["max"], parsed["more"]) == (2**63 - 1, 2**53 + 1)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{\n  "a": tru\n}', "line 2 column 8"),
        ("[1]", "must be a JSON object"),
        ('{"a": NaN}', "NaN is not JSON"),
        ('{"a": 1e999}', "too large"),
        ('{"a": 1} x', "line 1 column 10"),
    ],
)
def test_text_that_is_no_document_is_refused_with_its_place(text: str, words: str) -> None:
    (fault,) = faults("kafka", spec=text)
    assert fault.startswith("spec.ingestion.spec: ")
    assert words in fault


def test_no_document_at_all_is_refused() -> None:
    (fault,) = faults("kafka", spec="  ")
    assert fault == "spec.ingestion.nativeSpec: required (or spec.ingestion.spec)"


def test_the_native_document_wins_and_says_so(kafka) -> None:
    spec = IngestionSpec(type="kafka", spec='{"type":"kafka"}', native_spec=kafka)
    document = build_document(spec, suspend=None)
    assert document.data_source == "wiki"
    assert document.warnings == ("nativeSpec and spec are both set: nativeSpec is used",)


@pytest.mark.parametrize(
    ("kind", "change", "fault"),
    [
        ("kafka", {"type": "kinesis"}, "nativeSpec.type: is kinesis, but spec.ingestion.type is"),
        ("kafka", {"type": None}, "nativeSpec.type: required"),
        ("native-batch", {}, "nativeSpec.type: kafka is a supervisor"),
        ("index-hadoop", {}, "nativeSpec.type: is kafka, but"),
        ("fog", {}, "spec.ingestion.type: unknown type fog"),
        ("sql", {}, "nativeSpec.query: required"),
        ("kafka", {"id": 7}, "nativeSpec.id: must be text"),
    ],
)
def test_a_type_that_contradicts_the_document_is_refused(kafka, kind, change, fault) -> None:
    assert any(fault in f for f in faults(kind, native_spec={**kafka, **change}))


@pytest.mark.parametrize(
    ("section", "change", "fault"),
    [
        ("dataSchema", {"dataSource": None}, "spec.dataSchema.dataSource: required"),
        ("dataSchema", {"dataSource": "a/b"}, "spec.dataSchema.dataSource: must not contain '/'"),
        ("ioConfig", {"topic": None}, "spec.ioConfig.topic: required (or topicPattern)"),
        ("ioConfig", {"topicPattern": "w.*"}, "topic and topicPattern exclude one another"),
        (
            "ioConfig",
            {"autoScalerConfig": {"taskCountMin": 3, "taskCountMax": 2}},
            "spec.ioConfig.autoScalerConfig.taskCountMin: exceeds taskCountMax 2",
        ),
    ],
)
def test_what_druid_would_refuse_for_certain_is_refused_early(
    kafka, section, change, fault
) -> None:
    kafka["spec"][section].update(change)
    (found,) = faults("kafka", native_spec=kafka)
    assert found.endswith(fault)
    assert found.startswith("spec.ingestion.nativeSpec.spec.")


def test_the_flat_layout_is_read_like_the_nested_one(kafka, build) -> None:
    flat = {"type": "kafka", **kafka["spec"]}
    assert build(flat).data_source == build(kafka).data_source == "wiki"
    assert build(flat).stream == "topic:wiki"


def test_suspended_and_marker_are_no_part_of_the_hash(kafka, build) -> None:
    plain = build(kafka)
    marked = with_marker({**kafka, "suspended": True}, Marker("ns", "wiki", "u1", "abc"))
    assert build(marked).spec_hash == plain.spec_hash
    assert build(marked).suspended
    assert not plain.suspended


@pytest.mark.parametrize(
    ("declared", "written", "suspended"),
    [
        (None, None, False), (None, True, True), (True, None, True), (True, False, True),
        (False, None, False), (False, True, True), (None, "true", True),
    ],
)  # fmt: skip
def test_either_wish_for_suspension_is_enough(kafka, build, declared, written, suspended) -> None:
    document = {**kafka, **({} if written is None else {"suspended": written})}
    assert build(document, suspend=declared).suspended is suspended


def test_a_whole_number_is_one_number_however_it_is_written(kafka, build) -> None:
    other = copy.deepcopy(kafka)
    other["spec"]["tuningConfig"]["maxRowsInMemory"] = 50000.0
    assert build(other).spec_hash == build(kafka).spec_hash


@pytest.mark.parametrize(
    "document",
    [
        {"type": "kafka"},
        {"type": "kafka", "context": {"a": 1}},
        {"type": "autocompact", "spec": {"dataSource": "d"}},
        {"type": "autocompact", "spec": {"dataSource": "d", "taskContext": {"p": 1}}},
        {"type": "scheduled_batch", "spec": {"query": "q"}},
        {"type": "index_parallel", "spec": {}},
    ],
)
def test_the_marker_travels_where_druid_keeps_it_and_leaves_no_trace(document) -> None:
    marker = Marker("ns", "name", "uid", "hash")
    marked = with_marker(document, marker)
    assert read_marker(marked) == marker
    assert without_marker(marked) == document
    assert read_marker(document) is None


@pytest.mark.parametrize("owner", ["other.org/ns/name/uid", "ns/name", 7, None, ""])
def test_an_owner_in_another_form_is_no_marker(owner) -> None:
    assert read_marker({"type": "kafka", "context": {"k8sOwner": owner}}) is None


def test_what_this_druid_cannot_do_is_told_before_asking_it(kafka, build) -> None:
    kafka["id"] = "other"
    document = build(kafka)

    def told(major: int | None, modules: frozenset[str] = frozenset()) -> list[str]:
        found = check_against(document, major=major, modules=modules, sql_tasks=False)
        return [str(f) for f in found]

    (ignored,) = told(33)
    assert ignored.endswith("nativeSpec.id: Druid 33 ignores it: the id is the datasource")
    assert told(34) == told(None) == []
    (missing,) = told(34, frozenset({"AWSModule"}))
    assert "druid-kafka-indexing-service" in missing


@pytest.mark.parametrize(
    ("kind", "document", "appends"),
    [
        ("sql", {"query": "  insert into x select 1"}, True),
        ("sql", {"query": "REPLACE INTO x OVERWRITE ALL SELECT 1"}, False),
        ("native-batch", {"type": "index", "spec": {"ioConfig": {"appendToExisting": True}}}, True),
        ("native-batch", {"type": "index", "spec": {"ioConfig": {}}}, False),
    ],
)
def test_a_document_that_appends_is_known_by_its_words(build, kind, document, appends) -> None:
    assert build(document, kind=kind).appends is appends


@pytest.mark.parametrize("depth", [150, 5_000])
def test_a_text_that_nests_too_deep_is_a_fault_with_its_path(depth: int) -> None:
    text = '{"type": "kafka", "x": ' + "[" * depth + "]" * depth + "}"
    with pytest.raises(InvalidObject, match=r"^spec\.ingestion\.spec.*nested deeper than 100"):
        parse_document(text, "spec.ingestion.spec")
