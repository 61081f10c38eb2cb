"""What kube-controller-manager's garbage and namespace controllers do, as one synchronous step."""

from __future__ import annotations

from typing import Any

from druid_operator.pkg.apistore.backend import Backend
from druid_operator.pkg.apistore.body import to_storage, view_of
from druid_operator.pkg.apistore.deletion import (
    FOREGROUND,
    ORPHAN,
    delete,
    delete_now,
    may_be_removed,
)
from druid_operator.pkg.apistore.history import Stored
from druid_operator.pkg.apistore.options import DeleteOptions
from druid_operator.pkg.apistore.resources import Served
from druid_operator.pkg.apistore.storage import Place
from druid_operator.pkg.meta import JSON
from druid_operator.pkg.scheme.builtin import NAMESPACE

_NAMESPACES = (NAMESPACE.group, NAMESPACE.plural)


def collect(backend: Backend) -> int:
    """Run until nothing changes. Returns the number of objects deleted or released.

    Dependents of owners that are gone are deleted (or lose the dangling reference, while another
    owner lives); owners marked ``foregroundDeletion`` go after their dependents; ``orphan``
    releases them; namespaces being deleted lose their content, then themselves.
    """
    total = 0
    while True:
        done = _collect_dangling(backend) + _finish_marked(backend) + _empty_namespaces(backend)
        if not done:
            return total
        total += done


def _locate(backend: Backend, place: Place) -> tuple[Served, Stored] | None:
    served = backend.registry.in_bucket(place.bucket)
    stored = backend.storage.get(place.bucket, place.key)
    return None if served is None or stored is None else (served, stored)


def _absent(backend: Backend, dependent: Stored, reference: JSON) -> bool:
    """An owner is looked for by uid, in the dependent's namespace or in none."""
    place = backend.storage.holder(reference["uid"])
    if place is None:
        return True
    return bool(place.key.namespace) and place.key.namespace != dependent.key.namespace


def _collect_dangling(backend: Backend) -> int:
    done = 0
    for place in backend.storage.dangling():
        found = _locate(backend, place)
        if found is not None:
            done += _collect_one(backend, *found)
    return done


def _collect_one(backend: Backend, served: Served, stored: Stored) -> bool:
    references = stored.obj["metadata"].get("ownerReferences") or []
    alive = [r for r in references if not _absent(backend, stored, r)]
    if len(alive) == len(references):
        return False
    waiting = [r for r in alive if _is_deleting(backend, r)]
    if alive and len(waiting) < len(alive):
        _set_references(backend, served, stored, alive)
        return True
    return _delete(backend, served, stored, "Foreground" if waiting else "Background")


def _is_deleting(backend: Backend, reference: JSON) -> bool:
    place = backend.storage.holder(reference["uid"])
    owner = backend.storage.get(place.bucket, place.key) if place is not None else None
    return owner is not None and FOREGROUND in (owner.obj["metadata"].get("finalizers") or ())


def _delete(backend: Backend, served: Served, stored: Stored, propagation: Any) -> bool:
    """Returns whether that changed anything."""
    finalizers = stored.obj["metadata"].get("finalizers") or ()
    if "deletionTimestamp" in stored.obj["metadata"]:
        return False
    # An object that asked for a propagation of its own keeps it.
    if FOREGROUND in finalizers or ORPHAN in finalizers:
        propagation = None
    options = DeleteOptions(uid=stored.obj["metadata"]["uid"], propagation=propagation)
    delete(backend, served, stored.key, options)
    return True


def _set_references(
    backend: Backend, served: Served, stored: Stored, references: list[JSON]
) -> None:
    obj = view_of(served, stored)
    if references:
        obj["metadata"]["ownerReferences"] = references
    else:
        obj["metadata"].pop("ownerReferences", None)
    _save(backend, served, stored, obj)


def _save(backend: Backend, served: Served, stored: Stored, obj: JSON) -> None:
    if may_be_removed(obj):
        delete_now(backend, served, stored)
    else:
        backend.storage.put(served.bucket, stored.key, to_storage(served, obj))


def _finish_marked(backend: Backend) -> int:
    """Owners that wait for their dependents, in either sense."""
    done = 0
    for bucket in backend.storage.buckets():
        served = backend.registry.in_bucket(bucket)
        if served is None:
            continue
        for stored in list(backend.storage.log(bucket).objects.values()):
            metadata = stored.obj["metadata"]
            if "deletionTimestamp" not in metadata:
                continue
            finalizers = metadata.get("finalizers") or ()
            if ORPHAN in finalizers:
                done += _orphan(backend, served, stored)
            elif FOREGROUND in finalizers:
                done += _foreground(backend, served, stored)
    return done


def _orphan(backend: Backend, served: Served, owner: Stored) -> int:
    uid = owner.obj["metadata"]["uid"]
    for place in backend.storage.dependents(uid):
        found = _locate(backend, place)
        if found is not None:
            references = found[1].obj["metadata"].get("ownerReferences") or []
            _set_references(backend, *found, [r for r in references if r["uid"] != uid])
    _drop_finalizer(backend, served, owner, ORPHAN)
    return 1


def _foreground(backend: Backend, served: Served, owner: Stored) -> int:
    uid = owner.obj["metadata"]["uid"]
    done = 0
    blocking = False
    for place in backend.storage.dependents(uid):
        found = _locate(backend, place)
        if found is None:
            continue
        references = found[1].obj["metadata"].get("ownerReferences") or []
        if all(_absent(backend, found[1], r) or _is_deleting(backend, r) for r in references):
            done += _delete(backend, *found, "Foreground")
        blocking = blocking or (any(
            r["uid"] == uid and r.get("blockOwnerDeletion") for r in references
        ) and backend.storage.get(place.bucket, place.key) is not None)  # fmt: skip
    if not blocking:
        _drop_finalizer(backend, served, owner, FOREGROUND)
        done += 1
    return done


def _drop_finalizer(backend: Backend, served: Served, owner: Stored, finalizer: str) -> None:
    current = backend.find(served, owner.key)
    if current is None:
        return
    obj = view_of(served, current)
    left = [f for f in obj["metadata"].get("finalizers") or () if f != finalizer]
    if left:
        obj["metadata"]["finalizers"] = left
    else:
        obj["metadata"].pop("finalizers", None)
    _save(backend, served, current, obj)


def _empty_namespaces(backend: Backend) -> int:
    done = 0
    for stored in list(backend.storage.log(_NAMESPACES).objects.values()):
        if "deletionTimestamp" in stored.obj["metadata"]:
            done += _empty_namespace(backend, stored)
    return done


def _empty_namespace(backend: Backend, namespace: Stored) -> int:
    name = namespace.key.name
    done = left = 0
    for bucket in backend.storage.buckets():
        served = backend.registry.in_bucket(bucket)
        if served is None:
            continue
        for stored in list(backend.storage.log(bucket).objects.values()):
            if stored.key.namespace == name:
                done += _delete(backend, served, stored, "Background")
                left += backend.storage.get(bucket, stored.key) is not None
    if left:
        return done
    served = backend.registry.in_bucket(_NAMESPACES)
    current = backend.storage.get(_NAMESPACES, namespace.key)
    if served is None or current is None:
        return done
    obj = view_of(served, current)
    obj["spec"].pop("finalizers", None)
    _save(backend, served, current, obj)
    return done + 1
