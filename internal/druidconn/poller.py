"""Asks one Druid about all its supervisors, with one request, whatever their number.

``?state=true`` every period; ``?system`` (with specs, for drift, and for ``suspended``, about which
the cheap listing lies) every second one, together with all rules and compaction where somebody
declares them; and some ``/status`` in turn for lag and tasks.
"""

from __future__ import annotations

import asyncio
import random

import attrs

from druid_operator.internal.druidconn.connection import Connection
from druid_operator.internal.druidconn.failing_tasks import (
    TASKS_LOOKED_AT,
    failing_tasks,
    is_steady,
    needs_task_look,
    task_names,
)
from druid_operator.internal.druidconn.view import ClusterView, SupervisorFacts
from druid_operator.internal.ingestion.redact import redact_text
from druid_operator.pkg.druidapi import errors
from druid_operator.pkg.druidapi.api import DruidAPI
from druid_operator.pkg.errors import OperatorError
from druid_operator.pkg.log import bound, logger

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

    connection: Connection
    _turn: int = attrs.field(default=0, init=False)
    _cursor: str = attrs.field(default="", init=False)
    _told: str = attrs.field(default="", init=False)

    @property
    def _api(self) -> DruidAPI:
        return self.connection.api

    @property
    def _view(self) -> ClusterView:
        return self.connection.view

    async def run(self, period: float) -> None:
        """Until cancelled; ``period`` in seconds."""
        cluster = self.connection.key.cluster
        with bound(namespace=cluster.namespace, name=cluster.name):
            while True:
                # Spread, so that the pollers of many clusters do not ask in step.
                await asyncio.sleep(period * (0.9 + 0.2 * random.random()))
                await self.round()

    async def round(self) -> None:
        """Ask once, if anybody is interested."""
        if not self._view.followed and not self.connection.settings.followed:
            return
        self._turn += 1
        is_full = self._turn % LISTING_EVERY == 0
        try:
            self.connection.breaker.check()
            await self._supervisors(full=is_full)
            if is_full and self.connection.settings.followed:
                await self._settings()
        except OperatorError as error:
            # Without credentials nothing can be asked either.
            if isinstance(error, _SILENCE) or not isinstance(error, errors.DruidError):
                self._view.take_failure(error)
            self._log(redact_text(str(error)))
        except Exception as error:  # noqa: BLE001 # as a worker survives its reconciler's mistakes
            # Pollers share one task group: a mistake over one cluster would end all the others.
            if self._told != (mistake := f"{type(error).__name__}: {error}"):
                logger().error("Poller raised a programming error", exc_info=error)
            self._told = mistake
        else:
            self._view.take_failure(None)
            self._log("")

    async def _supervisors(self, *, full: bool) -> None:
        asked_at = self.connection.clock.monotonic()
        if full:
            self._view.take_listing(await self._api.supervisor_listing(), asked_at)
        elif self._view.followed:
            self._view.take_states(await self._api.supervisor_states(), asked_at)
        await self._statuses()

    async def _settings(self) -> None:
        """Rules and compaction of all datasources, with two requests."""
        asked_at = self.connection.clock.monotonic()
        generation = (await self.connection.capabilities()).compaction_api
        rules = await self._api.all_rules()
        compaction = await self._api.all_compaction(generation)
        self.connection.settings.take(rules, compaction, asked_at)

    def _log(self, trouble: str) -> None:
        """Once per trouble, not once per period."""
        if trouble and trouble != self._told:
            logger().warning("Druid not polled", error=trouble)
        elif self._told and not trouble:
            logger().info("Druid polled again")
        self._told = trouble

    async def _statuses(self) -> None:
        for supervisor_id in self._chosen():
            before = self._view.facts(supervisor_id)
            asked_at = self.connection.clock.monotonic()
            try:
                status = await self._api.supervisor_status(supervisor_id)
            except errors.NotFound:
                continue  # terminated since the listing; the next one says so
            self._view.take_status(status, asked_at)
            if before is not None and needs_task_look(before, status):
                await self._look_at_tasks(before)
            elif before is not None and is_steady(before, status):
                self._view.take_tasks(supervisor_id, "", asked_at)

    async def _look_at_tasks(self, facts: SupervisorFacts) -> None:
        data_source, prefix = task_names(facts)
        asked_at = self.connection.clock.monotonic()
        tasks = await self._api.tasks(data_source=data_source, limit=TASKS_LOOKED_AT)
        self._view.take_tasks(facts.id, failing_tasks(tasks, prefix), asked_at)

    def _chosen(self) -> list[str]:
        """Some unhealthy ones, and then from where the last round stopped."""
        known = [(i, f) for i in sorted(self._view.followed) if (f := self._view.facts(i))]
        there = [i for i, facts in known if facts.exists]
        sick = [i for i, facts in known if facts.exists and _looks_sick(facts)]
        urgent = _rotated(sick, self._cursor)[:UNHEALTHY_PER_PERIOD]
        others = [i for i in _rotated(there, self._cursor) if i not in urgent]
        chosen = [*urgent, *others[: STATUSES_PER_PERIOD - len(urgent)]]
        if chosen:
            self._cursor = chosen[-1]
        return chosen


def _looks_sick(facts: SupervisorFacts) -> bool:
    idle = facts.status is not None and not facts.status.active_tasks
    return facts.healthy is False or facts.failing != "" or (idle and not facts.suspended)


def _rotated(ids: list[str], cursor: str) -> list[str]:
    return [i for i in ids if i > cursor] + [i for i in ids if i <= cursor]
