"""What Druid made of our document, as one hash: the cheapest way to see that nobody changed it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from druid_operator.internal.ingestion.canonical import sha256
from druid_operator.internal.ingestion.marker import without_marker
from druid_operator.internal.ingestion.normalise import fold
from druid_operator.pkg.meta import JSON

_KEPT = ("type", "id", "spec", "context", "schedulerConfig")


def baseline_hash(live: Mapping[str, Any]) -> str:
    """sha256 over what a person can change in a stored spec.

    Left out: ``suspended`` (compared by itself), the marker, the copies at top level, a
    ``taskCount`` that an autoscaler moves, nulls, and the order of ``dimensionExclusions``, which
    Druid shuffles. A new Druid version gives the same document back with other defaults, so a
    baseline is only good for the version it was taken under.
    """
    return sha256(strip(live))


def strip(live: Mapping[str, Any]) -> JSON:
    folded = fold(without_marker(live))
    kept: JSON = _without_nulls({key: folded[key] for key in _KEPT if key in folded})
    return kept


def _without_nulls(value: Any, key: str = "") -> Any:
    if isinstance(value, Mapping):
        return {k: _without_nulls(v, k) for k, v in value.items() if v is not None}
    if isinstance(value, list):
        items = [_without_nulls(item) for item in value]
        return sorted(items) if key == "dimensionExclusions" else items
    return value
