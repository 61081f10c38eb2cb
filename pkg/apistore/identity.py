"""What an object says it is must be what the request is about: kind, version, name, namespace."""

from __future__ import annotations

import json

from druid_operator.pkg.apistore.resources import Served
from druid_operator.pkg.apistore.status_errors import cannot_decode, invalid
from druid_operator.pkg.errors import APIError, BadRequest, FieldError
from druid_operator.pkg.meta import JSON, GroupVersionKind, NamespacedName


def check_identity(served: Served, obj: JSON) -> None:
    """``apiVersion`` and ``kind`` must be those of the URL; built-in kinds may leave them out.

    Raises ``BadRequest``, and ``Invalid`` for custom kinds.
    """
    resource = served.resource
    if served.custom is None:
        obj.setdefault("kind", resource.kind)
        obj.setdefault("apiVersion", resource.api_version)
    elif not obj.get("kind"):
        text = json.dumps(obj)
        raise BadRequest(
            f"the object provided is unrecognized (must be of type {resource.kind}): Object 'Kind' "
            f"is missing in '{text}' ({text[:30]} ...)"
        )
    sent = GroupVersionKind.from_api_version(obj.get("apiVersion") or "", obj["kind"])
    if sent != resource.gvk:
        builtin = served.custom is None
        raise _wrong_builtin(served, sent) if builtin else _wrong_custom(served, obj)


def _wrong_builtin(served: Served, sent: GroupVersionKind) -> APIError:
    resource = served.resource
    if sent.api_version not in ("", resource.api_version):
        problem = (
            f'no kind "{sent.kind}" is registered for version "{sent.api_version}" in scheme '
            '"pkg/runtime/scheme.go:111"'
        )
    else:
        problem = (
            f"converting ({sent.version}.{sent.kind}) to (core.{resource.kind}): unknown conversion"
        )
    return cannot_decode(resource, sent.kind, sent.version or resource.gvk.version, problem)


def _wrong_custom(served: Served, obj: JSON) -> APIError:
    resource = served.resource
    errors = [
        FieldError(
            field, f'Invalid value: "{obj.get(field)}": must be {wanted}', "FieldValueInvalid"
        )
        for field, wanted in (("kind", resource.kind), ("apiVersion", resource.api_version))
        if obj.get(field) != wanted
    ]
    name = (obj.get("metadata") or {}).get("name", "")
    return invalid(obj["kind"], resource.group, name, errors)


def check_name(served: Served, metadata: JSON, key: NamespacedName) -> None:
    """The body must name the object of the URL."""
    name = metadata.get("name")
    if not name:
        raise BadRequest(
            f"the name of the object ({key.name} based on URL) was undeterminable: name must be "
            "provided"
        )
    if name != key.name:
        raise BadRequest(
            f"the name of the object ({name}) does not match the name on the URL ({key.name})"
        )
    set_namespace(served, metadata, key.namespace)


def set_namespace(served: Served, metadata: JSON, namespace: str) -> None:
    """Raises ``BadRequest`` if the object lies in another namespace than the URL says."""
    if not served.resource.namespaced:
        metadata.pop("namespace", None)
        return
    if metadata.setdefault("namespace", namespace) != namespace:
        raise BadRequest(
            "the namespace of the provided object does not match the namespace sent on the request"
        )
