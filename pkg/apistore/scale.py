"""The ``scale`` subresource: replicas of anything, in one shape."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from druid_operator.pkg.apistore import updating
from druid_operator.pkg.apistore.backend import Backend
from druid_operator.pkg.apistore.body import view_of
from druid_operator.pkg.apistore.options import WriteOptions, Written
from druid_operator.pkg.apistore.resources import ScalePaths, Served
from druid_operator.pkg.apistore.status_errors import OBJECT_MODIFIED, conflict, invalid, not_found
from druid_operator.pkg.errors import FieldError
from druid_operator.pkg.meta import JSON, NamespacedName


def _at(obj: JSON, path: tuple[str, ...]) -> Any:
    value: Any = obj
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _scale_of(served: Served, obj: JSON) -> JSON:
    paths = served.scale or ScalePaths()
    metadata = obj["metadata"]
    kept = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
    status: JSON = {"replicas": _at(obj, paths.status) or 0}
    selector = _at(obj, paths.selector) if paths.selector else None
    if isinstance(selector, dict):
        # Written out as a selector string, as an autoscaler wants it.
        labels = selector.get("matchLabels") or {}
        selector = ",".join(f"{name}={value}" for name, value in sorted(labels.items()))
    if selector:
        status["selector"] = selector
    replicas = _at(obj, paths.replicas)
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {name: metadata[name] for name in kept if name in metadata},
        "spec": {"replicas": replicas} if replicas else {},
        "status": status,
    }


def read(backend: Backend, served: Served, key: NamespacedName) -> JSON:
    """Raises ``NotFound``."""
    stored = backend.find(served, key)
    if stored is None:
        raise not_found(served.resource, key.name)
    return _scale_of(served, view_of(served, stored))


def write(
    backend: Backend,
    served: Served,
    key: NamespacedName,
    change: Callable[[JSON], Any],
    options: WriteOptions,
) -> Written:
    """Set the replicas to what ``change`` makes of the present scale."""
    stored = backend.find(served, key)
    if stored is None:
        raise not_found(served.resource, key.name)
    obj = view_of(served, stored)
    wanted = change(_scale_of(served, obj))
    version = (wanted.get("metadata") or {}).get("resourceVersion")
    if version and version != str(stored.version):
        raise conflict(served.resource, key.name, OBJECT_MODIFIED)
    replicas = (wanted.get("spec") or {}).get("replicas", 0)
    if not isinstance(replicas, int) or replicas < 0:
        message = f"Invalid value: {replicas}: must be greater than or equal to 0"
        error = FieldError("spec.replicas", message, "FieldValueInvalid")
        raise invalid("Scale", "autoscaling", key.name, [error])
    target = obj
    path = (served.scale or ScalePaths()).replicas
    for name in path[:-1]:
        target = target.setdefault(name, {})
    target[path[-1]] = replicas
    written = updating.patched(backend, served, stored, obj, options)
    return Written(_scale_of(served, written.obj), warnings=written.warnings)
