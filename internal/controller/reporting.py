"""What both controllers tell the world in the same form: events, and the one write of a status."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

import attrs

from druid_operator.api.v1alpha1.keys import IGNORED_ANNOTATION
from druid_operator.pkg.meta import JSON


@attrs.frozen
class Event:
    """Args:
    type: ``Warning`` when somebody should look.
    reason: from the controller's closed set.
    action: CamelCase; what was done or tried.
    note: for people, without secrets.
    """

    type: Literal["Normal", "Warning"]
    reason: StrEnum
    action: str
    note: str


def status_patch(old: JSON | None, new: JSON) -> JSON | None:
    """A merge patch body from the old status to the new, ``None`` when they are equal.

    What is no longer there must be set to null: left out, it would stay.
    """
    before = old or {}
    changed = {key: value for key, value in new.items() if before.get(key) != value}
    removed = {key: None for key in before if key not in new}
    body = {**changed, **removed}
    return {"status": body} if body else None


def is_ignored(obj: JSON) -> bool:
    """Paused by its annotation, by exactly this text, as in the Go operator."""
    annotations = obj["metadata"].get("annotations") or {}
    return bool(annotations.get(IGNORED_ANNOTATION) == "true")
