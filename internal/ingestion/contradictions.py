"""What an object must not say: wishes that exclude one another, or that its type cannot have."""

from __future__ import annotations

from collections.abc import Iterator

from druid_operator.api.v1alpha1.druidingestion_types import DruidIngestionSpec
from druid_operator.internal.ingestion.document import STREAM_TYPES, DesiredDocument
from druid_operator.pkg.errors import FieldError

_ONLY_STREAMS = ("reset_offsets", "set_offsets", "recreate")


def contradictions(spec: DruidIngestionSpec, desired: DesiredDocument) -> Iterator[FieldError]:
    """Every fault, with the path of its field."""
    if desired.runs == "supervisor":
        yield from _of_supervisors(spec, desired)
    else:
        yield from _of_runs(spec, desired)
    yield from _of_settings(spec, desired)


def _of_supervisors(spec: DruidIngestionSpec, desired: DesiredDocument) -> Iterator[FieldError]:
    if spec.run_policy is not None:
        yield FieldError("spec.runPolicy", f"is of batch and SQL ingestions, not of {desired.type}")
    requests = spec.requests
    if requests is None:
        return
    if requests.run_again is not None:
        words = f"a supervisor runs always: there is nothing to run again in {desired.type}"
        yield FieldError("spec.requests.runAgain", words)
    if desired.type not in STREAM_TYPES:
        for field in ("reset_offsets", "set_offsets"):
            if getattr(requests, field) is not None:
                yield FieldError(f"spec.requests.{_json(field)}", f"{desired.type} has no offsets")


def _of_runs(spec: DruidIngestionSpec, desired: DesiredDocument) -> Iterator[FieldError]:
    if spec.deletion_policy == "Suspend":
        words = "a task cannot be suspended: Orphan lets it end, Terminate shuts it down"
        yield FieldError("spec.deletionPolicy", words)
    for field in _ONLY_STREAMS:
        if spec.requests is not None and getattr(spec.requests, field) is not None:
            words = f"is for streaming ingestions, not for {desired.type}"
            yield FieldError(f"spec.requests.{_json(field)}", words)


def _of_settings(spec: DruidIngestionSpec, desired: DesiredDocument) -> Iterator[FieldError]:
    here = "spec.ingestion"
    given = {"compaction": spec.ingestion.compaction, "rules": spec.ingestion.rules}
    for name, value in given.items():
        if value is not None and not desired.data_source:
            yield FieldError(
                f"{here}.{name}", "the document names no datasource that it could be of"
            )
    compaction = spec.ingestion.compaction
    if compaction is not None:
        if desired.type == "autocompact":
            words = "the supervisor is the compaction already"
            yield FieldError(f"{here}.compaction", words)
        other = compaction.get("dataSource")
        if other not in (None, desired.data_source):
            words = f"is {other}, but the document writes {desired.data_source}"
            yield FieldError(f"{here}.compaction.dataSource", words)
    for n, rule in enumerate(spec.ingestion.rules or ()):
        if not isinstance(rule.get("type"), str):
            yield FieldError(f"{here}.rules[{n}].type", "required")


def _json(field: str) -> str:
    head, *rest = field.split("_")
    return head + "".join(part.title() for part in rest)
