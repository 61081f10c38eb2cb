"""The etcd of this server: one revision counter, one log per kind, and who owns whom."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from druid_operator.pkg.apistore.history import Event, EventType, Log, Stored
from druid_operator.pkg.errors import InternalError
from druid_operator.pkg.meta import JSON, NamespacedName


class Place(NamedTuple):
    """``bucket`` is (group, plural): all versions of a kind lie together."""

    bucket: tuple[str, str]
    key: NamespacedName


#: etcd's ``--max-request-bytes``.
MAX_OBJECT_BYTES = 1_572_864

#: Called after each commit with the event type, the bucket and the stored version.
Listener = Callable[[EventType, tuple[str, str], Stored], None]


class Storage:
    """Objects with versions. Knows nothing of kinds, validation or finalizers.

    Writes are synchronous and atomic: when :meth:`put` returns, every watch has its frame and every
    listener was called. Listeners may write; their events follow the one they are told of.
    """

    def __init__(self, history_limit: int = 20_000) -> None:
        # Real clusters never show revision 0 or 1 either: 0 means "any version" to a client.
        self.revision = 1
        self.compacted = 0
        self._history_limit = history_limit
        self._logs: dict[tuple[str, str], Log] = {}
        self._listeners: list[Listener] = []
        self._dependents: dict[str, dict[str, set[Place]]] = {}
        self._by_uid: dict[str, Place] = {}

    def log(self, bucket: tuple[str, str]) -> Log:
        log = self._logs.get(bucket)
        if log is None:
            log = self._logs[bucket] = Log(self._history_limit)
            log.compacted = self.compacted
        return log

    def buckets(self) -> list[tuple[str, str]]:
        return list(self._logs)

    def get(self, bucket: tuple[str, str], key: NamespacedName) -> Stored | None:
        log = self._logs.get(bucket)
        return log.objects.get(key) if log is not None else None

    def put(self, bucket: tuple[str, str], key: NamespacedName, obj: JSON) -> Stored:
        """Store a new version of the object, which gets the next revision.

        Raises ``InternalError`` for one above etcd's limit, as the real server does.
        """
        obj["metadata"]["resourceVersion"] = str(self.revision + 1)
        before = self.get(bucket, key)
        stored = Stored(key, obj, self.revision + 1)
        if len(stored.raw) > MAX_OBJECT_BYTES:
            raise InternalError("etcdserver: request is too large")
        self.revision += 1
        self._index(bucket, before, stored)
        self._commit(bucket, "MODIFIED" if before else "ADDED", stored, before)
        return stored

    def remove(self, bucket: tuple[str, str], stored: Stored) -> Stored:
        """Delete the object. What the watches see carries the revision of the deletion."""
        self.revision += 1
        last = stored.copy()
        last["metadata"]["resourceVersion"] = str(self.revision)
        gone = Stored(stored.key, last, self.revision)
        self._index(bucket, stored, None)
        self._commit(bucket, "DELETED", gone, stored)
        return gone

    def _commit(
        self, bucket: tuple[str, str], type_: EventType, stored: Stored, before: Stored | None
    ) -> None:
        self.log(bucket).record(Event(stored.version, type_, stored, before))
        for listener in tuple(self._listeners):
            listener(type_, bucket, stored)

    def compact(self, version: int | None = None) -> None:
        """Forget history up to ``version`` (default: all): older watches and pages get 410."""
        self.compacted = self.revision if version is None else version
        for log in self._logs.values():
            log.compact(self.compacted)

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def dependents(self, uid: str) -> list[Place]:
        """Objects with an owner reference to that uid, in a stable order."""
        by_namespace = self._dependents.get(uid, {})
        return sorted(place for places in by_namespace.values() for place in places)

    def holder(self, uid: str) -> Place | None:
        """Where the object with that uid lies, ``None`` when there is none (any more)."""
        return self._by_uid.get(uid)

    def dangling(self) -> list[Place]:
        """Objects that name an owner which is not there.

        An owner is looked for in the dependent's own namespace, or among cluster-scoped objects.
        """
        found: list[Place] = []
        for uid, by_namespace in self._dependents.items():
            holder = self._by_uid.get(uid)
            for namespace, places in by_namespace.items():
                if holder is None or holder.key.namespace not in ("", namespace):
                    found += places
        return sorted(found)

    def _index(self, bucket: tuple[str, str], before: Stored | None, now: Stored | None) -> None:
        if before is not None:
            place = Place(bucket, before.key)
            self._by_uid.pop(before.obj["metadata"]["uid"], None)
            for reference in before.obj["metadata"].get("ownerReferences") or ():
                self._forget(reference["uid"], place)
        if now is not None:
            place = Place(bucket, now.key)
            self._by_uid[now.obj["metadata"]["uid"]] = place
            for reference in now.obj["metadata"].get("ownerReferences") or ():
                by_namespace = self._dependents.setdefault(reference["uid"], {})
                by_namespace.setdefault(place.key.namespace, set()).add(place)

    def _forget(self, uid: str, place: Place) -> None:
        by_namespace = self._dependents.get(uid, {})
        places = by_namespace.get(place.key.namespace, set())
        places.discard(place)
        if not places:
            by_namespace.pop(place.key.namespace, None)
        if not by_namespace:
            self._dependents.pop(uid, None)
