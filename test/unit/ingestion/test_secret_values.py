"""Values of Secrets in documents: where they may stand, and where they never show."""

from __future__ import annotations

import copy
from typing import Any

import attrs
import pytest

from druid_operator.internal.ingestion.compare import baseline_of, differences_from
from druid_operator.internal.ingestion.secret_values import find_references, put_in
from druid_operator.pkg.errors import InvalidObject

JSON = dict[str, Any]
JAAS = 'PlainLoginModule required username="me" password="${secret:kafka:password}";'
VALUES = {("kafka", "password"): "hush", ("kafka", "user"): "me-hush"}


@pytest.fixture
def document(kafka: JSON) -> JSON:
    """With one value inside a text, and one alone under a harmless name."""
    consumer = kafka["spec"]["ioConfig"]["consumerProperties"]
    del consumer["ssl.key.password"]
    consumer["sasl.jaas.config"] = JAAS
    consumer["client.id"] = "${secret:kafka:user}"
    return kafka


@pytest.fixture
def desired(document: JSON, build: Any) -> Any:
    made = build(document)
    return attrs.evolve(made, resolved=put_in(made.body, VALUES))


def test_references_are_found_and_replaced(document: JSON) -> None:
    found = {(value.secret, value.key) for value in find_references(document)}
    assert found == VALUES.keys()
    consumer = put_in(document, VALUES)["spec"]["ioConfig"]["consumerProperties"]
    assert consumer["sasl.jaas.config"] == JAAS.replace("${secret:kafka:password}", "hush")
    assert consumer["client.id"] == "me-hush"
    assert document["spec"]["ioConfig"]["consumerProperties"]["sasl.jaas.config"] == JAAS


def test_what_is_hashed_and_kept_has_the_names(desired: Any, document: JSON, build: Any) -> None:
    assert "hush" not in desired.text
    assert desired.spec_hash == build(document).spec_hash


def test_druid_with_the_values_is_in_sync(desired: Any, as_druid_says: Any) -> None:
    assert not differences_from(desired, as_druid_says(desired.sendable))


def test_another_value_is_a_difference_that_shows_neither(desired: Any, as_druid_says: Any) -> None:
    live = as_druid_says(desired.sendable)
    live["spec"]["ioConfig"]["consumerProperties"]["client.id"] = "other-hush"
    differences = differences_from(desired, live)
    assert [d.path for d in differences] == ["spec.ioConfig.consumerProperties.client.id"]
    assert "hush" not in str(differences)


def test_the_baseline_does_not_depend_on_a_value(desired: Any, as_druid_says: Any) -> None:
    """A status that holds a hash of a short password, all else known, would tell it."""
    live = as_druid_says(desired.sendable)
    other = copy.deepcopy(live)
    other["spec"]["ioConfig"]["consumerProperties"]["client.id"] = "other"
    assert baseline_of(desired, live) == baseline_of(desired, other)
    other["spec"]["ioConfig"]["consumerProperties"]["bootstrap.servers"] = "other"
    assert baseline_of(desired, live) != baseline_of(desired, other)


@pytest.mark.parametrize(
    ("change", "path", "words"),
    [
        (
            lambda d: d["spec"]["dataSchema"]["timestampSpec"].update(format="${secret:a:b}"),
            "spec.dataSchema.timestampSpec.format",
            "credentials and consumerProperties only",
        ),
        (
            lambda d: d["spec"]["ioConfig"]["consumerProperties"].update(x="${secret:a}"),
            "spec.ioConfig.consumerProperties.x",
            "must be ${secret:NAME:KEY}",
        ),
        (
            lambda d: d["spec"]["ioConfig"]["consumerProperties"].update(x="${secret:A_b:c}"),
            "spec.ioConfig.consumerProperties.x",
            "must be ${secret:NAME:KEY}",
        ),
    ],
    ids=["elsewhere", "without a key", "no name of a Secret"],
)
def test_what_may_not_be_is_told_with_its_path(
    kafka: JSON, build: Any, change: Any, path: str, words: str
) -> None:
    change(kafka)
    with pytest.raises(InvalidObject) as raised:
        build(kafka)
    (error,) = raised.value.errors
    assert error.path == f"spec.ingestion.nativeSpec.{path}"
    assert words in error.message


def test_rows_in_the_document_cannot_hold_one(build: Any) -> None:
    """Whoever can query would read the Secret."""
    source = {"type": "inline", "data": '{"t":"2024-01-01","page":"${secret:a:b}"}'}
    io = {"type": "index_parallel", "inputSource": source}
    with pytest.raises(InvalidObject, match="credentials and consumerProperties only"):
        build({"type": "index_parallel", "spec": {"ioConfig": io}}, kind="native-batch")


def test_a_credential_of_an_input_source_can_be_one(build: Any) -> None:
    properties = {"accessKeyId": "${secret:s3:id}", "secretAccessKey": "${secret:s3:key}"}
    source = {"type": "s3", "properties": properties}
    io = {"type": "index_parallel", "inputSource": source}
    made = build({"type": "index_parallel", "spec": {"ioConfig": io}}, kind="native-batch")
    assert {v.key for v in find_references(made.body)} == {"id", "key"}
