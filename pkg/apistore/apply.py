"""Server-side apply: a manager states its whole intent, the server works out what that changes."""

from __future__ import annotations

import json
from typing import Any

import attrs

from druid_operator.pkg.apistore import managed_fields
from druid_operator.pkg.apistore.fieldset import FieldSet, Path, format_path
from druid_operator.pkg.apistore.managed_fields import Entry, ManagedFields, ManagerKey, Write
from druid_operator.pkg.apistore.typed import equal, remove_items, to_field_set, validate
from druid_operator.pkg.apistore.typed_compare import compare
from druid_operator.pkg.apistore.typed_merge import merge
from druid_operator.pkg.apistore.typeschema import Type
from druid_operator.pkg.errors import APIError, BadRequest, Conflict
from druid_operator.pkg.meta import JSON

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


@attrs.frozen
class Applied:
    """``obj`` still carries the old ``managedFields``;

    ``changed`` is false when nothing else changed.
    """

    obj: JSON
    managed: ManagedFields
    changed: bool


def apply(
    live: JSON, config: JSON, type_: Type, write: Write, *, nothing: JSON, force: bool
) -> Applied:
    """Apply ``config`` to ``live``.

    ``nothing`` is an object of the kind with nothing set; it is also ``live`` when there is none.

    Raises:
        BadRequest: the configuration is of another version, or has ``managedFields``.
        APIError: 500, when it does not fit the schema (as the real server answers).
        Conflict: another manager owns a field that would change, and ``force`` is false.
    """
    if config.get("apiVersion") != write.api_version:
        raise BadRequest(
            "Incorrect version specified in apply patch. Specified patch version: "
            f"{config.get('apiVersion')}, expected: {write.api_version}"
        )
    if config.get("metadata", {}).get("managedFields") is not None:
        raise BadRequest("metadata.managedFields must be nil")
    _check_types(config, type_)
    managed = managed_fields.of_live(live)
    live = managed_fields.without_managed_fields(live)
    if not managed:
        before = attrs.evolve(write, manager=managed_fields.BEFORE_FIRST_APPLY)
        managed = managed_fields.track(nothing, live, type_, managed, before)
    try:
        return _apply(live, config, type_, managed, write, force=force)
    except _Conflicts as conflicts:
        # `kubectl apply --server-side` takes over what its own client-side apply left behind.
        own = _last_applied(live, type_) if write.manager == "kubectl" else FieldSet()
        left = [(key, path) for key, path in conflicts.found if path not in own]
        if left:
            raise conflict_error(left) from None
        return _apply(live, config, type_, managed, write, force=True)


class _Conflicts(Exception):  # carries them, is not itself an error
    def __init__(self, found: list[tuple[ManagerKey, Path]]) -> None:
        super().__init__()
        self.found = found


def _check_types(config: JSON, type_: Type) -> None:
    errors = validate(config, type_)
    if not errors:
        return
    meta = config.get("metadata", {})
    api_version, kind = config["apiVersion"], config["kind"]
    gvk = f"{api_version if '/' in api_version else '/' + api_version}, Kind={kind}"
    where = f"{meta.get('namespace', '')}/{meta.get('name', '')}; {gvk}"
    text = str(errors[0])
    if len(errors) > 1:
        text = "\n".join(["errors:", *(f"  {e}" for e in errors)])
    raise APIError(f"failed to create typed patch object ({where}): {text}", code=500, reason="")


def _apply(
    live: JSON, config: JSON, type_: Type, managed: ManagedFields, write: Write, *, force: bool
) -> Applied:
    key = ManagerKey.applier(write.manager, write.subresource)
    previous = managed.get(key)
    owned = to_field_set(config, type_).without(write.ignored)
    managed = managed.copy()
    managed[key] = Entry(owned, write.api_version, previous.time if previous else "")
    merged = merge(live, config, type_)
    if previous is not None and previous.fields:
        merged = _prune(merged, type_, managed, previous.fields)
    comparison = compare(live, merged, type_).without(write.ignored)
    changed = comparison.modified.union(comparison.added)
    if not force and (found := managed_fields.conflict_paths(managed, changed, key)):
        raise _Conflicts(found)
    managed = managed_fields.yield_fields(managed, comparison, keep=key)
    different = not equal(merged, live)
    kept = managed_fields.strip(owned)
    managed.pop(key, None)
    if kept:
        time = write.now if different else (previous.time if previous else "")
        managed[key] = Entry(kept, write.api_version, time)
    return Applied(merged if different else live, managed, different)


def _prune(merged: JSON, type_: Type, managed: ManagedFields, last: FieldSet) -> JSON:
    """Remove what this manager applied last time and not now, unless another manager owns it."""
    last = last.with_named_fields(type_)
    kept = remove_items(merged, last, type_)
    everything = to_field_set(merged, type_).with_named_fields(type_)
    owned = FieldSet()
    for entry in managed.values():
        owned = owned.union(entry.fields)
    owned = owned.with_named_fields(type_)
    # First give back what anybody owns, then what nobody owned: only our own leavings may go.
    kept_fields = to_field_set(kept, type_).with_named_fields(type_)
    kept = remove_items(merged, everything.difference(kept_fields.union(owned)), type_)
    kept_fields = to_field_set(kept, type_).with_named_fields(type_)
    doomed = everything.difference(kept_fields).intersection(last)
    pruned: Any = remove_items(merged, doomed, type_)
    return dict(pruned or {})


def _last_applied(live: JSON, type_: Type) -> FieldSet:
    """Fields that a client-side apply set and that still have its values."""
    text = (live.get("metadata", {}).get("annotations") or {}).get(LAST_APPLIED)
    if not text:
        return FieldSet()
    try:
        applied = json.loads(text)
    except ValueError:
        return FieldSet()
    if applied.get("apiVersion") != live.get("apiVersion") or validate(applied, type_):
        return FieldSet()
    difference = compare(applied, live, type_)
    return (
        to_field_set(applied, type_)
        .difference(difference.modified)
        .difference(difference.added)
        .difference(difference.removed)
    )


def conflict_error(found: list[tuple[ManagerKey, Path]]) -> Conflict:
    """The 409 that lists every conflict; its message groups them by manager."""
    causes = [
        {
            "reason": "FieldManagerConflict",
            "message": f"conflict with {key.describe()}",
            "field": format_path(path),
        }
        for key, path in found
    ]
    if len(found) == 1:
        key, path = found[0]
        message = (
            f"Apply failed with 1 conflict: conflict with {key.describe()}: {format_path(path)}"
        )
    else:
        lines: list[str] = []
        for key in dict.fromkeys(key for key, _ in found):
            lines.append(f"conflicts with {key.describe()}:")
            lines += [f"- {format_path(path)}" for owner, path in found if owner == key]
        message = f"Apply failed with {len(found)} conflicts: " + "\n".join(lines)
    return Conflict(message, details={"causes": causes})
