"""Patch bodies: which kinds of patch a resource takes, and what they make of an object."""

from __future__ import annotations

from typing import Any

from druid_operator.pkg.apistore.json_patch import JSONPatchError, apply_json_patch
from druid_operator.pkg.apistore.merge_patch import apply_merge_patch
from druid_operator.pkg.apistore.resources import Served
from druid_operator.pkg.apistore.strategic_merge import apply_strategic_merge
from druid_operator.pkg.errors import BadRequest, Invalid, UnsupportedMediaType
from druid_operator.pkg.meta import JSON

MERGE_PATCH = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"
STRATEGIC_MERGE_PATCH = "application/strategic-merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"


def check_media_type(served: Served, media_type: str) -> None:
    """Raises ``UnsupportedMediaType``."""
    accepted = [JSON_PATCH, MERGE_PATCH, APPLY_PATCH]
    if media_type not in (*accepted, STRATEGIC_MERGE_PATCH):
        raise UnsupportedMediaType("415: Unsupported Media Type", details={})
    if media_type == STRATEGIC_MERGE_PATCH and served.custom is not None:
        raise UnsupportedMediaType(
            "the body of the request was in an unknown format - accepted media types include: "
            + ", ".join(accepted)
        )


def apply_patch(served: Served, live: JSON, media_type: str, body: Any) -> Any:
    """The patched document.

    Raises ``BadRequest`` for a body that is no patch, ``Invalid`` for a JSON patch that does not
    apply.
    """
    if media_type == JSON_PATCH:
        if not isinstance(body, list):
            raise BadRequest(
                f"error decoding patch: json: cannot unmarshal {_json_type(body)} into Go value of "
                "type []handlers.jsonPatchOp"
            )
        try:
            return apply_json_patch(live, body)
        except JSONPatchError:
            raise Invalid(
                "the server rejected our request due to an error in our request", details={}
            ) from None
    if not isinstance(body, dict):
        raise BadRequest(
            f"error decoding patch: json: cannot unmarshal {_json_type(body)} into Go value of "
            "type map[string]interface {}"
        )
    if media_type == STRATEGIC_MERGE_PATCH:
        return apply_strategic_merge(live, body, served.type)
    return apply_merge_patch(live, body)


def _json_type(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, str):
        return "string"
    if isinstance(value, list):
        return "array"
    return "object" if isinstance(value, dict) else "number"
