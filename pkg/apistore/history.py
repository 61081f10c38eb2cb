"""What happened, in order: one log per kind, from which watches are served and lists rebuilt."""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal

import attrs
import orjson

from druid_operator.pkg.meta import JSON, NamespacedName

EventType = Literal["ADDED", "MODIFIED", "DELETED"]
Matches = Callable[[JSON], bool]


class Stored:
    """One version of one object. ``obj`` is shared and never changed; others get a copy."""

    __slots__ = ("_item", "key", "obj", "raw", "version")

    def __init__(self, key: NamespacedName, obj: JSON, version: int) -> None:
        self.key = key
        self.obj = obj
        self.version = version
        self.raw: bytes = orjson.dumps(obj)
        self._item = b""

    @property
    def item(self) -> bytes:
        """As an item of a list of a built-in kind, which says what it is for all of them."""
        if not self._item:
            bare = {k: v for k, v in self.obj.items() if k not in ("apiVersion", "kind")}
            self._item = orjson.dumps(bare)
        return self._item

    def copy(self) -> JSON:
        decoded: JSON = orjson.loads(self.raw)
        return decoded


@attrs.frozen
class Event:
    """``before`` is what the object was: a selector may have matched it and no longer match."""

    version: int
    type: EventType
    stored: Stored
    before: Stored | None

    def seen_by(self, matches: Matches) -> EventType | None:
        """How a watch with that selector sees this event, ``None`` if not at all."""
        now = self.type != "DELETED" and matches(self.stored.obj)
        then = self.before is not None and matches(self.before.obj)
        if now:
            return "MODIFIED" if then else "ADDED"
        return "DELETED" if then else None


@attrs.frozen
class Frame:
    """One line of a watch. A bookmark's ``object`` has kind, apiVersion and version only."""

    type: Literal["ADDED", "MODIFIED", "DELETED", "BOOKMARK", "ERROR"]
    version: int
    raw: bytes
    object: JSON


class Watch:
    """A subscription to one kind. Frames queue here until the reader takes them.

    ``on_frame`` is called after each append, from within the write that caused it; it must only
    wake somebody.
    """

    def __init__(self, matches: Matches, namespace: str) -> None:
        self.matches = matches
        self.namespace = namespace
        self.frames: deque[Frame] = deque()
        self.on_frame: Callable[[], None] = lambda: None
        self.closed = False

    def offer(self, event: Event) -> None:
        if self.namespace and event.stored.key.namespace != self.namespace:
            return
        seen = event.seen_by(self.matches)
        if seen is None:
            return
        stored = event.stored
        if seen == "DELETED" and event.type != "DELETED" and event.before is not None:
            # It left the selector: shown as it was while it matched, at the version of its leaving.
            last = event.before.copy()
            last["metadata"]["resourceVersion"] = str(event.version)
            stored = Stored(stored.key, last, event.version)
        self.put(Frame(seen, event.version, stored.raw, stored.obj))

    def put(self, frame: Frame) -> None:
        self.frames.append(frame)
        self.on_frame()

    def close(self) -> None:
        self.closed = True
        self.on_frame()


class Log:
    """The objects of one kind, and the events that made them so.

    Invariant: replaying ``events`` on the objects at version ``compacted`` gives ``objects``.

    Args:
        limit: events kept; the oldest go first, as etcd compacts. Large enough by default that
            only a test that asks for it, or a watcher that slept for minutes, meets a 410.
    """

    def __init__(self, limit: int = 20_000) -> None:
        self.objects: dict[NamespacedName, Stored] = {}
        self.events: list[Event] = []
        self.compacted = 0
        self.watches: set[Watch] = set()
        self._limit = limit

    def record(self, event: Event) -> None:
        key = event.stored.key
        if event.type == "DELETED":
            self.objects.pop(key, None)
        else:
            self.objects[key] = event.stored
        self.events.append(event)
        if len(self.events) > self._limit:
            self.compact(self.events[self._limit // 10].version)
        for watch in tuple(self.watches):
            watch.offer(event)

    def compact(self, version: int) -> None:
        """Forget the events up to ``version``."""
        keep = bisect_right(self.events, version, key=lambda e: e.version)
        del self.events[:keep]
        self.compacted = max(self.compacted, version)

    def since(self, version: int) -> Iterator[Event]:
        start = bisect_right(self.events, version, key=lambda e: e.version)
        yield from self.events[start:]

    def at(self, version: int) -> Mapping[NamespacedName, Stored]:
        """The objects as they were at ``version``, which must not be compacted."""
        objects = dict(self.objects)
        for event in reversed(list(self.since(version))):
            if event.before is None:
                objects.pop(event.stored.key, None)
            else:
                objects[event.stored.key] = event.before
        return objects


def bookmark(api_version: str, kind: str, version: int, *, initial_end: bool = False) -> Frame:
    """A frame that says: everything up to ``version`` has been sent."""
    metadata: dict[str, Any] = {"resourceVersion": str(version)}
    if initial_end:
        metadata["annotations"] = {"k8s.io/initial-events-end": "true"}
    obj = {"kind": kind, "apiVersion": api_version, "metadata": metadata}
    return Frame("BOOKMARK", version, orjson.dumps(obj), obj)
