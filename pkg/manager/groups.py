"""The order in which the parts of a manager start, and the other one in which they stop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Literal, get_args

from druid_operator.pkg.errors import OperatorError
from druid_operator.pkg.log import logger
from druid_operator.pkg.manager.runnable import Runnable, RunnableGroup, needs_leader_election

#: In the order of their start. Servers come first, so that probes answer while caches fill, and
#: webhooks before caches, because a list may need a conversion webhook.
GroupName = Literal["http", "webhooks", "caches", "others", "leader"]

_STOP_ORDER: tuple[GroupName, ...] = ("leader", "others", "caches", "webhooks", "http")


class GraceExceeded(OperatorError):
    """Something did not stop within the grace period; the message names it."""


class Groups:
    """All runnables of a manager.

    Args:
        on_failure: told of each runnable that raised.
    """

    def __init__(self, on_failure: Callable[[object, BaseException], None]) -> None:
        self._groups: dict[GroupName, RunnableGroup] = {
            name: RunnableGroup(name, on_failure) for name in get_args(GroupName)
        }

    def __getitem__(self, name: GroupName) -> RunnableGroup:
        return self._groups[name]

    def add(self, runnable: Runnable) -> None:
        """Into the group it names as ``runnable_group``, else by whether it needs the lease."""
        default: GroupName = "leader" if needs_leader_election(runnable) else "others"
        name: GroupName = getattr(runnable, "runnable_group", default)
        self._groups[name].add(runnable)

    async def stop(self, grace: float | None, drain_fraction: float) -> list[str]:
        """Stop all: finish what runs, then cancel what still does, group by group.

        Args:
            grace: seconds for everything, ``None`` for ever, 0 to wait for nothing.
            drain_fraction: the part of it for finishing.

        Returns:
            The names of what did not end in time.
        """
        loop = asyncio.get_running_loop()
        ends_at = None if grace is None else loop.time() + grace
        working = (self._groups["leader"], self._groups["others"])
        for group in working:
            group.close()
        if grace != 0.0:
            await _drain(working, None if grace is None else grace * drain_fraction)
        leftovers: list[str] = []
        for name in _STOP_ORDER:
            left = None if ends_at is None else max(0.0, ends_at - loop.time())
            leftovers += await self._groups[name].cancel(left)
        if leftovers:
            # Said now: what ignores its cancellation also keeps the manager from returning.
            logger().error("Still running after the grace period", runnable=", ".join(leftovers))
        return leftovers


async def _drain(groups: tuple[RunnableGroup, ...], budget: float | None) -> None:
    try:
        async with asyncio.timeout(budget):
            for group in groups:
                await group.drain()
    except TimeoutError:
        logger().warning("Passes were still running and are cancelled")
