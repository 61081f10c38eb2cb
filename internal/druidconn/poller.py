"""Asks one Druid about all its supervisors, with one request, whatever their number.

``?state=true`` every period; ``?system`` (with specs, for drift, and for ``suspended``, about which
the cheap listing lies) every second one; and some ``/status`` in turn for lag and tasks.
"""

from __future__ import annotations

import asyncio
import random

from druid_operator.internal.druidconn.breaker import Breaker
from druid_operator.internal.druidconn.view import ClusterView
from druid_operator.pkg.clock import Clock
from druid_operator.pkg.druidapi.api import SupervisorAPI
from druid_operator.pkg.druidapi.errors import DruidError
from druid_operator.pkg.errors import OperatorError
from druid_operator.pkg.log import logger

#: Full listings are this many times rarer than cheap ones.
LISTING_EVERY = 2
#: Statuses asked for in one period: the budget that keeps hundreds of supervisors fair.
STATUSES_PER_PERIOD = 10


async def poll(
    api: SupervisorAPI, view: ClusterView, breaker: Breaker, clock: Clock, period: float
) -> None:
    """Runs until cancelled. A failed round is logged and the next one tries again."""
    turn = 0
    cursor = ""
    while True:
        # Spread, so that the pollers of many clusters do not ask in step.
        await asyncio.sleep(period * (0.9 + 0.2 * random.random()))
        if not view.followed:
            continue
        turn += 1
        try:
            breaker.check()
            if turn % LISTING_EVERY == 0:
                view.take_listing(await api.supervisor_listing(), clock.monotonic())
            else:
                view.take_states(await api.supervisor_states(), clock.monotonic())
            cursor = await _statuses(api, view, cursor)
        except DruidError as error:
            logger().warning("Druid not polled", error=str(error))
        except OperatorError as error:
            # Credentials: the objects' own passes report it with the field's path.
            logger().warning("Druid not polled", error=str(error))


async def _statuses(api: SupervisorAPI, view: ClusterView, cursor: str) -> str:
    """Ask for some statuses, unhealthy ones first, then from where the last round stopped."""
    followed = sorted(view.followed)
    unhealthy = [i for i in followed if (f := view.facts(i)) and f.exists and f.healthy is False]
    after = [i for i in followed if i > cursor] + [i for i in followed if i <= cursor]
    chosen = list(dict.fromkeys([*unhealthy, *after]))[:STATUSES_PER_PERIOD]
    for supervisor_id in chosen:
        facts = view.facts(supervisor_id)
        if facts is None or not facts.exists:
            continue
        view.take_status(await api.supervisor_status(supervisor_id))
    return chosen[-1] if chosen else cursor
