"""The comparison of a desired document with a live one, where values of Secrets are involved."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from druid_operator.internal.ingestion.baseline import strip
from druid_operator.internal.ingestion.canonical import sha256
from druid_operator.internal.ingestion.document import DesiredDocument
from druid_operator.internal.ingestion.normalise import fold
from druid_operator.internal.ingestion.redact import REDACTED
from druid_operator.internal.ingestion.secret_values import Path, hidden, written_texts
from druid_operator.internal.ingestion.subset import Difference, supervisor_differences


def differences_from(desired: DesiredDocument, live: Mapping[str, Any]) -> tuple[Difference, ...]:
    """With the values that Druid was sent; none of them is in the answer."""
    found = supervisor_differences(desired.sendable, live)
    secret = {_dotted(path) for path in _written(desired)}
    return tuple(
        attrs.evolve(d, desired=REDACTED, live=REDACTED) if d.path in secret else d for d in found
    )


def baseline_of(desired: DesiredDocument, live: Mapping[str, Any]) -> str:
    """What Druid made of a document, as one hash that depends on no Secret's value."""
    return sha256(hidden(strip(live), _written(desired)))


def _written(desired: DesiredDocument) -> dict[Path, str]:
    return written_texts(fold(desired.body)) if desired.resolved is not None else {}


def _dotted(path: Path) -> str:
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}"
    return text.removeprefix(".")
