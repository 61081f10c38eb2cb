"""``dataSchema`` and ``indexSpec`` as Druid gives them back, for streams and for batch."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import Any

from druid_operator.pkg.druidapi.fake.jackson import JSON, boolean, cannot_construct, refuse
from druid_operator.pkg.druidapi.fake.versions import Version

_SCHEMA = "org.apache.druid.segment.indexing.DataSchema"

_PERIODS = {
    "PT1S": "SECOND", "PT1M": "MINUTE", "PT5M": "FIVE_MINUTE", "PT10M": "TEN_MINUTE",
    "PT15M": "FIFTEEN_MINUTE", "PT30M": "THIRTY_MINUTE", "PT1H": "HOUR", "PT6H": "SIX_HOUR",
    "PT8H": "EIGHT_HOUR", "P1D": "DAY", "P1W": "WEEK", "P1M": "MONTH", "P3M": "QUARTER",
    "P1Y": "YEAR",
}  # fmt: skip
_NAMES = frozenset(_PERIODS.values())


def data_schema(sent: JSON, version: Version) -> JSON:
    check_data_source(sent.get("dataSource"))
    if sent.get("timestampSpec") is None and sent.get("parser") is None:
        raise cannot_construct(_SCHEMA, "timestampSpec")
    timestamp = _timestamp(sent.get("timestampSpec") or {})
    metrics = sent.get("metricsSpec") or []
    return {
        "dataSource": sent["dataSource"],
        "timestampSpec": timestamp,
        "dimensionsSpec": _dimensions(
            sent.get("dimensionsSpec") or {}, timestamp, metrics, version
        ),
        "metricsSpec": metrics,
        "granularitySpec": _granularities(sent.get("granularitySpec") or {}),
        "transformSpec": _transforms(sent.get("transformSpec") or {}),
    }


def check_data_source(name: Any) -> None:
    if name is None:
        raise cannot_construct(_SCHEMA, "Invalid value for field [dataSource]: must not be null")
    if "/" in str(name):
        problem = f"Invalid value for field [dataSource]: Value [{name}] cannot contain '/'."
        raise cannot_construct(_SCHEMA, problem)


def _timestamp(sent: JSON) -> JSON:
    return {
        "column": sent.get("column") or "timestamp",
        "format": sent.get("format") or "auto",
        "missingValue": sent.get("missingValue"),
    }


def _dimensions(sent: JSON, timestamp: JSON, metrics: list[JSON], version: Version) -> JSON:
    columns = {"__time", timestamp["column"]}
    for metric in metrics:
        columns.update(filter(None, (metric.get("name"), metric.get("fieldName"))))
    dimensions = [_dimension(d, version) for d in sent.get("dimensions") or ()]
    counts = Counter(d["name"] for d in dimensions)
    twice = sorted(name for name, count in counts.items() if count > 1)
    if twice:
        problem = f"Duplicate column entries found : [{', '.join(twice)}]"
        raise cannot_construct("org.apache.druid.data.input.impl.DimensionsSpec", problem)
    # A Java set: its order means nothing, and here it is made to differ from the order sent.
    exclusions = sorted({*(sent.get("dimensionExclusions") or ()), *columns}, reverse=True)
    return {
        "dimensions": dimensions,
        "dimensionExclusions": exclusions,
        "includeAllDimensions": boolean(sent, "includeAllDimensions", False),
        "useSchemaDiscovery": boolean(sent, "useSchemaDiscovery", False),
    }


def _dimension(sent: Any, version: Version) -> JSON:
    given: JSON = {"name": sent} if isinstance(sent, str) else sent
    kind = given.get("type") or "string"
    full: JSON = {"type": kind, "name": given.get("name")}
    if kind == "json":
        full["formatVersion"] = given.get("formatVersion") or 5
        if version.sparse_index_spec:
            full["columnFormatSpec"] = given.get("columnFormatSpec")
    full["multiValueHandling"] = given.get("multiValueHandling") or "SORTED_ARRAY"
    # Only columns with a dictionary have a bitmap index by default.
    full["createBitmapIndex"] = boolean(given, "createBitmapIndex", kind in ("string", "json"))
    return full


def granularity(sent: Any, default: Any) -> Any:
    """Names in capitals, standard periods by their name, ``none`` and ``all`` as objects."""
    if sent is None:
        return default
    if isinstance(sent, str):
        name = sent.upper()
        if name in ("NONE", "ALL"):
            return {"type": name.lower()}
        if name not in _NAMES:
            java = "org.apache.druid.java.util.common.granularity.Granularity"
            raise cannot_construct(java, f"No enum constant {java}Type.{name}")
        return name
    if sent.get("type") == "period":
        plain = sent.get("origin") is None and sent.get("timeZone") in (None, "UTC", "Etc/UTC")
        if plain and sent.get("period") in _PERIODS:
            return _PERIODS[sent["period"]]
        zone = sent.get("timeZone") or "UTC"
        full = {"type": "period", "period": sent.get("period"), "timeZone": zone}
        return {**full, "origin": sent.get("origin")}
    return dict(sent)


def _granularities(sent: JSON) -> JSON:
    return {
        "type": sent.get("type") or "uniform",
        "segmentGranularity": granularity(sent.get("segmentGranularity"), "DAY"),
        "queryGranularity": granularity(sent.get("queryGranularity"), {"type": "none"}),
        "rollup": boolean(sent, "rollup", True),
        "intervals": [_interval(i) for i in sent.get("intervals") or ()],
    }


def _interval(text: str) -> str:
    begin, _, end = text.partition("/")
    if not end:
        raise refuse(f"Format requires a '/' separator: {text}")
    return f"{_instant(begin)}/{_instant(end)}"


def _instant(text: str) -> str:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return text
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def _transforms(sent: JSON) -> JSON:
    return {"filter": sent.get("filter"), "transforms": sent.get("transforms") or []}


def index_spec(sent: JSON | None, version: Version) -> JSON:
    given = sent or {}
    unset = version.sparse_index_spec
    return {
        "bitmap": given.get("bitmap") or (None if unset else {"type": "roaring"}),
        "dimensionCompression": given.get("dimensionCompression") or (None if unset else "lz4"),
        "stringDictionaryEncoding": given.get("stringDictionaryEncoding")
        or (None if unset else {"type": "utf8"}),
        "metricCompression": given.get("metricCompression") or (None if unset else "lz4"),
        "longEncoding": given.get("longEncoding") or (None if unset else "longs"),
    }
