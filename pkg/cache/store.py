"""The local copy of one kind in one scope, with indexes.

Laws:
  * ``replace`` swaps everything in one step and says what changed, deletions first;
  * a key that comes back with another uid was deleted and created anew: two changes, not one update
    (a generation predicate would swallow the update, both generations can be 1);
  * ``version`` is the newest resource version seen by any means and never goes back;
  * an index function that raises leaves its object out of that index, and nothing else happens.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

import attrs

from druid_operator.pkg.cache.stored_object import StoredObject
from druid_operator.pkg.meta import NamespacedName
from druid_operator.pkg.meta.resource_version import newer

IndexFunction = Callable[[StoredObject], Iterable[str]]


@attrs.frozen
class Change:
    """What happened to one key.

    ``old`` is ``None`` for a new object, ``new`` is ``None`` for one that is gone.
    ``state_unknown`` says that the deletion was inferred from a list: ``old`` is then the last
    state known, not the last state. ``own_write`` says that ``new`` is the answer of a write of
    ours.
    """

    old: StoredObject | None
    new: StoredObject | None
    state_unknown: bool = False
    own_write: bool = False


class Store:
    """Synchronous: within one event loop that makes every method atomic.

    Args:
        on_index_error: told (index name, key, exception) when an index function raised.

    Attributes:
        version: the newest seen; empty before the first list.
        bytes: what the objects take, as JSON.
    """

    def __init__(
        self, on_index_error: Callable[[str, NamespacedName, Exception], None] | None = None
    ) -> None:
        self.version = ""
        self.bytes = 0
        self._objects: dict[NamespacedName, StoredObject] = {}
        self._functions: dict[str, IndexFunction] = {}
        # name -> value -> keys, in order of arrival (a dict keeps it, a set does not)
        self._indexes: dict[str, dict[str, dict[NamespacedName, None]]] = {}
        self._on_index_error = on_index_error or (lambda _name, _key, _error: None)

    def __len__(self) -> int:
        return len(self._objects)

    def __iter__(self) -> Iterator[StoredObject]:
        return iter(self._objects.values())

    def get(self, key: NamespacedName) -> StoredObject | None:
        return self._objects.get(key)

    def by_index(self, name: str, value: str) -> list[StoredObject]:
        """Raises ``KeyError`` naming the index when there is none of that name."""
        if name not in self._indexes:
            raise KeyError(f"no index named {name!r}")
        return [self._objects[key] for key in self._indexes[name].get(value, ())]

    @property
    def indexes(self) -> Collection[str]:
        """Their names."""
        return self._functions.keys()

    def indexed(self, name: str, value: str, obj: StoredObject) -> bool:
        """Whether the index has, or would have, ``obj`` under ``value``."""
        return value in self._values(name, obj)

    def add_index(self, name: str, function: IndexFunction) -> None:
        self._functions[name] = function
        self._indexes[name] = {}
        for obj in self._objects.values():
            self._index(name, obj)

    def advance(self, version: str) -> None:
        """A bookmark: everything up to ``version`` has been seen."""
        if not self.version or newer(version, self.version):
            self.version = version

    def upsert(self, obj: StoredObject) -> list[Change]:
        old = self._objects.get(obj.key)
        self._put(obj, old)
        self.advance(obj.meta.resource_version)
        return _changes(old, obj)

    def remove(self, obj: StoredObject) -> list[Change]:
        """A DELETED event. An unknown key is passed over: it was deleted before we knew it."""
        self.advance(obj.meta.resource_version)
        old = self._objects.get(obj.key)
        if old is None:
            return []
        self._drop(old)
        return [Change(obj, None)]

    def replace(self, objects: Mapping[NamespacedName, StoredObject], version: str) -> list[Change]:
        """Take over a complete list. Returns deletions, then updates, then additions."""
        gone: list[Change] = []
        updated: list[Change] = []
        added: list[Change] = []
        for key, old in list(self._objects.items()):
            if key not in objects:
                self._drop(old)
                gone.append(Change(old, None, state_unknown=True))
        for key, obj in objects.items():
            before = self._objects.get(key)
            self._put(obj, before)
            for change in _changes(before, obj):
                if change.old is None:
                    added.append(change)
                elif change.new is None:
                    gone.append(change)
                else:
                    updated.append(change)
        self.advance(version)
        return [*gone, *updated, *added]

    def _put(self, obj: StoredObject, old: StoredObject | None) -> None:
        if old is not None:
            self._forget(old)
        self._objects[obj.key] = obj
        self.bytes += len(obj.raw)
        for name in self._functions:
            self._index(name, obj)

    def _drop(self, obj: StoredObject) -> None:
        del self._objects[obj.key]
        self._forget(obj)

    def _forget(self, obj: StoredObject) -> None:
        self.bytes -= len(obj.raw)
        self._unindex(obj)

    def _values(self, name: str, obj: StoredObject) -> set[str]:
        try:
            return set(self._functions[name](obj))
        except Exception as error:  # noqa: BLE001 - user code; it must never end the informer
            self._on_index_error(name, obj.key, error)
            return set()

    def _index(self, name: str, obj: StoredObject) -> None:
        for value in sorted(self._values(name, obj)):
            self._indexes[name].setdefault(value, {})[obj.key] = None

    def _unindex(self, obj: StoredObject) -> None:
        for name, index in self._indexes.items():
            for value in self._values(name, obj):
                keys = index.get(value)
                if keys is not None:
                    keys.pop(obj.key, None)
                    if not keys:
                        del index[value]


def _changes(old: StoredObject | None, new: StoredObject) -> list[Change]:
    if old is not None and old.meta.uid != new.meta.uid:
        return [Change(old, None, state_unknown=True), Change(None, new)]
    return [Change(old, new)]
