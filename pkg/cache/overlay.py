"""Read your own writes: answers of writes win over the store until the watch has caught up.

Without it a pass that follows a write within milliseconds sees the old object and repeats itself: a
second child, a status taken back. The overlay never blocks and needs no timeouts, unlike waiting
for the watch.

Laws, for one informer (whose stream delivers versions in order, so having seen one means having
seen all before it):
  * after a write, reads show its answer, or something newer;
  * a deletion hides exactly the uid that was deleted: a namesake created later shows through;
  * an entry leaves when the stream delivers its version or a newer one, or the deletion of its uid;
  * versions that do not compare leave at the next event for the key;
  * nothing stays longer than ``MAX_AGE_SECONDS``, counted, because a leak here would be a lie.

Not covered: writes of other clients, and collections deleted as a whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import attrs

from druid_operator.pkg.cache.stored_object import StoredObject
from druid_operator.pkg.clock import Clock
from druid_operator.pkg.meta import NamespacedName
from druid_operator.pkg.meta.resource_version import at_least, comparable, newer

#: The safety net. A watch that lags this far behind has been restarted by its idle deadline.
MAX_AGE_SECONDS = 60.0


@attrs.frozen
class _Entry:
    """``object`` is ``None`` for a tombstone. That hides the objects with ``uids``, and whatever
    had the name up to version ``hides_up_to``: the name may have been that of an object of ours
    which the watch has not shown yet.
    """

    object: StoredObject | None
    uids: frozenset[str]
    version: str
    written_at: float
    hides_up_to: str = ""

    def hides(self, stored: StoredObject) -> bool:
        return stored.meta.uid in self.uids or at_least(
            self.hides_up_to, stored.meta.resource_version
        )


class Overlay:
    """What we wrote and the watch has not shown yet.

    Args:
        clock: measures the age of entries.
        on_expired: called for each entry that the safety net had to remove.
    """

    def __init__(
        self, clock: Clock, on_expired: Callable[[NamespacedName], None] | None = None
    ) -> None:
        self._clock = clock
        self._entries: dict[NamespacedName, _Entry] = {}
        self._on_expired = on_expired or (lambda _key: None)

    def __len__(self) -> int:
        return len(self._entries)

    def wrote(self, obj: StoredObject, store_version: str) -> None:
        """A write was answered with ``obj``. Kept unless the watch is already past it."""
        version = obj.meta.resource_version
        old = self._entries.get(obj.key)
        # Answers may cross: that of a newer write, or of the deletion, can be here already.
        if old is not None and (
            old.hides(obj) if old.object is None else newer(old.version, version)
        ):
            return
        if comparable(store_version) and at_least(store_version, version):
            self._entries.pop(obj.key, None)
            return
        self._entries[obj.key] = _Entry(
            obj, frozenset((obj.meta.uid,)), version, self._clock.monotonic()
        )

    def deleted(self, key: NamespacedName, uid: str, store_version: str) -> None:
        """A delete was answered and nothing holds the object any more.

        It is taken for the deletion of an object that was read: one that we wrote under the same
        name, with another uid, came after it.
        """
        old = self._entries.get(key)
        uids, hides_up_to = frozenset((uid,)), ""
        if old is not None and old.object is not None:
            if uid not in old.uids:
                return
            hides_up_to = old.version
        elif old is not None:  # answers of two deletions may cross
            uids, hides_up_to = uids | old.uids, old.hides_up_to
        now = self._clock.monotonic()
        self._entries[key] = _Entry(None, uids, store_version, now, hides_up_to)

    def drop(self, key: NamespacedName) -> None:
        """Our write moved the object out of the informer's scope: the watch will say it is gone."""
        self._entries.pop(key, None)

    def observe(self, seen: StoredObject, *, deleted: bool = False) -> bool:
        """The stream delivered an event for an object. True when it is our own write's."""
        entry = self._entries.get(seen.key)
        if entry is None:
            return False
        version = seen.meta.resource_version
        if entry.object is None:
            # Only the deletion itself, or a namesake, ends a tombstone: an update that was made
            # before the deletion and arrives after it must not bring the object back.
            left = entry.uids - {seen.meta.uid} if deleted else entry.uids
            ended = not left if deleted else not entry.hides(seen)
            self._entries[seen.key] = attrs.evolve(entry, uids=left)
        else:
            ended = (
                (deleted and seen.meta.uid in entry.uids)
                or at_least(version, entry.version)
                or not (comparable(version) and comparable(entry.version))
            )
        if ended:
            del self._entries[seen.key]
        return entry.object is not None and not deleted and version == entry.version

    def advance(self, version: str) -> None:
        """The store as a whole has reached ``version``."""
        now = self._clock.monotonic()
        for key, entry in list(self._entries.items()):
            if entry.object is not None and at_least(version, entry.version):
                del self._entries[key]
            elif now - entry.written_at > MAX_AGE_SECONDS:
                self._expire(key, entry)

    def _expire(self, key: NamespacedName, entry: _Entry) -> None:
        del self._entries[key]
        if entry.object is not None:  # a tombstone of an object never seen has nothing to wait for
            self._on_expired(key)

    def read(self, key: NamespacedName, stored: StoredObject | None) -> StoredObject | None:
        """The newer of what the store has and what we wrote."""
        entry = self._entries.get(key)
        if entry is None:
            return stored
        if self._clock.monotonic() - entry.written_at > MAX_AGE_SECONDS:
            self._expire(key, entry)
            return stored
        if entry.object is None:
            return None if stored is not None and entry.hides(stored) else stored
        if stored is not None and newer(stored.meta.resource_version, entry.version):
            return stored
        return entry.object

    def pending(self, key: NamespacedName) -> set[tuple[NamespacedName, str]]:
        """Writes that the watch has not shown, with their versions: of one key; of its namespace
        when it has no name; of all when it has neither.
        """
        return {
            (own, entry.version)
            for own, entry in self._entries.items()
            if key.namespace in ("", own.namespace) and key.name in ("", own.name)
        }

    def own_keys(self) -> Iterator[NamespacedName]:
        """Keys with an entry; their objects may be missing from the store."""
        return iter(tuple(self._entries))
