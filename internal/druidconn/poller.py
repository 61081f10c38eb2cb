"""Asks one Druid about all its supervisors, with one request, whatever their number.

``?state=true`` every period; ``?system`` (with specs, for drift, and for ``suspended``, about which
the cheap listing lies) every second one; and some ``/status`` in turn for lag and tasks.
"""

from __future__ import annotations

import asyncio
import random

import attrs

from druid_operator.internal.druidconn.breaker import Breaker
from druid_operator.internal.druidconn.view import ClusterView
from druid_operator.pkg.clock import Clock
from druid_operator.pkg.druidapi import errors
from druid_operator.pkg.druidapi.api import DruidAPI
from druid_operator.pkg.errors import OperatorError
from druid_operator.pkg.log import bound, logger
from druid_operator.pkg.meta import NamespacedName

#: Full listings are this many times rarer than cheap ones.
LISTING_EVERY = 2
#: Statuses asked for in one period: the budget that keeps hundreds of supervisors fair.
STATUSES_PER_PERIOD = 10
#: At most this many of them go to unhealthy ones, so that many of those starve nobody.
UNHEALTHY_PER_PERIOD = 5

#: What makes it impossible to ask. Other failures are Druid's own, and say that it is there.
_SILENCE = (
    errors.NotReady, errors.Timeout, errors.ProxyDisabled, errors.AuthFailed,
)  # fmt: skip


@attrs.define
class Poller:
    """One cluster's. A failed round tells the view, and the next one tries again."""

    cluster: NamespacedName
    api: DruidAPI
    view: ClusterView
    breaker: Breaker
    clock: Clock
    _turn: int = attrs.field(default=0, init=False)
    _cursor: str = attrs.field(default="", init=False)
    _told: str = attrs.field(default="", init=False)

    async def run(self, period: float) -> None:
        """Until cancelled; ``period`` in seconds."""
        with bound(namespace=self.cluster.namespace, name=self.cluster.name):
            while True:
                # Spread, so that the pollers of many clusters do not ask in step.
                await asyncio.sleep(period * (0.9 + 0.2 * random.random()))
                await self.round()

    async def round(self) -> None:
        """Ask once, if anybody is interested."""
        if not self.view.followed:
            return
        self._turn += 1
        try:
            self.breaker.check()
            asked_at = self.clock.monotonic()
            if self._turn % LISTING_EVERY == 0:
                self.view.take_listing(await self.api.supervisor_listing(), asked_at)
            else:
                self.view.take_states(await self.api.supervisor_states(), asked_at)
            await self._statuses()
        except OperatorError as error:
            # Without credentials nothing can be asked either.
            if isinstance(error, _SILENCE) or not isinstance(error, errors.DruidError):
                self.view.take_failure(error)
            self._log(str(error))
        else:
            self.view.take_failure(None)
            self._log("")

    def _log(self, trouble: str) -> None:
        """Once per trouble, not once per period."""
        if trouble and trouble != self._told:
            logger().warning("Druid not polled", error=trouble)
        elif self._told and not trouble:
            logger().info("Druid polled again")
        self._told = trouble

    async def _statuses(self) -> None:
        for supervisor_id in self._chosen():
            asked_at = self.clock.monotonic()
            try:
                self.view.take_status(await self.api.supervisor_status(supervisor_id), asked_at)
            except errors.NotFound:
                continue  # terminated since the listing; the next one says so

    def _chosen(self) -> list[str]:
        """Some unhealthy ones, and then from where the last round stopped."""
        known = [(i, f) for i in sorted(self.view.followed) if (f := self.view.facts(i))]
        there = [i for i, facts in known if facts.exists]
        sick = [i for i, facts in known if facts.exists and facts.healthy is False]
        urgent = _rotated(sick, self._cursor)[:UNHEALTHY_PER_PERIOD]
        others = [i for i in _rotated(there, self._cursor) if i not in urgent]
        chosen = [*urgent, *others[: STATUSES_PER_PERIOD - len(urgent)]]
        if chosen:
            self._cursor = chosen[-1]
        return chosen


def _rotated(ids: list[str], cursor: str) -> list[str]:
    return [i for i in ids if i > cursor] + [i for i in ids if i <= cursor]
