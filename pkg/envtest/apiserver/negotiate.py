"""Content negotiation: as what does the client want to see the answer."""

from __future__ import annotations

from typing import Literal

from druid_operator.pkg.errors import NotAcceptable

Form = Literal["object", "table", "metadata", "discovery"]

_AS: dict[str, Form] = {
    "Table": "table",
    "PartialObjectMetadata": "metadata",
    "PartialObjectMetadataList": "metadata",
    "APIGroupDiscoveryList": "discovery",
}


def wanted_form(accept: str) -> Form:
    """The first alternative of ``Accept`` that this server can serve: JSON in one of four forms.

    Raises ``NotAcceptable`` when there is none.
    """
    if not accept:
        return "object"
    for alternative in accept.split(","):
        media_type, *parameters = (part.strip() for part in alternative.split(";"))
        if media_type not in ("application/json", "application/*", "*/*"):
            continue
        given = dict(p.split("=", 1) for p in parameters if "=" in p)
        shape = given.get("as")
        if shape is None:
            return "object"
        version = given.get("v")
        if shape == "APIGroupDiscoveryList" and version == "v2":
            return "discovery"
        if shape in _AS and shape != "APIGroupDiscoveryList" and version == "v1":
            return _AS[shape]
    raise NotAcceptable(
        "406: Not Acceptable\n\nAvailable representations: application/json, "
        "application/json;stream=watch",
        details={},
    )
