"""Patches: a body and its media type."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs
import orjson

#: Server-side apply takes YAML; JSON is a subset of it.
APPLY_MEDIA_TYPE = "application/apply-patch+yaml"


@attrs.frozen
class Patch:
    """A patch body and its media type. Build one with the functions below."""

    media_type: str
    body: bytes


def merge_patch(body: Mapping[str, Any]) -> Patch:
    """RFC 7386: ``null`` removes, lists are replaced whole."""
    return Patch("application/merge-patch+json", orjson.dumps(body))


def json_patch(operations: Sequence[Mapping[str, Any]]) -> Patch:
    """RFC 6902. A failing ``test`` operation is answered 422."""
    return Patch("application/json-patch+json", orjson.dumps(list(operations)))


def strategic_merge_patch(body: Mapping[str, Any]) -> Patch:
    """Kubernetes' own, for built-in kinds only."""
    return Patch("application/strategic-merge-patch+json", orjson.dumps(body))
