"""POST: from what a client sent to the first stored version of an object."""

from __future__ import annotations

from druid_operator.pkg.apistore import managed_fields
from druid_operator.pkg.apistore.backend import Backend
from druid_operator.pkg.apistore.body import (
    Decoded,
    decode_request,
    to_storage,
    view_of,
)
from druid_operator.pkg.apistore.decode import empty
from druid_operator.pkg.apistore.identity import set_namespace
from druid_operator.pkg.apistore.managed_fields import ManagedFields, Write
from druid_operator.pkg.apistore.options import WriteOptions, Written
from druid_operator.pkg.apistore.resources import Served
from druid_operator.pkg.apistore.status_errors import (
    already_exists,
    forbidden,
    invalid,
    not_found,
)
from druid_operator.pkg.apistore.strategy import prepare_create
from druid_operator.pkg.apistore.validation import validate_create
from druid_operator.pkg.errors import APIError, FieldError, Invalid
from druid_operator.pkg.meta import JSON, NamespacedName
from druid_operator.pkg.scheme.builtin import NAMESPACE, SERVICE


def create(
    backend: Backend, served: Served, sent: JSON, namespace: str, options: WriteOptions
) -> Written:
    """POST. Raises ``BadRequest``, ``NotFound`` (namespace), ``AlreadyExists``, ``Invalid``."""
    decoded = decode_request(served, sent, options)
    metadata = decoded.obj["metadata"]
    if metadata.get("resourceVersion"):
        raise APIError(
            "resourceVersion should not be set on objects to be created", code=500, reason=""
        )
    set_namespace(served, metadata, namespace)
    write = write_of(backend, served, options, "")
    managed = managed_fields.live_or_sent({}, decoded.obj, subresource=False)
    metadata.pop("managedFields", None)
    managed = managed_fields.update(
        nothing_of(served), decoded.obj, served.type, managed, write, create=True
    )
    return store_new(backend, served, decoded, managed, options)


def nothing_of(served: Served) -> JSON:
    """An object of the kind with nothing set: what a new one is compared with."""
    identity = {"apiVersion": served.resource.api_version, "kind": served.resource.kind}
    return identity if served.custom is not None else {**empty(served.type), **identity}


def write_of(backend: Backend, served: Served, options: WriteOptions, subresource: str) -> Write:
    """Who writes what, for the managed fields."""
    return Write(
        manager=options.field_manager,
        api_version=served.resource.api_version,
        now=backend.now(),
        subresource=subresource,
        ignored=served.ignored(subresource),
    )


def store_new(
    backend: Backend,
    served: Served,
    decoded: Decoded,
    managed: ManagedFields,
    options: WriteOptions,
) -> Written:
    """Complete, validate and store a new object whose managers are known."""
    obj = decoded.obj
    metadata = obj["metadata"]
    _check_namespace(backend, served, metadata)
    if not metadata.get("name") and metadata.get("generateName"):
        metadata["name"] = metadata["generateName"][:58] + backend.new_suffix()
    for name in ("deletionTimestamp", "deletionGracePeriodSeconds", "selfLink"):
        metadata.pop(name, None)
    metadata["uid"] = backend.new_uid()
    metadata["creationTimestamp"] = backend.now()
    prepare_create(served, obj, backend.now())
    managed_fields.store(obj, managed)
    errors = validate_create(served, obj) or allocate(backend, served, obj, None)
    if errors:
        raise invalid_object(served, metadata.get("name", ""), errors)
    key = NamespacedName(metadata.get("namespace", ""), metadata["name"])
    if backend.find(served, key) is not None:
        raise already_exists(served.resource, key.name)
    if options.dry_run:
        return Written(obj, created=True, warnings=decoded.warnings)
    stored = backend.storage.put(served.bucket, key, to_storage(served, obj))
    return Written(view_of(served, stored), created=True, warnings=decoded.warnings)


def _check_namespace(backend: Backend, served: Served, metadata: JSON) -> None:
    if not served.resource.namespaced:
        return
    name = metadata["namespace"]
    namespace = backend.namespace(name)
    if namespace is None:
        raise not_found(NAMESPACE, name)
    if namespace["metadata"].get("deletionTimestamp"):
        cause = {
            "reason": "NamespaceTerminating",
            "message": f"namespace {name} is being terminated",
            "field": "metadata.namespace",
        }
        reason = f"unable to create new content in namespace {name} because it is being terminated"
        raise forbidden(served.resource, metadata.get("name", ""), reason, [cause])


def allocate(backend: Backend, served: Served, obj: JSON, before: JSON | None) -> list[FieldError]:
    """Addresses of a service, in place; the faults of those it asked for."""
    if served.resource != SERVICE:
        return []
    uid = obj["metadata"]["uid"]
    others = (
        stored.obj
        for stored in backend.storage.log(served.bucket).objects.values()
        if stored.obj["metadata"]["uid"] != uid
    )
    return backend.services.allocate(obj, before, others)


def invalid_object(served: Served, name: str, errors: list[FieldError]) -> Invalid:
    """The 422 for an object; both versions of events share the older one's name."""
    resource = served.storage or served.resource
    return invalid(resource.kind, resource.group, name, errors)
