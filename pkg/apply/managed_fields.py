"""Ownership of fields: what other writes left behind becomes part of what we apply.

Server-side apply removes a field that its manager stops sending, but only if nobody else owns it.
A PUT or a POST is recorded under the operation ``Update``, which to the server is another owner,
even under our own name: such fields would linger for ever. So before an object is applied, the
``Update`` entries of our own and of our predecessors are folded into our ``Apply`` entry.

A yielded field goes the other way: dropped by its only owner it falls back to the server's default
(``spec.replicas`` to 1), so it stays with, or moves to, an ``Update`` entry until its new writer
takes it.

Source: the idea is client-go's ``util/csaupgrade``; the format is KEP-555's ``FieldsV1``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from druid_operator.pkg.apply.child import FieldPath
from druid_operator.pkg.meta import JSON

#: In ``FieldsV1`` a node without children, or with this child, is itself a member of the set.
_SELF = "."


def fold(
    entries: Sequence[JSON],
    *,
    manager: str,
    predecessors: Collection[str] = (),
    api_version: str,
    yielded: Iterable[FieldPath] = (),
) -> list[JSON] | None:
    """Make what ``manager`` and its predecessors wrote the property of its ``Apply`` entry.

    Args:
        entries: ``metadata.managedFields`` as read from the server (caches strip them).
        manager: our field manager.
        predecessors: managers whose ``Update`` entries become ours.
        api_version: of the object as we send it. An ``Update`` entry of another version is dropped:
            its paths cannot be told in this one.
        yielded: fields that must not be ours.

    Returns:
        The whole new list, to be patched together with the ``resourceVersion`` it was computed
        from; ``None`` when nothing has to change.
    """
    writers = {manager, *predecessors}
    owned: JSON = {}
    left: JSON = {}
    times: list[str] = []
    others: list[JSON] = []
    for entry in entries:
        if not _is_folded(entry, manager, writers, api_version):
            others.append(entry)
            continue
        times.append(str(entry.get("time", "")))
        if entry.get("apiVersion") != api_version:
            continue
        kept: JSON = entry.get("fieldsV1") or {}
        for path in yielded:
            kept, taken = _split(kept, tuple(f"f:{name}" for name in path))
            left = _union(left, taken)
        owned = _union(owned, kept)
    new = list(others)
    for operation, fields in (("Apply", owned), ("Update", left)):
        if fields:
            new.append(_entry(manager, operation, api_version, fields, max(times)))
    return None if _normal(new) == _normal(entries) else new


def has_update_of(entries: Iterable[JSON], managers: Collection[str]) -> bool:
    """Whether one of ``managers`` wrote the object, not a subresource, other than by apply."""
    return any(
        entry.get("manager") in managers
        and entry.get("operation") == "Update"
        and not entry.get("subresource")
        for entry in entries
    )


def keys_written_by(
    entries: Iterable[JSON], managers: Collection[str], path: FieldPath
) -> frozenset[str]:
    """Keys of the map at ``path`` (labels, annotations) that one of ``managers`` owns."""
    keys: set[str] = set()
    for entry in entries:
        node: Any = entry.get("fieldsV1") or {}
        if entry.get("manager") not in managers or entry.get("subresource"):
            continue
        for name in path:
            node = node.get(f"f:{name}") or {}
        keys.update(key.removeprefix("f:") for key in node if key != _SELF)
    return frozenset(keys)


def _is_folded(entry: JSON, manager: str, writers: Collection[str], api_version: str) -> bool:
    if entry.get("subresource"):
        return False
    if entry.get("operation") == "Update":
        return entry.get("manager") in writers
    # An Apply entry of another version stays: the server converts it when we apply.
    return entry.get("manager") == manager and entry.get("apiVersion") == api_version


def _entry(manager: str, operation: str, api_version: str, fields: JSON, time: str) -> JSON:
    entry: JSON = {
        "manager": manager,
        "operation": operation,
        "apiVersion": api_version,
        "fieldsType": "FieldsV1",
        "fieldsV1": fields,
    }
    return {**entry, "time": time} if time else entry


def _normal(entries: Iterable[JSON]) -> list[tuple[Any, ...]]:
    """Comparable: neither the order of the entries nor their times mean anything."""
    return sorted(
        (
            (
                str(e.get("manager")), str(e.get("operation")), str(e.get("subresource") or ""),
                str(e.get("apiVersion")), e.get("fieldsV1") or {},
            )
            for e in entries
        ),
        key=lambda entry: entry[:4],
    )  # fmt: skip


def _union(one: Mapping[str, Any], other: Mapping[str, Any]) -> JSON:
    result = dict(one)
    for name, node in other.items():
        mine = result.get(name)
        if not mine and not node:
            result[name] = {}
        elif mine is None:
            result[name] = node
        else:
            # A leaf is a member of the set; beside children it has to say so.
            result[name] = _union(mine or {_SELF: {}}, node or {_SELF: {}})
    return result


def _split(fields: Mapping[str, Any], path: Sequence[str]) -> tuple[JSON, JSON]:
    """``fields`` without the node at ``path``, and that node alone (under its path)."""
    name, *rest = path
    if name not in fields:
        return dict(fields), {}
    without = {k: v for k, v in fields.items() if k != name}
    if not rest:
        return without, {name: fields[name]}
    inner, taken = _split(fields[name], rest)
    if not taken:
        return dict(fields), {}
    # A parent that lost its last child must go: an empty node would claim the parent itself.
    return ({**without, name: inner} if inner else without), {name: taken}
