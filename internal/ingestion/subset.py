"""Is everything that was written also there? Differences between a desired and a live document.

Druid fills in defaults, so live says more than desired and that is no difference. It also drops
keys that it does not know. Where Druid always lists every key of a section (``_CLOSED``), a key
that is not there was dropped, not removed: it is reported, and does not count. Where it keeps what
it was given (``_VERBATIM``), a key too many counts as well.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Literal

import attrs

from druid_operator.internal.ingestion.marker import without_marker
from druid_operator.internal.ingestion.normalise import fold, fold_compaction
from druid_operator.internal.ingestion.redact import REDACTED, is_secret_name, redact
from druid_operator.pkg.meta import JSON

#: ``changed``: both have it. ``missing``: live does not. ``extra``: only live does, in a place that
#: Druid keeps verbatim. ``ignored``: Druid does not know the key and dropped it.
Kind = Literal["changed", "missing", "extra", "ignored"]

_CLOSED = frozenset(
    (
        "", "spec", "spec.dataSchema", "spec.ioConfig", "spec.tuningConfig",
        "spec.dataSchema.timestampSpec", "spec.dataSchema.dimensionsSpec",
        "spec.dataSchema.granularitySpec", "spec.dataSchema.transformSpec",
    )
)  # fmt: skip
_VERBATIM = ("context", "spec.ioConfig.consumerProperties")
#: In a rule, a tier too many holds replicas that nobody asked for.
_TIERS = ".tieredReplicants"
#: Enumerations that Druid reads in any case and writes in its own.
_ANY_CASE = ("multiValueHandling", "dimensionCompression", "metricCompression", "longEncoding")


@attrs.frozen
class Difference:
    """One place where the two disagree. Secrets are replaced before they get here."""

    path: str
    kind: Kind
    desired: Any = None
    live: Any = None

    @property
    def counts(self) -> bool:
        return self.kind != "ignored"

    def __str__(self) -> str:
        if self.kind == "ignored":
            return f"{self.path}: Druid does not know this key"
        if self.kind == "missing":
            return f"{self.path}: {self.desired!r} is missing"
        if self.kind == "extra":
            return f"{self.path}: {self.live!r} was not asked for"
        return f"{self.path}: {self.live!r} instead of {self.desired!r}"


def supervisor_differences(
    desired: Mapping[str, Any], live: Mapping[str, Any]
) -> tuple[Difference, ...]:
    """Of a supervisor's document against what Druid stores, ``suspended`` and the marker aside."""
    wanted, stored = _comparable(desired), _comparable(live)
    if "id" in wanted and "id" not in stored:
        # Before 34 a supervisor has no id of its own: it is the datasource.
        stored["id"] = _data_source(stored)
    if wanted.get("type") != "autocompact":  # which has no context of its own
        wanted["context"] = wanted.get("context") or {}
        stored["context"] = stored.get("context") or {}
    return tuple(_objects(wanted, stored, ""))


def compaction_differences(
    desired: Mapping[str, Any], live: Mapping[str, Any]
) -> tuple[Difference, ...]:
    return tuple(_objects(fold_compaction(desired), fold_compaction(live), ""))


def rule_differences(desired: list[JSON], live: list[JSON]) -> tuple[Difference, ...]:
    """Rules are an ordered list: the first that matches wins."""
    return tuple(_lists(desired, live, "rules"))


def _comparable(document: Mapping[str, Any]) -> JSON:
    folded = fold(without_marker(document))
    folded.pop("suspended", None)
    return folded


def _data_source(folded: JSON) -> Any:
    schema = folded.get("spec", {}).get("dataSchema") or {}
    return schema.get("dataSource")


def _values(desired: Any, live: Any, path: str) -> Iterator[Difference]:
    if desired is None:
        return
    if isinstance(desired, Mapping) and isinstance(live, Mapping):
        yield from _objects(desired, live, path)
    elif isinstance(desired, list) and isinstance(live, list):
        yield from _lists(desired, live, path)
    elif live is None:
        # An empty object or list is what Druid takes for absent.
        if desired not in ({}, []):
            yield _difference(path, "missing", desired, None)
    elif not _same(desired, live, path):
        yield _difference(path, "changed", desired, live)


def _objects(
    desired: Mapping[str, Any], live: Mapping[str, Any], path: str
) -> Iterator[Difference]:
    for key in sorted(desired):
        here = f"{path}.{key}" if path else key
        if key not in live and path in _CLOSED and desired[key] not in (None, {}, []):
            yield _difference(here, "ignored", desired[key], None)
        else:
            yield from _values(desired[key], live.get(key), here)
    if path in _VERBATIM or path.endswith(_TIERS):
        for key in sorted(live.keys() - desired.keys()):
            if live[key] is not None:
                yield _difference(f"{path}.{key}", "extra", None, live[key])


def _lists(desired: list[Any], live: list[Any], path: str) -> Iterator[Difference]:
    if path.endswith(".dimensionExclusions"):
        # A set to which Druid adds the columns that cannot be dimensions.
        for item in sorted(set(map(str, desired)) - set(map(str, live))):
            yield _difference(path, "missing", item, None)
    elif len(desired) != len(live):
        yield _difference(path, "changed", desired, live)
    else:
        for n, (wanted, stored) in enumerate(zip(desired, live, strict=True)):
            yield from _values(wanted, stored, f"{path}[{n}]")


def _same(desired: Any, live: Any, path: str) -> bool:
    """Two leaves, as loosely as Jackson reads scalars."""
    if desired == live and isinstance(desired, bool) == isinstance(live, bool):
        return True
    if isinstance(live, Mapping):
        # A password given as text comes back as a provider.
        return dict(live) == {"type": "default", "password": desired}
    if isinstance(desired, str) and isinstance(live, str):
        return path.endswith(_ANY_CASE) and desired.lower() == live.lower()
    left, right = _scalar(desired), _scalar(live)
    return bool(left == right) and isinstance(left, bool) == isinstance(right, bool)


_BYTES = re.compile(r"^(\d+)\s*([KMGTP])(i?)B?$", re.IGNORECASE)


def _scalar(value: Any) -> Any:
    """The value a string stands for: ``"2"`` is 2, ``"true"`` is true, ``"1KiB"`` is 1024."""
    if not isinstance(value, str):
        return value
    text = value.strip()
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    size = _BYTES.match(text)
    if size is not None:
        base = 1024 if size[3] else 1000
        return int(size[1]) * int(base ** ("KMGTP".index(size[2].upper()) + 1))
    for read in (int, float):
        try:
            return read(text)
        except ValueError:
            continue
    return value


def _difference(path: str, kind: Kind, desired: Any, live: Any) -> Difference:
    """Whatever is secret by its own name, or lies below such a name, is hidden."""
    if any(is_secret_name(part) for part in path.split(".")):
        hide = {True: REDACTED, False: None}
        return Difference(path, kind, hide[desired is not None], hide[live is not None])
    return Difference(path, kind, redact(desired), redact(live))
