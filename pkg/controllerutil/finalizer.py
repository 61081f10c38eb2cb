"""Finalizers: names on an object that keep it, once deleted, until their owners have cleaned up.

The list is shared with other controllers. It is therefore written only as what *we* read plus or
minus our own name, and only under the version that we read: a write from a stale cache without that
check drops another's finalizer, and with it what that one was there to clean up.

All functions are pure; objects that are passed in are never changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from druid_operator.pkg.meta import JSON


def contains_finalizer(obj: Mapping[str, Any], name: str) -> bool:
    return name in _finalizers(obj)


def add_finalizer(obj: Mapping[str, Any], name: str) -> JSON:
    """A copy that has the finalizer, as the last one if it is new."""
    return _with(obj, _changed(_finalizers(obj), (name,), ()))


def remove_finalizer(obj: Mapping[str, Any], name: str) -> JSON:
    """A copy without the finalizer."""
    return _with(obj, _changed(_finalizers(obj), (), (name,)))


def finalizers_patch(
    obj: Mapping[str, Any], *, add: Iterable[str] = (), remove: Iterable[str] = ()
) -> JSON | None:
    """The merge-patch body for ``obj`` as it was read, or ``None`` when nothing is to change.

    It carries the object's resourceVersion, so the server answers ``Conflict`` when anybody has
    written since: read again and start over. Metadata alone is changed, so the generation stays.

    Raises:
        KeyError: ``obj`` has no resourceVersion: it was not read from a server.
    """
    before = _finalizers(obj)
    after = _changed(before, add, remove)
    if after == before:
        return None
    version = obj["metadata"]["resourceVersion"]
    return {"metadata": {"finalizers": after or None, "resourceVersion": version}}


def _finalizers(obj: Mapping[str, Any]) -> list[str]:
    return list(obj.get("metadata", {}).get("finalizers") or ())


def _changed(before: list[str], add: Iterable[str], remove: Iterable[str]) -> list[str]:
    gone = set(remove)
    return list(dict.fromkeys(name for name in (*before, *add) if name not in gone))


def _with(obj: Mapping[str, Any], finalizers: list[str]) -> JSON:
    metadata = {**obj.get("metadata", {}), "finalizers": finalizers}
    if not finalizers:
        del metadata["finalizers"]
    return {**obj, "metadata": metadata}
