"""What an older CRD would drop of what this release writes."""

from typing import Any

from druid_operator.pkg.schema import missing_fields

_WANTED: dict[str, Any] = {
    "properties": {
        "ready": {"type": "string"},
        "parts": {
            "type": "array",
            "items": {"properties": {"name": {"type": "string"}, "new": {"type": "string"}}},
        },
        "labels": {"additionalProperties": {"properties": {"x": {"type": "string"}}}},
    }
}


def test_a_schema_lacks_nothing_of_itself() -> None:
    assert missing_fields(_WANTED, _WANTED) == []


def test_what_is_missing_is_named_where_it_begins() -> None:
    served = {
        "properties": {
            "parts": {"items": {"properties": {"name": {}}}},
            "labels": {"additionalProperties": {"type": "string"}},
            "older": {},
        }
    }
    assert missing_fields(_WANTED, served, "status") == [
        "status.ready", "status.parts[].new", "status.labels[*].x",
    ]  # fmt: skip
    assert missing_fields(_WANTED, {}) == ["ready", "parts", "labels"]


def test_preserved_unknown_fields_lack_nothing() -> None:
    assert missing_fields(_WANTED, {"x-kubernetes-preserve-unknown-fields": True}) == []
