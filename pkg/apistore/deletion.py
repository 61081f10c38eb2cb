"""delete: preconditions, grace, finalizers, and what is left to the garbage collector."""

from __future__ import annotations

from datetime import timedelta

from druid_operator.pkg.apistore.backend import Backend
from druid_operator.pkg.apistore.body import to_storage, view, view_of
from druid_operator.pkg.apistore.history import Stored
from druid_operator.pkg.apistore.options import Deleted, DeleteOptions
from druid_operator.pkg.apistore.resources import Served
from druid_operator.pkg.apistore.status_errors import conflict, not_found
from druid_operator.pkg.clock import rfc3339
from druid_operator.pkg.meta import JSON, NamespacedName

FOREGROUND = "foregroundDeletion"
ORPHAN = "orphan"


def delete(
    backend: Backend, served: Served, key: NamespacedName, options: DeleteOptions
) -> Deleted:
    """Remove the object, or mark it for removal if finalizers or grace hold it.

    Raises ``NotFound``, and ``Conflict`` if a precondition does not hold. Deleting an object that
    is already marked changes nothing, except that a shorter grace replaces a longer one.
    """
    stored = backend.find(served, key)
    if stored is None:
        raise not_found(served.resource, key.name)
    _check_preconditions(served, stored, options)
    obj = view_of(served, stored)
    finalizers = _finalizers(obj, options)
    grace = _grace(backend, served, obj, options)
    if not finalizers and not grace and not _namespace_content(served, obj):
        if not options.dry_run:
            obj = view(served, delete_now(backend, served, stored).copy())
        return Deleted(obj, gone=True)
    changed = _mark(backend, served, obj, finalizers, grace)
    if changed and not options.dry_run:
        saved = backend.storage.put(served.bucket, key, to_storage(served, obj))
        obj = view_of(served, saved)
    return Deleted(obj, gone=False)


def _check_preconditions(served: Served, stored: Stored, options: DeleteOptions) -> None:
    uid, version = stored.obj["metadata"]["uid"], str(stored.version)
    if options.uid and options.uid != uid:
        reason = (
            f"the UID in the precondition ({options.uid}) does not match the UID in record "
            f"({uid}). The object might have been deleted and then recreated"
        )
        raise conflict(served.resource, stored.key.name, reason, kind=True)
    if options.resource_version and options.resource_version != version:
        reason = (
            f"the ResourceVersion in the precondition ({options.resource_version}) does not match "
            f"the ResourceVersion in record ({version}). The object might have been modified"
        )
        raise conflict(served.resource, stored.key.name, reason, kind=True)


def _finalizers(obj: JSON, options: DeleteOptions) -> list[str]:
    """The finalizers after this delete; propagation is asked for by one of two."""
    finalizers: list[str] = list(obj["metadata"].get("finalizers") or ())
    if options.propagation is None:
        return finalizers
    finalizers = [f for f in finalizers if f not in (FOREGROUND, ORPHAN)]
    if options.propagation == "Foreground":
        finalizers.append(FOREGROUND)
    elif options.propagation == "Orphan":
        finalizers.append(ORPHAN)
    return finalizers


def _grace(backend: Backend, served: Served, obj: JSON, options: DeleteOptions) -> int:
    """Seconds until the object goes. Only pods have grace, and only those that a node runs."""
    if served.resource.kind != "Pod" or served.resource.group:
        return 0
    if not backend.graceful_pods or not obj["spec"].get("nodeName"):
        return 0
    if obj["status"].get("phase") in ("Succeeded", "Failed"):
        return 0
    if options.grace is not None:
        return options.grace
    return int(obj["spec"].get("terminationGracePeriodSeconds", 30))


def _namespace_content(served: Served, obj: JSON) -> bool:
    return served.resource.kind == "Namespace" and bool(obj["spec"].get("finalizers"))


def _mark(backend: Backend, served: Served, obj: JSON, finalizers: list[str], grace: int) -> bool:
    """Write the deletion into the object; returns whether that changed it."""
    metadata = obj["metadata"]
    changed = finalizers != list(metadata.get("finalizers") or ())
    if finalizers:
        metadata["finalizers"] = finalizers
    else:
        metadata.pop("finalizers", None)
    namespace = _namespace_content(served, obj)
    if "deletionTimestamp" in metadata:
        if grace >= metadata.get("deletionGracePeriodSeconds", 0):
            return changed
    elif metadata.get("generation"):
        metadata["generation"] += 1
    moment = backend.clock.now() + timedelta(seconds=grace)
    metadata["deletionTimestamp"] = rfc3339(moment)
    if namespace:
        obj["status"]["phase"] = "Terminating"
    else:
        metadata["deletionGracePeriodSeconds"] = grace
    return True


def may_be_removed(obj: JSON) -> bool:
    """Marked for deletion, and nothing holds it any more."""
    metadata = obj["metadata"]
    return (
        "deletionTimestamp" in metadata
        and not metadata.get("finalizers")
        and not metadata.get("deletionGracePeriodSeconds")
        and not (obj.get("kind") == "Namespace" and obj["spec"].get("finalizers"))
    )


def delete_now(backend: Backend, served: Served, stored: Stored) -> Stored:
    """Remove the object from storage whatever holds it."""
    return backend.storage.remove(served.bucket, stored)
