"""The queue between events and workers.

Laws, which hold after every call:

1. *Once.* A key is at most once in the queue, however often it is added.
2. *Never twice at once.* A key that ``get`` gave is not given again before its ``done``.
3. *Nothing lost.* A key added while it is being worked on is given once more after ``done``.
4. *Sooner wins.* Adding a key that is queued moves it only forward: to the higher of the two
   priorities and to the earlier of the two times, and "now" beats any delay. No timer fires for a
   key that has run by then for another reason.
5. *Order.* Among the keys that are due the higher priority goes first, then the one that came
   first. Strictly: low priorities starve while higher ones keep coming, but for ``age_after``.
6. *The end.* Once shut down the queue gives nothing more and drops what it holds. That is safe
   because a reconciler is level-based: the next start lists everything anew.

A consequence to know: an event that arrives *during* a failing pass makes the key due at once, so a
reconciler that writes its status on every failure defeats its own back-off.

Single-threaded by design: all calls come from one event loop, no method but ``get`` and
``shut_down`` awaits, and therefore there is no lock. One timer serves all waiting keys.
"""

from __future__ import annotations

import asyncio
import itertools
from collections import deque
from collections.abc import Callable
from enum import Enum, auto
from typing import Generic, Protocol

import attrs

from druid_operator.pkg.workqueue.interface import K, QueueShutDown
from druid_operator.pkg.workqueue.lazyheap import LazyHeap
from druid_operator.pkg.workqueue.metrics import NoMetrics, QueueMetrics
from druid_operator.pkg.workqueue.ratelimiter import ItemExponential, RateLimiter


class Timer(Protocol):
    def cancel(self) -> None: ...


class Timers(Protocol):
    """The two methods of an event loop that tell time; a test passes its own."""

    def time(self) -> float: ...

    def call_at(self, when: float, callback: Callable[[], None], /) -> Timer: ...


class _State(Enum):
    WAITING = auto()  # in the waiting heap until its time comes
    READY = auto()  # in the ready heap, to be given
    PARKED = auto()  # due, but its key is being worked on: in no heap, ``done`` moves it on
    GONE = auto()  # given, or replaced by a newer entry for its key


@attrs.define(eq=False)
class _Entry(Generic[K]):
    key: K
    priority: int
    counter: int  # arrival: the order among equals
    ready_at: float | None  # on the timers' clock; None is "now"
    due_since: float = 0.0
    state: _State = _State.GONE


class PriorityQueue(Generic[K]):
    """Keys by priority, then by arrival, each at its time.

    Args:
        rate_limiter: the delays of rate-limited adds; per key 5 ms to 1000 s by default.
        metrics: told of every add, get and done.
        timers: the running event loop by default.
        age_after: seconds after which a due key of negative priority counts as one of priority 0;
            by default never.
    """

    def __init__(
        self,
        *,
        rate_limiter: RateLimiter[K] | None = None,
        metrics: QueueMetrics | None = None,
        timers: Timers | None = None,
        age_after: float | None = None,
    ) -> None:
        self._age_after = age_after
        # Due keys of negative priority, the one that waits longest first; some are given by now.
        self._low: deque[_Entry[K]] = deque()
        self._limiter: RateLimiter[K] = rate_limiter or ItemExponential()
        self._metrics = metrics or NoMetrics()
        self._given_timers = timers
        self._counter = itertools.count()
        # Every queued key has exactly one entry, and every entry that is not GONE is in here.
        self._entries: dict[K, _Entry[K]] = {}
        self._ready: LazyHeap[_Entry[K]] = LazyHeap(lambda e: e.state is _State.READY)
        self._waiting: LazyHeap[_Entry[K]] = LazyHeap(lambda e: e.state is _State.WAITING)
        # Keys given and not done, with the time at which they were given.
        self._processing: dict[K, float] = {}
        self._getters: deque[asyncio.Future[None]] = deque()
        self._timer: Timer | None = None
        self._timer_at = 0.0
        self._closed = False
        self._drained = asyncio.Event()

    def add(
        self, key: K, /, *, priority: int = 0, after: float = 0.0, rate_limited: bool = False
    ) -> None:
        """Ask for a run of ``key``. Ignored once the queue is shut down.

        Args:
            key: what to run.
            priority: higher goes first.
            after: the earliest time, seconds from now.
            rate_limited: take the limiter's delay, or ``after`` where that is given and shorter.
        """
        if self._closed:
            return
        if rate_limited:
            delay = self._limiter.when(key)
            after = min(delay, after) if after > 0 else delay
            self._metrics.retried()
        ready_at = self._timers.time() + after if after > 0 else None
        old = self._entries.get(key)
        counter = None
        if old is not None:
            if old.ready_at is None or ready_at is None:
                ready_at = None
            else:
                ready_at = min(ready_at, old.ready_at)
            if priority <= old.priority:
                if ready_at == old.ready_at:
                    return
                priority, counter = old.priority, old.counter
            self._retire(old)
        entry = _Entry(key, priority, next(self._counter) if counter is None else counter, ready_at)
        self._entries[key] = entry
        if ready_at is None:
            replaced_due = old is not None and old.ready_at is None
            self._make_due(entry, since=old.due_since if old and replaced_due else None)
        else:
            entry.state = _State.WAITING
            self._waiting.push((ready_at, entry.counter), entry)
            self._arm()

    async def get(self) -> tuple[K, int]:
        """Wait for a key that is due, take it, and return it with its priority.

        Raises:
            QueueShutDown: the queue is closed.
        """
        while not self._closed:
            self._promote_aged()
            entry = self._ready.pop()
            if entry is not None:
                self._take(entry)
                return entry.key, entry.priority
            getter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._getters.append(getter)
            try:
                await getter
            except asyncio.CancelledError:
                # Woken and cancelled in the same turn: the wake-up belongs to the next one, or the
                # key it was for waits until some other event wakes somebody.
                if not getter.cancelled():
                    self._wake_one()
                elif getter in self._getters:
                    self._getters.remove(getter)
                raise
        raise QueueShutDown("the work queue is shut down")

    def done(self, key: K, /) -> None:
        """The run of ``key`` has ended; if it was added meanwhile it is due again."""
        started = self._processing.pop(key, None)
        if started is None:
            return
        self._metrics.finished(self._timers.time() - started)
        entry = self._entries.get(key)
        if entry is not None and entry.state is _State.PARKED:
            self._offer(entry)
        if self._closed and not self._processing:
            self._drained.set()

    def forget(self, key: K, /) -> None:
        """Reset the back-off of ``key``. It stays queued if it is."""
        self._limiter.forget(key)

    def retries(self, key: K, /) -> int:
        """Rate-limited adds of ``key`` since it was last forgotten."""
        return self._limiter.retries(key)

    async def shut_down(self, *, drain: bool = True) -> None:
        """Close the queue: drop what it holds and let every ``get`` raise ``QueueShutDown``.

        With ``drain`` return only when every key that was given is done; a second call without it
        releases the first.
        """
        if not self._closed:
            self._closed = True
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            for entry in self._entries.values():
                if entry.ready_at is None:
                    self._metrics.left(entry.priority)
                entry.state = _State.GONE
            self._entries.clear()
            self._ready.clear()
            self._waiting.clear()
            while self._getters:
                self._wake_one()
        if not drain or not self._processing:
            self._drained.set()
        await self._drained.wait()

    @property
    def shutting_down(self) -> bool:
        return self._closed

    @property
    def waiting(self) -> int:
        """How many keys are queued for a later time."""
        return len(self._waiting)

    @property
    def processing(self) -> dict[K, float]:
        """The keys that are being worked on, each with the seconds since it was given."""
        if not self._processing:
            return {}
        now = self._timers.time()
        return {key: now - started for key, started in self._processing.items()}

    def __len__(self) -> int:
        """How many keys are due and not yet given."""
        return len(self._entries) - len(self._waiting)

    @property
    def _timers(self) -> Timers:
        # Looked up on use: a controller, and its queue, may be built before the loop runs.
        return self._given_timers or asyncio.get_running_loop()

    def _make_due(self, entry: _Entry[K], *, since: float | None = None) -> None:
        if since is None:
            self._metrics.added()
            since = self._timers.time()
        entry.ready_at, entry.due_since = None, since
        self._metrics.entered(entry.priority)
        self._offer(entry)

    def _offer(self, entry: _Entry[K]) -> None:
        if entry.key in self._processing:
            entry.state = _State.PARKED
        else:
            entry.state = _State.READY
            self._ready.push((-entry.priority, entry.counter), entry)
            if self._age_after is not None and entry.priority < 0:
                self._low.append(entry)
            self._wake_one()

    def _promote_aged(self) -> None:
        if self._age_after is None:
            return
        before = self._timers.time() - self._age_after
        while self._low:
            entry = self._low[0]
            if entry.state is _State.READY and entry.due_since > before:
                return
            self._low.popleft()
            if entry.state is _State.READY:
                self.add(entry.key)

    def _take(self, entry: _Entry[K]) -> None:
        now = self._timers.time()
        entry.state = _State.GONE
        del self._entries[entry.key]
        self._processing[entry.key] = now
        self._metrics.left(entry.priority)
        self._metrics.started(now - entry.due_since)

    def _retire(self, entry: _Entry[K]) -> None:
        """A newer entry takes its place; in its heap it stays, dead."""
        state, entry.state = entry.state, _State.GONE
        if state is _State.WAITING:
            self._waiting.note_death()
        else:
            self._metrics.left(entry.priority)
            if state is _State.READY:
                self._ready.note_death()

    def _wake_one(self) -> None:
        while self._getters:
            getter = self._getters.popleft()
            if not getter.done():
                getter.set_result(None)
                return

    def _arm(self) -> None:
        """See that the timer is set for the earliest waiting entry. It may be set too early."""
        first = self._waiting.peek()
        if first is None or first.ready_at is None:
            return
        if self._timer is None or first.ready_at < self._timer_at:
            if self._timer is not None:
                self._timer.cancel()
            self._timer_at = first.ready_at
            self._timer = self._timers.call_at(first.ready_at, self._fire)

    def _fire(self) -> None:
        self._timer = None
        # The loop calls up to its clock's resolution early.
        now = max(self._timers.time(), self._timer_at)
        while (entry := self._waiting.peek()) is not None:
            if entry.ready_at is None or entry.ready_at > now:
                break
            self._waiting.pop()
            entry.counter = next(self._counter)
            self._make_due(entry)
        self._arm()
