"""List and watch one kind for ever: an explicit state machine that keeps a sink equal to the
server.

::

            +--------------------- expired, refused, anything else ----------------------+
            v                                                                             |
      [INITIAL] --streaming list--> sink.replace --+                                       |
          | not supported: remembered              |                                       |
          +--paged list--> sink.replace -----------+--> [WATCH] --events--> sink.apply ----+
                                                          ^  |
                                                          +--+ clean end, cut, silence, 429:
                                                               watch again from the last version

Guarantees: the sink sees every object that exists, in its newest state, within the time it takes to
notice a dead connection; a sink is replaced in one step or not at all; the version never goes back.

Not guaranteed: every intermediate state. Two quick updates may arrive as one.

Source: client-go tools/cache/reflector.go (states, errors, page size), KEP-3157 (streaming lists).
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence

import msgspec

from druid_operator.pkg.cache.backoff import Backoff
from druid_operator.pkg.cache.deadline import Deadline
from druid_operator.pkg.cache.pages import read_pages
from druid_operator.pkg.cache.sink import Sink
from druid_operator.pkg.cache.stored_object import StoredObject, decode
from druid_operator.pkg.cache.timing import ReflectorOptions
from druid_operator.pkg.client import Frame, ListWatch, NotConnected
from druid_operator.pkg.clock import Clock
from druid_operator.pkg.errors import (
    APIError,
    BadRequest,
    Expired,
    InternalError,
    Invalid,
    MethodNotAllowed,
    RequestNotSent,
    TooManyRequests,
)
from druid_operator.pkg.meta import Resource

#: What a balancer says while the servers behind it restart: as a refused connection, no reason to
#: list.
_GATEWAY_CODES = frozenset({502, 503, 504})
INITIAL_EVENTS_END = "k8s.io/initial-events-end"


class _Relist(Exception):
    """The watch cannot go on from the last version; ``reason`` says why, for metrics."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class _Silent(RequestNotSent):
    """Nothing came for longer than something must."""


class Reflector:
    """See the module's text. ``run`` ends only by cancellation.

    Args:
        resource: the kind.
        shape: decodes an object; whole and as it is by default. Bookmarks are no objects.
        source: lists and watches.
        sink: told of everything, synchronously.
        clock, sleep, rand: injected so that tests move time.
    """

    def __init__(
        self,
        resource: Resource,
        source: ListWatch,
        sink: Sink,
        *,
        clock: Clock,
        options: ReflectorOptions | None = None,
        shape: Callable[[bytes], StoredObject] | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        rand: Callable[[], float] = random.random,
    ) -> None:
        self._resource = resource
        self._decode = shape or (lambda data: decode(resource, data))
        self._source = source
        self._sink = sink
        self._clock = clock
        self._options = options or ReflectorOptions()
        self._sleep = sleep
        self._rand = rand
        self._backoff = Backoff(
            clock, base=self._options.backoff, cap=self._options.backoff_cap, rand=rand
        )
        self._last_version = ""
        self._version_unavailable = False
        self._streaming = self._options.streaming_lists
        self._replaced = 0
        self._replaced_at = float("-inf")
        self._why = ""  # the next list is needed
        self._ended = ""  # how the last watch did
        self.relists = 0
        self.watches = 0

    async def run(self) -> None:
        while True:
            try:
                await self._cycle()
            except _Relist as relist:
                self._why = relist.reason
                continue
            except (APIError, RequestNotSent, msgspec.MsgspecError) as error:
                self._why = "error"
                self._sink.failed(error)
                retry_after = getattr(error, "retry_after", None) or 0.0
                await self._sleep(self._backoff.next(retry_after))

    async def _cycle(self) -> None:
        """One stay in INITIAL and then in WATCH; leaves by an exception."""
        if self._replaced:
            self._sink.relisting(self._why)
        self._ended = ""
        if not (self._streaming and await self._stream_initial()):
            await self._list()
        while True:
            await self._watch_once()

    # --- INITIAL, streaming ---------------------------------------------------------------------

    async def _stream_initial(self) -> bool:
        """Streaming list, then the watch on the same connection. False: list in pages instead."""
        version = "" if self._version_unavailable else self._last_version
        replaced = self._replaced
        try:
            await self._watch_from(version, initial=True)
        except RequestNotSent as error:
            if self._replaced == replaced:
                raise
            await self._cut(error)  # the list was complete: only the watch behind it broke
        except Expired:
            self._version_unavailable = True
            await self._expired()
            raise _Relist("expired") from None
        except (BadRequest, Invalid, MethodNotAllowed):
            self._streaming = False  # a definite no: this server does not know it
            return False
        except InternalError as error:
            self._sink.failed(error)
            return False  # this once: what fails as a stream may still be had in pages
        except _StreamingUnsupported:
            self._streaming = False
            return False
        except APIError as error:
            if not error.version_too_large or self._version_unavailable:
                raise
            self._version_unavailable = True
            raise _Relist("version_too_large") from None
        self._ended = self._ended or "eof"
        return True

    # --- INITIAL, paged -------------------------------------------------------------------------

    async def _list(self) -> None:
        self.relists += 1
        version = "" if self._version_unavailable else self._last_version or "0"
        try:
            objects, new_version = await self._read(version)
        except Expired:
            if self._version_unavailable:
                raise
            self._version_unavailable = True
            raise _Relist("expired") from None
        except APIError as error:
            if not error.version_too_large or self._version_unavailable:
                raise
            self._version_unavailable = True
            raise _Relist("version_too_large") from None
        self._version_unavailable = False
        self._replace(objects, new_version)

    async def _read(self, version: str) -> tuple[list[StoredObject], str]:
        # A version other than "" and "0" is served page by page from etcd: take one piece instead.
        limit = self._options.page_size if version == "" else 0
        return await read_pages(self._source, version, limit, self._decode, self._sink.alive)

    def _replace(self, objects: Sequence[StoredObject], version: str) -> None:
        self._last_version = version
        self._replaced += 1
        self._replaced_at = self._clock.monotonic()
        self._sink.replace(objects, version)

    # --- WATCH ----------------------------------------------------------------------------------

    async def _watch_once(self) -> None:
        """One watch connection from the last version. Returns to be called again."""
        if self._ended:
            self._sink.restarting(self._ended)
        self._ended = "eof"
        started = self._clock.monotonic()
        try:
            frames = await self._watch_from(self._last_version, initial=False)
        except TooManyRequests as error:
            self._ended = "throttled"
            await self._sleep(self._backoff.next(error.retry_after or 0.0))
            return
        except Expired:
            await self._expired()
            raise _Relist("expired") from None
        except RequestNotSent as error:
            # Cut, silent or refused: the server's history is still there, a list is not needed. All
            # clients listing at once is what keeps a server down that has just come back.
            await self._cut(error)
            return
        except APIError as error:
            if error.code not in _GATEWAY_CODES:
                raise
            self._ended = "refused"
            self._sink.failed(error)
            await self._sleep(self._backoff.next(error.retry_after or 0.0))
            return
        if not frames and self._clock.monotonic() - started < self._options.short_watch:
            await self._sleep(self._backoff.next())

    async def _expired(self) -> None:
        """List again at once, but not in a busy loop of a server that forgets every version."""
        if self._clock.monotonic() - self._replaced_at < self._options.short_watch:
            await self._sleep(self._backoff.next())

    async def _cut(self, error: RequestNotSent) -> None:
        self._ended = {_Silent: "silent", NotConnected: "refused"}.get(type(error), "cut")
        self._sink.failed(error)
        await self._sleep(self._backoff.next())

    async def _watch_from(self, version: str, *, initial: bool) -> int:
        """Read one connection to its end; returns how many frames it had."""
        assert initial or version, "a watch from no version sends events in any order"
        self.watches += 1
        timeout = self._options.watch_timeout * (1 + self._rand())
        frames = 0
        pending: dict[tuple[str, str], StoredObject] | None = {} if initial else None
        deadline = Deadline(self._options, timeout, initial=initial)
        try:
            async with (
                deadline.scope(),
                self._source.watch(
                    resource_version=version,
                    send_initial_events=initial,
                    timeout_seconds=max(1, round(timeout)),
                ) as stream,
            ):
                async for frame in stream:
                    frames += 1
                    deadline.frame(frame)
                    self._sink.alive()
                    if pending is None:
                        self._apply(frame)
                    elif self._collect(frame, pending):
                        pending = None
                        deadline.initial_done()
        except TimeoutError:
            if pending is not None:
                raise _StreamingUnsupported from None
            raise _Silent("the watch went silent") from None
        if pending is not None:
            raise RequestNotSent("the streaming list ended before it was complete")
        return frames

    def _collect(self, frame: Frame, pending: dict[tuple[str, str], StoredObject]) -> bool:
        """Gather initial events aside; true when they are complete and the sink was replaced."""
        if frame.type == "BOOKMARK":
            obj = decode(self._resource, frame.object)
            if obj.meta.annotation(INITIAL_EVENTS_END) != "true":
                return False
            self._version_unavailable = False
            self._replace(tuple(pending.values()), obj.meta.resource_version)
            return True
        obj = self._decode(frame.object)
        if frame.type == "DELETED":
            pending.pop(obj.key, None)
        else:
            pending[obj.key] = obj
        return False

    def _apply(self, frame: Frame) -> None:
        # A bookmark has a version and nothing else, which is no object to be shaped.
        bare = frame.type not in ("ADDED", "MODIFIED", "DELETED")
        obj = decode(self._resource, frame.object) if bare else self._decode(frame.object)
        if frame.type in ("ADDED", "MODIFIED"):
            self._sink.upsert(obj)
        elif frame.type == "DELETED":
            self._sink.remove(obj)
        elif frame.type == "BOOKMARK":
            self._sink.bookmark(obj.meta.resource_version)
        else:
            return  # a type of event that does not exist yet
        self._last_version = obj.meta.resource_version


class _StreamingUnsupported(Exception):
    """The server ignores ``sendInitialEvents``: events came, but never the end of them."""
