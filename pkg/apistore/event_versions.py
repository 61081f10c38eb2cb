"""Events are served as ``v1`` and as ``events.k8s.io/v1``; they are stored as the former."""

from __future__ import annotations

from collections.abc import Mapping

from druid_operator.pkg.meta import JSON

_TO_CORE: Mapping[str, str] = {
    "regarding": "involvedObject",
    "note": "message",
    "reportingController": "reportingComponent",
    "deprecatedSource": "source",
    "deprecatedFirstTimestamp": "firstTimestamp",
    "deprecatedLastTimestamp": "lastTimestamp",
    "deprecatedCount": "count",
}
_FROM_CORE: Mapping[str, str] = {core: name for name, core in _TO_CORE.items()}


def to_core(event: JSON) -> JSON:
    renamed = {_TO_CORE.get(name, name): value for name, value in event.items()}
    renamed["apiVersion"] = "v1"
    for always in ("reportingComponent", "reportingInstance"):
        renamed.setdefault(always, "")
    return renamed


def from_core(event: JSON) -> JSON:
    renamed = {_FROM_CORE.get(name, name): value for name, value in event.items()}
    renamed["apiVersion"] = "events.k8s.io/v1"
    # What the core version always writes, the other leaves out when it is empty.
    for optional in ("reportingController", "reportingInstance", "note"):
        if not renamed.get(optional):
            renamed.pop(optional, None)
    return renamed
