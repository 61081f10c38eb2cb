"""What a reader sees of one informer: the store, its indexes, and own writes laid over both."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import attrs

from druid_operator.pkg.cache.overlay import Overlay
from druid_operator.pkg.cache.store import Store
from druid_operator.pkg.cache.stored_object import StoredObject
from druid_operator.pkg.errors import BadRequest
from druid_operator.pkg.meta import NamespacedName, Resource


@attrs.frozen(eq=False)
class View:
    """Reads only. An own write is found under the values that it has, not those it had."""

    resource: Resource
    store: Store
    overlay: Overlay

    def get(self, key: NamespacedName, *, overlay: bool) -> StoredObject | None:
        stored = self.store.get(key)
        return self.overlay.read(key, stored) if overlay else stored

    def list(self, fields: Mapping[str, str], *, overlay: bool) -> Iterator[StoredObject]:
        """Everything, or what is under all of these values of indexes.

        Raises ``BadRequest`` naming a field that has no index.
        """
        for field in fields:
            if field not in self.store.indexes:
                raise BadRequest(
                    f"{self.resource}: no index on {field!r}: a cached read by that field needs "
                    "one (Cache.add_index)"
                )

        def matches(obj: StoredObject) -> bool:
            return all(self.store.indexed(name, value, obj) for name, value in fields.items())

        if fields:
            first = next(iter(fields))
            hits = [obj for obj in self.store.by_index(first, fields[first]) if matches(obj)]
        else:
            hits = list(self.store)
        return self._merged(hits, matches, overlay=overlay)

    def by_index(self, name: str, value: str) -> Sequence[StoredObject]:
        """What is under that value. Raises ``KeyError`` when there is no such index."""
        hits = self.store.by_index(name, value)

        def matches(obj: StoredObject) -> bool:
            return self.store.indexed(name, value, obj)

        return list(self._merged(hits, matches, overlay=True))

    def _merged(
        self,
        hits: Sequence[StoredObject],
        matches: Callable[[StoredObject], bool],
        *,
        overlay: bool,
    ) -> Iterator[StoredObject]:
        """``hits`` of the store, with what own writes add to them and take from them."""
        if not overlay or not len(self.overlay):
            yield from hits
            return
        keys = {obj.key for obj in hits}
        for obj in hits:
            seen = self.overlay.read(obj.key, obj)
            if seen is not None and (seen is obj or matches(seen)):
                yield seen
        for key in self.overlay.own_keys():
            if key not in keys:
                seen = self.overlay.read(key, self.store.get(key))
                if seen is not None and matches(seen):
                    yield seen
