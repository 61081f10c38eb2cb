"""Wins a Lease, keeps it, and stops everything when it cannot.

Guarantees, when all candidates use the same durations:
    While ``check_fence`` passes, no other candidate has taken the lease. The lease counts from the
    moment *before* a renewal was sent, and the others count from when they saw it.
    After the lease is lost ``run`` raises, and the process is gone within two seconds even if the
    event loop is blocked or a thread never ends.

Does not guarantee:
    That no write of a deposed leader arrives: one that passed the fence may still be on its way. A
    write that must not be repeated carries a resourceVersion.
    Anything between clocks that run at different *rates*. Clocks that are merely wrong do no harm.

A lost lease is never won back by the same process: work begun under the old one may still run.
"""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import Awaitable, Callable

from druid_operator.pkg import log
from druid_operator.pkg.client.interface import Client
from druid_operator.pkg.clock import Clock, SystemClock
from druid_operator.pkg.errors import AlreadyExists, Conflict, LeaderLost
from druid_operator.pkg.leaderelection.lock import LeaseLock
from druid_operator.pkg.leaderelection.options import JITTER, LeaderElectionOptions
from druid_operator.pkg.leaderelection.watchdog import INTERVAL, Watchdog
from druid_operator.pkg.meta import JSON
from druid_operator.pkg.metrics import Metrics

#: Seconds a deposed leader has to end by itself before the watchdog ends it.
LINGER = 2.0
#: Seconds for handing the lease over; after that it lapses by itself.
RELEASE_LIMIT = 5.0


class LeaderElector:
    """One candidate.

    Args:
        client: reads and writes the Lease: live, and without a fence.
        options: names and durations.
        clock: its monotonic reading must go on while the machine is suspended.
        metrics: gets ``leader_election_master_status``.
        on_event: told with the Lease and a sentence when we become or stop being the leader.
        exit_: what the watchdog ends the process with.
        uniform: draws from [0, 1) to spread the candidates' tries.
    """

    def __init__(
        self,
        client: Client,
        options: LeaderElectionOptions,
        *,
        clock: Clock | None = None,
        metrics: Metrics | None = None,
        on_event: Callable[[JSON, str], None] | None = None,
        exit_: Callable[[int], object] = os._exit,
        uniform: Callable[[], float] = random.random,
    ) -> None:
        self._options = options
        self._clock = clock or SystemClock()
        self._lock = LeaseLock(client, options, self._clock)
        self._on_event = on_event
        self._uniform = uniform
        self._log = log.logger().bind(lease=options.name, identity=options.identity)
        self._status = (
            metrics.leader_election_master_status.labels(options.name) if metrics else None
        )
        self._leading = False
        self._lost_because = ""
        # Read by the watchdog's thread: after this moment the process must be gone.
        self._exit_at: float | None = None
        self._watchdog = Watchdog(
            lambda: self._exit_at,
            self._clock,
            exit_=exit_,
            interval=min(INTERVAL, options.lease_duration / 10),
        )

    @property
    def identity(self) -> str:
        return self._options.identity

    @property
    def is_leader(self) -> bool:
        """True from the moment the lease was won until it is lost or given back."""
        return self._leading

    @property
    def holder(self) -> str:
        """Who held the lease when we last saw it, empty if nobody did."""
        return self._lock.holder

    def valid_until(self) -> float:
        """The moment, on the clock's monotonic reading, up to which no other can lead."""
        return self._lock.renewed_at + self._options.lease_duration

    def check_fence(self) -> None:
        """To be called right before every write of leader-only work.

        Raises:
            LeaderLost: we do not lead, or the lease has run out unrenewed.
        """
        if not self._leading or self._clock.monotonic() >= self.valid_until():
            raise LeaderLost(f"{self.identity} does not hold the lease {self._lock.key}")

    def check_healthy(self, tolerance: float = 20.0) -> None:
        """Raises ``LeaderLost`` when we claim to lead, long after the lease ran out.

        Args:
            tolerance: seconds past the end of the lease; 20 is kube-controller-manager's.
        """
        if self._leading and self._clock.monotonic() > self.valid_until() + tolerance:
            raise LeaderLost(f"{self.identity} has not renewed the lease {self._lock.key}")

    async def run(self, lead: Callable[[], Awaitable[None]]) -> None:
        """Wait until we lead, run ``lead``, and give the lease back when it has ended.

        To stop, let ``lead`` return, or cancel this call: ``lead`` is then cancelled first. A
        second cancellation gives up handing the lease over, which then lapses by itself.

        Raises:
            LeaderLost: the lease could not be renewed in time or is another's; ``lead`` was
                cancelled and the process has ``LINGER`` seconds left.
            Exception: whatever ``lead`` raised.
        """
        self._show(0)
        self._log.info("Waiting for leader lease")
        while True:
            if await self._attempt(self._lock.try_win, self._options.request_timeout):
                break
            await asyncio.sleep(self._options.retry_period * (1 + JITTER * self._uniform()))
        self._start_leading()
        try:
            await self._lead(lead)
        except LeaderLost:
            raise
        except BaseException:
            await self._stop_leading()
            raise
        await self._stop_leading()

    async def _lead(self, lead: Callable[[], Awaitable[None]]) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                renewal = group.create_task(self._keep_renewing(), name="lease-renewal")
                await lead()
                renewal.cancel()
        except BaseExceptionGroup as errors:
            if errors.subgroup(LeaderLost) is not None:
                self._lose("a write met the fence")
                raise LeaderLost(f"leader election lost: {self._lost_because}") from errors
            if len(errors.exceptions) == 1:
                raise errors.exceptions[0] from None
            raise

    async def _keep_renewing(self) -> None:
        """Renew for ever. Raises ``LeaderLost``, and ``is_leader`` is false by then."""
        options = self._options
        started = self._clock.monotonic()
        while True:
            # Paced from the start of the last try: after one that hung the next comes at once.
            deadline = self._lock.renewed_at + options.renew_deadline
            wait_until = min(started + options.retry_period, deadline)
            await asyncio.sleep(max(0.0, wait_until - self._clock.monotonic()))
            started = self._clock.monotonic()
            left = deadline - started
            if left > 0:
                if await self._attempt(self._lock.try_renew, min(options.request_timeout, left)):
                    self._exit_at = self.valid_until()
                    continue
                if self.holder != self.identity:
                    raise self._lose(f"the lease is held by {self.holder or 'nobody'}")
            if self._clock.monotonic() >= deadline:
                raise self._lose(f"not renewed within {options.renew_deadline:g} s")

    async def _attempt(self, try_: Callable[[], Awaitable[bool]], limit: float) -> bool:
        """One try of at most ``limit`` seconds. False whatever went wrong."""
        try:
            async with asyncio.timeout(limit):
                return await try_()
        except (Conflict, AlreadyExists):
            return False  # another came first, which is no fault
        except Exception as error:  # noqa: BLE001 - no failure of any kind may end the tries
            self._log.warning("Leader lease not written", error=error)
            return False

    def _start_leading(self) -> None:
        self._leading = True
        self._exit_at = self.valid_until()
        if self._options.watchdog:
            self._watchdog.start()
        self._show(1)
        self._log.info("Became leader")
        self._tell("became leader")

    async def _stop_leading(self) -> None:
        """All work under the lease has ended: give it back."""
        self._leading = False
        self._exit_at = None
        self._watchdog.stop()
        self._show(0)
        self._tell("stopped leading")
        if self._options.release_on_stop:
            await self._release()

    def _lose(self, why: str) -> LeaderLost:
        if self._leading:
            self._leading = False
            self._lost_because = why
            self._exit_at = min(self.valid_until(), self._clock.monotonic() + LINGER)
            self._show(0)
            self._log.error("Leader election lost", reason=why)
            self._tell("stopped leading")
        return LeaderLost(why)

    async def _release(self) -> None:
        try:
            async with asyncio.timeout(RELEASE_LIMIT):
                while not await self._lock.try_release():
                    pass
        except Exception as error:  # noqa: BLE001 - the lease then lapses by itself
            self._log.warning("Leader lease not released", error=error)
        else:
            self._log.info("Released leader lease")

    def _show(self, status: int) -> None:
        if self._status is not None:
            self._status.set(status)

    def _tell(self, what: str) -> None:
        if self._on_event is not None and self._lock.seen is not None:
            self._on_event(self._lock.seen.lease, f"{self.identity} {what}")
