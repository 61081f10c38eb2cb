"""From the bytes of a request to the object it means, for built-in and custom kinds."""

from __future__ import annotations

import json
from typing import Any

import attrs

from druid_operator.pkg.apistore import event_versions
from druid_operator.pkg.apistore.decode import DecodeError, decode
from druid_operator.pkg.apistore.defaults import apply_defaults
from druid_operator.pkg.apistore.history import Stored
from druid_operator.pkg.apistore.identity import check_identity
from druid_operator.pkg.apistore.options import WriteOptions
from druid_operator.pkg.apistore.resources import Served
from druid_operator.pkg.apistore.status_errors import cannot_decode
from druid_operator.pkg.apistore.typeschema import object_meta
from druid_operator.pkg.errors import BadRequest
from druid_operator.pkg.meta import JSON
from druid_operator.pkg.schema import coerce


@attrs.frozen
class Decoded:
    """``warnings`` are sent in ``Warning`` headers."""

    obj: JSON
    warnings: tuple[str, ...] = ()


class StrictError(ValueError):
    """Unknown fields, and the client asked for that to be an error."""


def decode_object(served: Served, obj: JSON, options: WriteOptions) -> Decoded:
    """Drop what the kind does not know, write its defaults, bring values to their stored form.

    Raises:
        DecodeError: a value has the wrong type.
        StrictError: unknown fields, under ``fieldValidation=Strict``.
    """
    if served.custom is None:
        decoded, unknown = decode(obj, served.type)
        apply_defaults(served, decoded)
    else:
        metadata, in_metadata = decode(obj.get("metadata") or {}, object_meta())
        coerced = coerce(served.custom.schema, {**obj, "metadata": metadata})
        decoded = coerced.obj
        unknown = [f"metadata.{path}" for path in in_metadata] + list(coerced.dropped)
    if served.custom is None and (obj.get("metadata") or {}).get("managedFields") == []:
        # Empty means "clear them" and would be dropped as a zero value. Of a custom kind it means
        # nothing: there the server cannot tell an empty list from none.
        decoded["metadata"]["managedFields"] = []
    if unknown and options.field_validation == "Strict":
        problems = ", ".join(f'unknown field "{path}"' for path in unknown)
        raise StrictError(f"strict decoding error: {problems}")
    warnings: tuple[str, ...] = ()
    if options.field_validation == "Warn":
        warnings = tuple(f'unknown field "{path}"' for path in unknown)
    return Decoded(decoded, warnings)


def decode_request(served: Served, obj: JSON, options: WriteOptions) -> Decoded:
    """For POST and PUT. Raises ``BadRequest``."""
    check_identity(served, obj)
    try:
        return decode_object(served, obj, options)
    except (DecodeError, StrictError) as error:
        raise cannot_decode(
            served.resource, obj["kind"], served.resource.gvk.version, str(error)
        ) from None


def view(served: Served, obj: JSON) -> JSON:
    """A stored object in the version in which ``served`` shows it. ``obj`` may be changed."""
    if served.storage is not None:
        return event_versions.from_core(obj)
    obj["apiVersion"] = served.resource.api_version
    return obj


def view_of(served: Served, stored: Stored) -> JSON:
    return view(served, stored.copy())


def to_storage(served: Served, obj: JSON) -> JSON:
    return event_versions.to_core(obj) if served.storage is not None else obj


def parse_json(body: bytes, kind: str) -> Any:
    """Raises ``BadRequest`` in the server's words."""
    try:
        return json.loads(body)
    except ValueError:
        text = body.decode("utf-8", "replace")
        raise BadRequest(
            f"the object provided is unrecognized (must be of type {kind}): couldn't get "
            f"version/kind; json parse error: unexpected end of JSON input ({text[:100]})"
        ) from None
