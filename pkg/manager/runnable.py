"""What the manager runs, and how a set of runnables is started and stopped together."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol, runtime_checkable

import attrs


class Runnable(Protocol):
    """Anything with a life.

    ``start`` returns when there is nothing more to do; it is cancelled to stop. An exception stops
    the whole manager.
    """

    async def start(self) -> None: ...


@runtime_checkable
class LeaderElectionRunnable(Protocol):
    """Says whether it may run only while leading. One that does not say runs only while leading:
    the safe choice for something that writes."""

    need_leader_election: bool


@runtime_checkable
class Draining(Protocol):
    """Can stop taking in work and finish what it has, before it is cancelled."""

    async def drain(self) -> None: ...


def needs_leader_election(runnable: object) -> bool:
    if isinstance(runnable, LeaderElectionRunnable):
        return bool(runnable.need_leader_election)
    return True


@attrs.define(eq=False)
class RunnableGroup:
    """Runnables that start and stop together.

    A failure is reported and cancels nobody: stopping in order is the manager's business, and a
    task group would cancel all at once.

    Args:
        name: for log lines and errors.
        on_failure: told the first thing that went wrong, with the runnable it came from.
    """

    name: str
    on_failure: Callable[[object, BaseException], None]
    _runnables: list[Runnable] = attrs.field(factory=list, init=False)
    _tasks: dict[asyncio.Task[None], Runnable] = attrs.field(factory=dict, init=False)
    _scope: asyncio.TaskGroup | None = attrs.field(default=None, init=False)
    _closed: bool = attrs.field(default=False, init=False)

    def add(self, runnable: Runnable) -> None:
        """Start it with the group, or at once if the group runs. Raises after the stop began."""
        if self._closed:
            raise RuntimeError(f"the manager is stopping: {runnable!r} cannot be added")
        self._runnables.append(runnable)
        if self._scope is not None:
            self._launch(runnable, self._scope)

    def start(self, scope: asyncio.TaskGroup) -> None:
        """Start all, in ``scope``, which must outlive the group."""
        if self._closed:
            return
        self._scope = scope
        for runnable in self._runnables:
            self._launch(runnable, scope)

    def close(self) -> None:
        """Nothing can be added or started any more."""
        self._closed = True

    async def drain(self) -> None:
        """Ask each to finish; returns when all have. The caller sets the limit."""
        async with asyncio.TaskGroup() as drains:
            for task, runnable in self._tasks.items():
                if not task.done() and isinstance(runnable, Draining):
                    drains.create_task(runnable.drain())

    async def cancel(self, timeout: float | None) -> list[str]:
        """Cancel what still runs; returns the names of what has not ended within ``timeout``
        seconds.
        """
        self.close()
        for task in self._tasks:
            task.cancel()
        if not self._tasks:
            return []
        _, pending = await asyncio.wait(self._tasks, timeout=timeout)
        return sorted(repr(self._tasks[task]) for task in pending)

    def _launch(self, runnable: Runnable, scope: asyncio.TaskGroup) -> None:
        task = scope.create_task(self._run(runnable), name=f"{self.name}: {runnable!r}")
        self._tasks[task] = runnable

    async def _run(self, runnable: Runnable) -> None:
        try:
            await runnable.start()
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # noqa: BLE001 - recorded, and raised by Manager.run
            self.on_failure(runnable, error)
