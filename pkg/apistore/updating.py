"""PUT, PATCH and apply: from what a client sent to the next stored version of an object."""

from __future__ import annotations

from typing import Any

import attrs
import orjson

from druid_operator.pkg.apistore import managed_fields
from druid_operator.pkg.apistore.apply import apply as server_side_apply
from druid_operator.pkg.apistore.backend import Backend
from druid_operator.pkg.apistore.body import (
    Decoded,
    StrictError,
    decode_object,
    decode_request,
    to_storage,
    view_of,
)
from druid_operator.pkg.apistore.creation import (
    allocate,
    create,
    invalid_object,
    nothing_of,
    store_new,
    write_of,
)
from druid_operator.pkg.apistore.decode import DecodeError
from druid_operator.pkg.apistore.deletion import delete_now, may_be_removed
from druid_operator.pkg.apistore.history import Stored
from druid_operator.pkg.apistore.identity import check_name, set_namespace
from druid_operator.pkg.apistore.managed_fields import ManagedFields
from druid_operator.pkg.apistore.options import WriteOptions, Written
from druid_operator.pkg.apistore.resources import Served
from druid_operator.pkg.apistore.status_errors import (
    OBJECT_MODIFIED,
    conflict,
    invalid,
    invalid_patch,
    not_found,
)
from druid_operator.pkg.apistore.strategy import prepare_update
from druid_operator.pkg.apistore.typed import equal
from druid_operator.pkg.apistore.validation import validate_update
from druid_operator.pkg.errors import BadRequest, FieldError
from druid_operator.pkg.meta import JSON, NamespacedName
from druid_operator.pkg.schema import validate


def update(
    backend: Backend,
    served: Served,
    key: NamespacedName,
    sent: JSON,
    options: WriteOptions,
    subresource: str = "",
) -> Written:
    """PUT. Raises ``NotFound``, ``Conflict``, ``Invalid``, ``BadRequest``."""
    decoded = decode_request(served, sent, options)
    metadata = decoded.obj["metadata"]
    metadata.setdefault("name", key.name)
    check_name(served, metadata, key)
    stored = backend.find(served, key)
    if stored is None:
        if not served.create_on_update or subresource:
            raise not_found(served.resource, key.name)
        metadata.pop("resourceVersion", None)
        return create(backend, served, decoded.obj, key.namespace, options)
    uid = stored.obj["metadata"]["uid"]
    if metadata.setdefault("uid", uid) != uid:
        raise conflict(served.resource, key.name, _uid_precondition(served, key, metadata, uid))
    if not metadata.get("resourceVersion") and not served.unconditional:
        error = FieldError(
            "metadata.resourceVersion",
            "Invalid value: 0: must be specified for an update",
            "FieldValueInvalid",
        )
        raise invalid(served.resource.plural, served.resource.group, key.name, [error])
    return _replace(backend, served, stored, decoded, options, subresource)


def _uid_precondition(served: Served, key: NamespacedName, metadata: JSON, uid: str) -> str:
    group, plural = served.bucket
    prefix = f"/registry/{group}/{plural}" if group and "." in group else f"/registry/{plural}"
    where = f"{prefix}/{key.namespace}/{key.name}" if key.namespace else f"{prefix}/{key.name}"
    return (
        f"StorageError: invalid object, Code: 4, Key: {where}, ResourceVersion: 0, "
        f"AdditionalErrorMsg: Precondition failed: UID in precondition: {metadata['uid']}, "
        f"UID in object meta: {uid}"
    )


def patched(
    backend: Backend,
    served: Served,
    stored: Stored,
    document: Any,
    options: WriteOptions,
    subresource: str = "",
) -> Written:
    """Store what a merge, JSON or strategic merge patch made of the object.

    Raises ``Invalid`` if the result does not decode, and as :func:`update`.
    """
    try:
        if not isinstance(document, dict):
            raise DecodeError("json: cannot unmarshal into Go value")
        decoded = decode_object(served, document, options)
    except (DecodeError, StrictError) as error:
        raise invalid_patch(orjson.dumps(document).decode(), str(error)) from None
    check_name(served, decoded.obj["metadata"], stored.key)
    return _replace(backend, served, stored, decoded, options, subresource)


def _replace(
    backend: Backend,
    served: Served,
    stored: Stored,
    decoded: Decoded,
    options: WriteOptions,
    subresource: str,
) -> Written:
    live = view_of(served, stored)
    new = decoded.obj
    managed = managed_fields.live_or_sent(live, new, subresource=bool(subresource))
    new["metadata"].pop("managedFields", None)
    write = write_of(backend, served, options, subresource)
    managed = managed_fields.update(live, new, served.type, managed, write, create=False)
    return _finish(backend, served, stored, live, decoded, managed, options, subresource)


def apply(
    backend: Backend,
    served: Served,
    key: NamespacedName,
    config: JSON,
    options: WriteOptions,
    subresource: str = "",
) -> Written:
    """Server-side apply; creates the object if it is not there.

    Raises ``Conflict`` (fields of others; a uid that is not the live one), ``BadRequest``,
    ``Invalid``, ``NotFound`` (a missing namespace; a subresource of a missing object).
    """
    resource = served.resource
    if not config.get("kind") or not config.get("apiVersion"):
        raise BadRequest("invalid object type: /, Kind=")
    metadata = config.setdefault("metadata", {})
    metadata.setdefault("name", key.name)
    check_name(served, dict(metadata), key)
    stored = backend.find(served, key)
    if stored is None and subresource:
        raise not_found(resource, key.name)
    if stored is None and metadata.get("uid"):
        reason = (
            f"uid mismatch: the provided object specified uid {metadata['uid']}, and no existing "
            "object was found"
        )
        raise conflict(resource, key.name, reason)
    nothing = nothing_of(served)
    live = nothing if stored is None else view_of(served, stored)
    write = write_of(backend, served, options, subresource)
    applied = server_side_apply(
        live, config, served.type, write, nothing=nothing, force=options.force
    )
    _refuse_nulls(served, key, applied.obj)
    tolerant = attrs.evolve(options, field_validation="Ignore")
    try:
        decoded = decode_object(served, orjson.loads(orjson.dumps(applied.obj)), tolerant)
    except DecodeError as error:
        raise invalid_patch(orjson.dumps(applied.obj).decode(), str(error)) from None
    set_namespace(served, decoded.obj["metadata"], key.namespace)
    if stored is None:
        decoded.obj["metadata"].pop("resourceVersion", None)
        return store_new(backend, served, decoded, applied.managed, options)
    return _finish(backend, served, stored, live, decoded, applied.managed, options, subresource)


def _refuse_nulls(served: Served, key: NamespacedName, merged: JSON) -> None:
    """Pruning leaves null where a map became empty, which a custom kind's schema refuses.

    Elsewhere the server drops such nulls on reading; here, as there, they were not read.
    """
    if served.custom is None:
        return
    faults = [e for e in validate(served.custom.schema, merged) if e.message.endswith('"null"')]
    if faults:
        raise invalid_object(served, key.name, faults)


def _finish(
    backend: Backend,
    served: Served,
    stored: Stored,
    live: JSON,
    decoded: Decoded,
    managed: ManagedFields,
    options: WriteOptions,
    subresource: str,
) -> Written:
    new = decoded.obj
    key = stored.key
    version = new["metadata"].get("resourceVersion")
    if version and version != "0" and version != str(stored.version):
        raise conflict(served.resource, key.name, OBJECT_MODIFIED)
    managed_fields.store(new, managed)
    new = prepare_update(served, new, live, subresource)
    errors = validate_update(served, new, live, subresource)
    errors = errors or allocate(backend, served, new, live)
    if errors:
        raise invalid_object(served, key.name, errors)
    new["metadata"]["resourceVersion"] = str(stored.version)
    _keep_times(new, live)
    if options.dry_run or equal(new, live):
        return Written(new, warnings=decoded.warnings)
    if may_be_removed(new):
        # The last finalizer went: the object goes with it, and what is answered was never stored.
        delete_now(backend, served, stored)
        return Written(new, warnings=decoded.warnings)
    saved = backend.storage.put(served.bucket, key, to_storage(served, new))
    return Written(view_of(served, saved), warnings=decoded.warnings)


def _keep_times(new: JSON, live: JSON) -> None:
    """A write that changes nothing but the times of entries changes nothing."""
    entries = new["metadata"].get("managedFields")
    before = live["metadata"].get("managedFields")
    if not entries or not before or entries == before:
        return
    if _timeless(entries) != _timeless(before):
        return
    if equal({**new, "metadata": _bare(new)}, {**live, "metadata": _bare(live)}):
        new["metadata"]["managedFields"] = before


def _timeless(entries: list[JSON]) -> list[JSON]:
    bare = [{k: v for k, v in entry.items() if k != "time"} for entry in entries]
    return sorted(bare, key=lambda e: (e["operation"], e.get("manager", ""), e["apiVersion"],
                                       e.get("subresource", "")))  # fmt: skip


def _bare(obj: JSON) -> JSON:
    return {k: v for k, v in obj["metadata"].items() if k != "managedFields"}
