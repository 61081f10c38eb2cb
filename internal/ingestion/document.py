"""The desired document: what the user wrote, read exactly, checked early.

``nativeSpec`` wins over ``spec``, as in the Go operator. What can be refused without asking Druid
is refused here, with the path of the field; Druid's own opinion comes with its answer.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any, Literal, NoReturn

import attrs

from druid_operator.api.v1alpha1.druidingestion_types import IngestionSpec
from druid_operator.internal.ingestion.canonical import canonical_json, sha256
from druid_operator.internal.ingestion.marker import without_marker
from druid_operator.internal.ingestion.secret_values import check_references
from druid_operator.pkg.errors import FieldError, InvalidObject
from druid_operator.pkg.meta import JSON, nesting

#: Which of Druid's APIs runs the document.
Runs = Literal["supervisor", "task", "sql"]

STREAM_TYPES = ("kafka", "kinesis", "rabbit")
_SUPERVISOR_TYPES = (*STREAM_TYPES, "autocompact", "scheduled_batch")

_TOO_DEEP = f"nested deeper than {nesting.MAX_SPEC_LEVELS} levels"
_NATIVE = "spec.ingestion.nativeSpec"
_TEXT = "spec.ingestion.spec"


@attrs.frozen
class DesiredDocument:
    """What Druid shall have.

    Attributes:
        type: the ingestion's type, as in the object.
        runs: which API takes it.
        druid_type: the document's own ``type``; empty for SQL.
        data_source: empty where the document names none.
        supervisor_id: the id Druid will use, empty for runs. Before 34 Druid ignores a given id.
        stream: topic, pattern or stream, empty for what is no stream.
        suspended: whether it shall stand still.
        appends: a second run would add rows again.
        body: the document without ``suspended`` and marker: this is hashed and kept in a ConfigMap.
        spec_hash: sha256 of the canonical text of ``body``.
        raw: the document as written, in whose terms the Go operator's status speaks.
        path: where in the object it was written.
        warnings: what is odd and not wrong.
        resolved: ``body`` with the values of Secrets in it; ``None`` where it names none.
    """

    type: str
    runs: Runs
    druid_type: str
    data_source: str
    supervisor_id: str
    stream: str
    suspended: bool
    appends: bool
    body: JSON = attrs.field(repr=False)
    spec_hash: str
    raw: JSON = attrs.field(repr=False)
    path: str
    warnings: tuple[str, ...] = ()
    resolved: JSON | None = attrs.field(default=None, repr=False)

    @property
    def sendable(self) -> JSON:
        """What Druid is sent, and what it is compared with."""
        return self.body if self.resolved is None else self.resolved

    @property
    def text(self) -> str:
        """The canonical text whose hash is ``spec_hash``."""
        return canonical_json(self.body)


def build_document(ingestion: IngestionSpec, *, suspend: bool | None) -> DesiredDocument:
    """Raises :class:`InvalidObject` (terminal) with every fault found."""
    raw, path = read_document(ingestion)
    errors = [*_check(ingestion.type, raw, path), *check_references(raw, path)]
    if errors:
        raise InvalidObject(errors)
    own_marker_gone = without_marker(raw)
    body = {k: v for k, v in own_marker_gone.items() if k != "suspended"}
    runs = _runs(ingestion.type)
    data_source = _data_source(raw)
    return DesiredDocument(
        type=ingestion.type,
        runs=runs,
        druid_type=str(raw.get("type") or ""),
        data_source=data_source,
        supervisor_id=_supervisor_id(raw, data_source) if runs == "supervisor" else "",
        stream=stream_of(raw),
        # Either wish is enough: the Go operator writes `suspend: false` into objects by itself, so
        # that value says nothing against a document which asks for suspension.
        suspended=bool(suspend) or _is_true(raw.get("suspended")),
        appends=_appends(runs, raw),
        body=body,
        spec_hash=sha256(body),
        raw=raw,
        path=path,
        warnings=tuple(_warnings(ingestion, raw, suspend=suspend)),
    )


def read_document(ingestion: IngestionSpec) -> tuple[JSON, str]:
    """The document as written, and the path of the field that holds it."""
    if ingestion.native_spec:
        return dict(ingestion.native_spec), _NATIVE
    if ingestion.spec and ingestion.spec.strip():
        return parse_document(ingestion.spec, _TEXT), _TEXT
    raise InvalidObject([FieldError(_NATIVE, "required (or spec.ingestion.spec)")])


def parse_document(text: str, path: str = "") -> JSON:
    """JSON text to an object: integers of any size exactly, no NaN, no number beyond a double."""
    try:
        value = json.loads(text, parse_constant=_no_constant, parse_float=_finite)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno} column {error.colno}: {error.msg}"
        raise InvalidObject([FieldError(path, where)]) from None
    except ValueError as error:
        raise InvalidObject([FieldError(path, str(error))]) from None
    except RecursionError:
        raise InvalidObject([FieldError(path, _TOO_DEEP)]) from None
    if not isinstance(value, dict):
        raise InvalidObject([FieldError(path, "must be a JSON object")])
    if deep := nesting.find_deep(value, path):
        raise InvalidObject([FieldError(deep, _TOO_DEEP)])
    return value


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"the number {text[:40]} is too large")
    return number


# --- what kind of document it is -----------------------------------------------------------------


def _runs(kind: str) -> Runs:
    if kind == "sql":
        return "sql"
    return "task" if kind in ("native-batch", "index-hadoop") else "supervisor"


def sections(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """Where ``dataSchema`` and ``ioConfig`` are: under ``spec``, or (older) at top level."""
    spec = document.get("spec")
    return spec if isinstance(spec, Mapping) else document


def _section(document: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = sections(document).get(name)
    return value if isinstance(value, Mapping) else {}


#: The statement may follow comments or a WITH clause; a name may be in double quotes.
_TARGET = re.compile(
    r"\b(?:INSERT|REPLACE)\s+INTO\s+(?:\"?druid\"?\.)?(?:\"((?:[^\"]|\"\")+)\"|([\w-]+))",
    re.IGNORECASE,
)


def _data_source(document: Mapping[str, Any]) -> str:
    if isinstance(document.get("query"), str):
        target = _TARGET.search(document["query"])
        return (target[1].replace('""', '"') if target[1] else target[2]) if target else ""
    found = _section(document, "dataSchema").get("dataSource")
    # autocompact has it in its spec, compact and kill tasks at top level.
    found = found or sections(document).get("dataSource") or document.get("dataSource")
    return found if isinstance(found, str) else ""


def _supervisor_id(document: Mapping[str, Any], data_source: str) -> str:
    if document.get("type") == "autocompact":
        return f"autocompact__{data_source}"
    return str(document.get("id") or data_source)


def stream_of(document: Mapping[str, Any]) -> str:
    """What is read, with its type where there is a choice: ``topic:a`` is not ``pattern:a``."""
    io = _section(document, "ioConfig")
    for key, name in (("topicPattern", "pattern"), ("topic", "topic"), ("stream", "stream")):
        if io.get(key):
            return f"{name}:{io[key]}"
    return ""


def _appends(runs: Runs, document: Mapping[str, Any]) -> bool:
    if runs == "sql":
        return str(document.get("query") or "").lstrip().upper().startswith("INSERT")
    return runs == "task" and _is_true(_section(document, "ioConfig").get("appendToExisting"))


def _is_true(value: Any) -> bool:
    return value is True or (isinstance(value, str) and value.lower() == "true")


# --- what can be refused without asking Druid ----------------------------------------------------


def _check(kind: str, document: JSON, path: str) -> Iterator[FieldError]:
    if kind == "sql":
        if not str(document.get("query") or "").strip():
            yield FieldError(f"{path}.query", "required")
        return
    yield from _check_type(kind, document, path)
    if kind in STREAM_TYPES or kind == "autocompact":
        yield from _check_names(document, path)
    if kind in STREAM_TYPES:
        yield from _check_stream(kind, document, path)


def _check_type(kind: str, document: JSON, path: str) -> Iterator[FieldError]:
    given = document.get("type")
    here = f"{path}.type"
    if not isinstance(given, str) or not given:
        yield FieldError(here, "required")
    elif kind in (*STREAM_TYPES, "autocompact"):
        if given != kind:
            yield FieldError(here, f"is {given}, but spec.ingestion.type is {kind}")
    elif kind == "index-hadoop":
        if given != "index_hadoop":
            yield FieldError(here, f"is {given}, but spec.ingestion.type is {kind}")
    elif kind == "native-batch":
        if given in _SUPERVISOR_TYPES:
            yield FieldError(here, f"{given} is a supervisor: spec.ingestion.type must be {given}")
    else:
        yield FieldError("spec.ingestion.type", f"unknown type {kind}")


def _check_names(document: JSON, path: str) -> Iterator[FieldError]:
    nested = "spec." if isinstance(document.get("spec"), Mapping) else ""
    inner = "" if document.get("type") == "autocompact" else "dataSchema."
    here = f"{path}.{nested}{inner}dataSource"
    name = _data_source(document)
    if not name:
        yield FieldError(here, "required")
    elif "/" in name:
        yield FieldError(here, "must not contain '/'")
    given = document.get("id")
    if given is not None and (not isinstance(given, str) or not given):
        yield FieldError(f"{path}.id", "must be text")


def _check_stream(kind: str, document: JSON, path: str) -> Iterator[FieldError]:
    nested = "spec." if isinstance(document.get("spec"), Mapping) else ""
    here = f"{path}.{nested}ioConfig"
    io = _section(document, "ioConfig")
    if not io:
        yield FieldError(here, "required")
        return
    if kind == "kafka":
        if io.get("topic") and io.get("topicPattern"):
            yield FieldError(here, "topic and topicPattern exclude one another")
        elif not io.get("topic") and not io.get("topicPattern"):
            yield FieldError(f"{here}.topic", "required (or topicPattern)")
    elif not io.get("stream"):
        yield FieldError(f"{here}.stream", "required")
    scaler = io.get("autoScalerConfig")
    if isinstance(scaler, Mapping):
        low, high = scaler.get("taskCountMin"), scaler.get("taskCountMax")
        if isinstance(low, int) and isinstance(high, int) and low > high:
            yield FieldError(
                f"{here}.autoScalerConfig.taskCountMin", f"exceeds taskCountMax {high}"
            )


def _warnings(ingestion: IngestionSpec, document: JSON, *, suspend: bool | None) -> Iterator[str]:
    if ingestion.native_spec and ingestion.spec and ingestion.spec.strip():
        yield "nativeSpec and spec are both set: nativeSpec is used"
    if suspend is False and _is_true(document.get("suspended")):
        yield "the document says suspended: true, which holds although spec.suspend is false"
