"""One form for what users write and for what Druid gives back.

Druid answers a spec in its own words: durations in seconds, granularities by name, dimensions as
objects, everything twice. ``fold`` rewrites both sides into a common form, so that comparing them
needs no knowledge of Druid. It adds no defaults: those differ between versions, and the comparison
asks only whether what was written is there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from druid_operator.pkg.meta import JSON

_SECTIONS = ("dataSchema", "ioConfig", "tuningConfig")

#: Read as a Joda Duration and given back in seconds.
_DURATIONS = {
    "ioConfig": (
        "taskDuration", "startDelay", "period", "completionTimeout",
        "lateMessageRejectionPeriod", "earlyMessageRejectionPeriod",
    ),
    "tuningConfig": (
        "httpTimeout", "shutdownTimeout", "offsetFetchPeriod", "repartitionTransitionDuration",
    ),
}  # fmt: skip

_STANDARD_PERIODS = {
    "PT1S": "SECOND", "PT1M": "MINUTE", "PT5M": "FIVE_MINUTE", "PT10M": "TEN_MINUTE",
    "PT15M": "FIFTEEN_MINUTE", "PT30M": "THIRTY_MINUTE", "PT1H": "HOUR", "PT6H": "SIX_HOUR",
    "PT8H": "EIGHT_HOUR", "P1D": "DAY", "P1W": "WEEK", "P1M": "MONTH", "P3M": "QUARTER",
    "P1Y": "YEAR",
}  # fmt: skip

_PERIOD = re.compile(
    r"^([+-])?P(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(-?\d+)(?:\.(\d{1,3}))?S)?)?$"
)


def fold(document: Mapping[str, Any]) -> JSON:
    """A copy in the common form: nested, with ``spec`` winning over the copies at top level."""
    folded: JSON = dict(document)
    sections = {key: folded.pop(key) for key in _SECTIONS if key in folded}
    spec = folded.get("spec")
    if spec is None and sections:
        spec = sections
    if not isinstance(spec, Mapping):
        return folded
    spec = dict(spec)
    for key, rewrite in (("dataSchema", _schema), ("ioConfig", _io), ("tuningConfig", _tuning)):
        if isinstance(spec.get(key), Mapping):
            spec[key] = rewrite(spec[key])
    if folded.get("type") == "autocompact" and isinstance(spec.get("granularitySpec"), Mapping):
        spec["granularitySpec"] = _granularities(spec["granularitySpec"])
    folded["spec"] = spec
    return folded


def fold_compaction(config: Mapping[str, Any]) -> JSON:
    """A datasource's compaction configuration in the common form."""
    folded = dict(config)
    if isinstance(folded.get("granularitySpec"), Mapping):
        folded["granularitySpec"] = _granularities(folded["granularitySpec"])
    return folded


def _io(sent: Mapping[str, Any]) -> JSON:
    io = _with_durations(sent, "ioConfig")
    # Written in every example and dropped by Druid: it says nothing that the outer type does not.
    io.pop("type", None)
    scaler = io.get("autoScalerConfig")
    if isinstance(scaler, Mapping) and _true(scaler.get("enableTaskAutoScaler")):
        # The autoscaler rewrites it in the stored spec by itself.
        io.pop("taskCount", None)
    return io


def _tuning(sent: Mapping[str, Any]) -> JSON:
    return _with_durations(sent, "tuningConfig")


def _with_durations(sent: Mapping[str, Any], section: str) -> JSON:
    folded = dict(sent)
    for key in _DURATIONS[section]:
        if isinstance(folded.get(key), str):
            folded[key] = milliseconds(folded[key])
    return folded


def milliseconds(text: str) -> int | str:
    """The length of an ISO 8601 duration; the text itself where it is none of fixed length."""
    found = _PERIOD.match(text.strip())
    if found is None or not any(found.groups()[1:]):
        return text
    weeks, days, hours, minutes, seconds = (int(found[n] or 0) for n in range(2, 7))
    whole = (((weeks * 7 + days) * 24 + hours) * 60 + minutes) * 60 + seconds
    total = whole * 1000 + int((found[7] or "").ljust(3, "0"))
    return -total if found[1] == "-" else total


def _schema(sent: Mapping[str, Any]) -> JSON:
    schema = dict(sent)
    dimensions = schema.get("dimensionsSpec")
    if isinstance(dimensions, Mapping):
        schema["dimensionsSpec"] = _dimensions(dimensions)
    if isinstance(schema.get("granularitySpec"), Mapping):
        schema["granularitySpec"] = _granularities(schema["granularitySpec"])
    return schema


def _dimensions(sent: Mapping[str, Any]) -> JSON:
    folded = dict(sent)
    if isinstance(folded.get("dimensions"), list):
        folded["dimensions"] = [_dimension(item) for item in folded["dimensions"]]
    return folded


def _dimension(sent: Any) -> Any:
    if isinstance(sent, str):
        return {"type": "string", "name": sent}
    return {"type": "string", **sent} if isinstance(sent, Mapping) else sent


def _granularities(sent: Mapping[str, Any]) -> JSON:
    folded = dict(sent)
    for key in ("segmentGranularity", "queryGranularity"):
        if folded.get(key) is not None:
            folded[key] = granularity(folded[key])
    if isinstance(folded.get("intervals"), list):
        folded["intervals"] = [interval(item) for item in folded["intervals"]]
    return folded


def granularity(sent: Any) -> Any:
    """Names in capitals; a standard period in UTC by its name; ``none`` and ``all`` as names."""
    if isinstance(sent, str):
        return sent.upper()
    if not isinstance(sent, Mapping):
        return sent
    kind = str(sent.get("type") or "").lower()
    if kind in ("none", "all"):
        return kind.upper()
    in_utc = sent.get("timeZone") in (None, "UTC", "Etc/UTC") and sent.get("origin") is None
    if kind == "period" and in_utc and sent.get("period") in _STANDARD_PERIODS:
        return _STANDARD_PERIODS[sent["period"]]
    return dict(sent)


def interval(sent: Any) -> Any:
    """Both ends as full instants; anything else as it is."""
    begin, slash, end = str(sent).partition("/")
    return f"{_instant(begin)}/{_instant(end)}" if slash else sent


def _instant(text: str) -> str:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return text
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return moment.isoformat()


def _true(value: Any) -> bool:
    return value is True or (isinstance(value, str) and value.lower() == "true")
