"""Reads and writes one Lease: wins it, renews it, gives it back. One try a call, no loops, no
waits."""

from __future__ import annotations

import math

from druid_operator.pkg import log
from druid_operator.pkg.client.interface import Client
from druid_operator.pkg.clock import Clock
from druid_operator.pkg.errors import Conflict, NotFound
from druid_operator.pkg.leaderelection.options import LeaderElectionOptions
from druid_operator.pkg.leaderelection.record import (
    Held,
    Record,
    Seen,
    build_claim,
    build_release,
    decide_claim,
    see,
)
from druid_operator.pkg.meta import NamespacedName
from druid_operator.pkg.scheme.builtin import LEASE


class LeaseLock:
    """The Lease as one candidate knows it.

    ``renewed_at`` is taken *before* a write is sent, while the other candidates count from when
    they saw it: so we believe to hold the lease for a shorter time than they do.
    """

    def __init__(self, client: Client, options: LeaderElectionOptions, clock: Clock) -> None:
        self._client = client
        self._options = options
        self._clock = clock
        self.key = NamespacedName(options.namespace, options.name)
        self.seen: Seen | None = None
        self.renewed_at = -math.inf

    @property
    def holder(self) -> str:
        """Who held the Lease when we last saw it, empty if nobody did."""
        return self.seen.record.holder if self.seen else ""

    async def try_win(self) -> bool:
        """Take the Lease if it is free. False while another holds it.

        Raises:
            APIError: ``Conflict`` and ``AlreadyExists`` mean that another came first.
        """
        seen = await self._read()
        if seen is not None:
            verdict = decide_claim(seen, self._options.identity, self._clock.monotonic())
            if isinstance(verdict, Held):
                return False
        await self._claim(seen)
        return True

    async def try_renew(self) -> bool:
        """Renew the Lease that we hold. False when it is another's, or nobody's, by now."""
        if self.seen is not None and self._clock.monotonic() < self.seen.lapses_at:
            # Nobody can have taken it, so we need not read it first.
            try:
                await self._claim(self.seen)
            except (Conflict, NotFound):
                # Our last renewal may have arrived although its answer did not, or somebody edited
                # the Lease, or deleted it.
                pass
            else:
                return True
        seen = await self._read()
        if seen is not None and seen.record.holder != self._options.identity:
            return False
        await self._claim(seen)
        return True

    async def try_release(self) -> bool:
        """Give the Lease back. False when another write came between: try again."""
        seen = await self._read()
        if seen is None or seen.record.holder != self._options.identity:
            return True
        try:
            await self._client.update(build_release(seen, self._clock.now()))
        except Conflict:
            return False
        return True

    async def _read(self) -> Seen | None:
        try:
            lease = await self._client.get(LEASE, self.key)
        except NotFound:
            return None
        return self._note(see(lease, self.seen, self._clock.monotonic()))

    async def _claim(self, before: Seen | None) -> None:
        sent = self._clock.monotonic()
        lease = build_claim(before, self._options, self._clock.now())
        if before is None:
            stored = await self._client.create(lease)
        else:
            stored = await self._client.update(lease)
        self._note(Seen(stored, Record.of(stored), sent))
        self.renewed_at = sent

    def _note(self, seen: Seen) -> Seen:
        if seen.record.holder != self.holder:
            log.logger().info(
                "Saw new holder of leader lease",
                lease=self._options.name,
                holder=seen.record.holder,
            )
        self.seen = seen
        return seen
