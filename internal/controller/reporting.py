"""What both controllers tell the world in the same form: events, and the one write of a status."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

import attrs

from druid_operator.api.v1alpha1.keys import IGNORED_ANNOTATION
from druid_operator.pkg.client.merge_from import merge_diff
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

    What is no longer there is set to null, at any depth: left out it would stay, differ again in
    the next pass, and be written in each.
    """
    diff = merge_diff(old or {}, new)
    return {"status": diff} if diff else None


def is_ignored(obj: JSON) -> bool:
    """Paused by its annotation, by exactly this text, as in the Go operator."""
    annotations = obj["metadata"].get("annotations") or {}
    return bool(annotations.get(IGNORED_ANNOTATION) == "true")
