"""``metadata.managedFields``: who owns which field, and how a write changes that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import attrs

from druid_operator.pkg.apistore.fieldset import FieldSet, Path
from druid_operator.pkg.apistore.typed_compare import Comparison, compare
from druid_operator.pkg.apistore.typeschema import Type
from druid_operator.pkg.meta import JSON

#: The API server keeps at most ten Update entries; the oldest are merged into one of this name.
MAX_UPDATE_MANAGERS = 10
ANCIENT_CHANGES = "ancient-changes"
#: Who is said to own the fields of an object that had no entries when somebody first applied to it.
BEFORE_FIRST_APPLY = "before-first-apply"

#: Never owned by anybody: identity, and what the server itself writes.
_NEVER_OWNED = FieldSet.of(
    ("f:apiVersion",), ("f:kind",), ("f:metadata",),
    *(("f:metadata", f"f:{name}") for name in (
        "name", "namespace", "creationTimestamp", "selfLink", "uid", "clusterName", "generation",
        "managedFields", "resourceVersion",
    )),
)  # fmt: skip


class ManagerKey(NamedTuple):
    """What tells two entries apart. An applier has one entry whatever version it applied."""

    name: str
    operation: str
    api_version: str
    subresource: str

    @classmethod
    def applier(cls, name: str, subresource: str = "") -> ManagerKey:
        return cls(name, "Apply", "", subresource)

    @classmethod
    def updater(cls, name: str, api_version: str, subresource: str = "") -> ManagerKey:
        return cls(name, "Update", api_version, subresource)

    def describe(self) -> str:
        """As conflict messages name a manager."""
        text = f'"{self.name}"'
        if self.subresource:
            text += f' with subresource "{self.subresource}"'
        return f"{text} using {self.api_version}" if self.operation == "Update" else text


@attrs.frozen
class Entry:
    """``time`` is RFC 3339, empty when the entry was made by a write that changed nothing else."""

    fields: FieldSet
    api_version: str
    time: str = ""


class ManagedFields(dict[ManagerKey, Entry]):
    """Entries by manager."""

    @classmethod
    def decode(cls, entries: Sequence[Mapping[str, Any]]) -> ManagedFields:
        """Raises ``ValueError`` for an entry that the server would not have written."""
        made = cls()
        for entry in entries:
            operation = entry.get("operation", "")
            api_version = entry.get("apiVersion", "")
            if operation not in ("Apply", "Update"):
                raise ValueError("operation must be `Apply` or `Update`")
            if not api_version:
                raise ValueError("apiVersion must not be empty")
            if entry.get("fieldsType") != "FieldsV1":
                raise ValueError("fieldsType must be FieldsV1")
            key = ManagerKey(
                entry.get("manager", ""),
                operation,
                "" if operation == "Apply" else api_version,
                entry.get("subresource", ""),
            )
            fields = FieldSet.decode(entry.get("fieldsV1") or {})
            made[key] = Entry(fields, api_version, entry.get("time") or "")
        return made

    def encode(self) -> list[JSON]:
        """Applies before updates, older before newer, then by name."""

        def order(item: tuple[ManagerKey, Entry]) -> tuple[str, ...]:
            key, entry = item
            return key.operation, entry.time, key.name, entry.api_version, key.subresource

        encoded: list[JSON] = []
        for key, entry in sorted(self.items(), key=order):
            document: JSON = {
                "manager": key.name,
                "operation": key.operation,
                "apiVersion": entry.api_version,
                "time": entry.time,
                "fieldsType": "FieldsV1",
                "fieldsV1": entry.fields.encode(),
                "subresource": key.subresource,
            }
            encoded.append({name: value for name, value in document.items() if value != ""})
        return encoded

    def copy(self) -> ManagedFields:
        return ManagedFields(self)


def live_or_sent(live: JSON, sent: JSON, *, subresource: bool) -> ManagedFields:
    """The entries a PUT or PATCH starts from.

    Whoever writes the main resource may edit them: ``[]`` or ``[{}]`` clears, anything that decodes
    replaces. A client that knows nothing of them and sends none does not lose them.
    """
    if not subresource:
        entries = sent.get("metadata", {}).get("managedFields")
        if entries is not None and (not entries or entries == [{}]):
            return ManagedFields()
        if entries:
            try:
                return ManagedFields.decode(entries)
            except ValueError:
                pass
    return of_live(live)


def of_live(live: JSON) -> ManagedFields:
    try:
        return ManagedFields.decode(live.get("metadata", {}).get("managedFields") or ())
    except ValueError:
        return ManagedFields()


def store(obj: JSON, managed: ManagedFields) -> None:
    """Write the entries into ``obj``; an object without any has no such field."""
    entries = managed.encode()
    if entries:
        obj["metadata"]["managedFields"] = entries
    else:
        obj["metadata"].pop("managedFields", None)


@attrs.frozen
class Write:
    """Who writes, when, and to which part.

    Args:
        manager: the field manager's name.
        api_version: the version the object is written in.
        now: RFC 3339.
        subresource: empty for the main resource.
        ignored: fields that this write resets, which therefore nobody comes to own by it.
    """

    manager: str
    api_version: str
    now: str
    subresource: str = ""
    ignored: FieldSet = attrs.field(factory=FieldSet)


def update(
    live: JSON, new: JSON, type_: Type, managed: ManagedFields, write: Write, *, create: bool
) -> ManagedFields:
    """The entries after a POST, PUT or PATCH made ``new`` out of ``live``.

    An object that has no entries gets none from an update: somebody cleared them on purpose.
    """
    if not managed and not create:
        return managed
    return track(live, new, type_, managed, write)


def track(
    live: JSON, new: JSON, type_: Type, managed: ManagedFields, write: Write
) -> ManagedFields:
    comparison = compare(without_managed_fields(live), without_managed_fields(new), type_).without(
        write.ignored
    )
    changed = comparison.modified.union(comparison.added)
    left = yield_fields(managed, comparison)
    taken = strip(changed)
    if taken:
        key = ManagerKey.updater(write.manager, write.api_version, write.subresource)
        before = left.get(key)
        fields = taken if before is None else taken.union(before.fields)
        left[key] = Entry(fields, write.api_version, write.now)
    return _cap(left)


def yield_fields(
    managed: ManagedFields, comparison: Comparison, keep: ManagerKey | None = None
) -> ManagedFields:
    """Every manager but ``keep`` loses what was changed or removed."""
    lost = comparison.modified.union(comparison.added).union(comparison.removed)
    left = ManagedFields()
    for key, entry in managed.items():
        fields = entry.fields if key == keep else entry.fields.difference(lost)
        if fields:
            left[key] = attrs.evolve(entry, fields=fields)
    return left


def strip(fields: FieldSet) -> FieldSet:
    """Without the fields that nobody owns."""
    return fields.difference(_NEVER_OWNED)


def without_managed_fields(obj: JSON) -> JSON:
    metadata = obj.get("metadata")
    if not metadata or "managedFields" not in metadata:
        return obj
    return {**obj, "metadata": {k: v for k, v in metadata.items() if k != "managedFields"}}


def _cap(managed: ManagedFields) -> ManagedFields:
    updaters = sorted(
        (key for key in managed if key.operation == "Update"),
        key=lambda key: (managed[key].time, key),
    )
    first: dict[str, ManagerKey] = {}
    length = len(updaters)
    for key in updaters:
        if length <= MAX_UPDATE_MANAGERS:
            break
        entry = managed[key]
        if entry.api_version not in first:
            first[entry.api_version] = key
            continue
        bucket = ManagerKey.updater(ANCIENT_CHANGES, entry.api_version)
        if bucket not in managed:
            managed[bucket] = managed.pop(first[entry.api_version])
        merged = entry.fields.union(managed[bucket].fields)
        del managed[key]
        managed[bucket] = Entry(merged, entry.api_version, entry.time)
        length -= 1
    return managed


def conflict_paths(
    managed: ManagedFields, changed: FieldSet, writer: ManagerKey
) -> list[tuple[ManagerKey, Path]]:
    """Fields that ``changed`` takes from other managers, in the order messages list them."""
    found = []
    for key in sorted(managed):
        if key != writer:
            found += [(key, path) for path in managed[key].fields.intersection(changed).paths()]
    return found
