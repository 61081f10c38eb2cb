"""One handler's queue of changes: a slow handler delays nobody else."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Protocol

import attrs

from druid_operator.pkg.cache.store import Change

#: Changes handled in a row before others get a turn.
BATCH = 256


class ResourceEventHandler(Protocol):
    """Told of changes, one at a time and in order."""

    def on_change(self, change: Change, *, is_in_initial_list: bool) -> Awaitable[None] | None:
        """What is returned is awaited before the next change."""
        ...


@attrs.define(eq=False)
class Listener:
    """See the module's text.

    Args:
        handler: what it feeds. One that raises loses that change, and is told of the next.
        on_error: told what it raised.

    Attributes:
        handled_initial: set once it has handled all that was there at first.
    """

    handler: ResourceEventHandler
    on_error: Callable[[Exception], None] = lambda _error: None
    handled_initial: asyncio.Event = attrs.field(factory=asyncio.Event)
    _queue: deque[tuple[Change, bool] | None] = attrs.field(factory=deque)
    _wake: asyncio.Event = attrs.field(factory=asyncio.Event)

    def put(self, change: Change, *, initial: bool) -> None:
        self._queue.append((change, initial))
        self._wake.set()

    def mark_initial(self) -> None:
        """Everything put so far is the initial state."""
        self._queue.append(None)
        self._wake.set()

    @property
    def depth(self) -> int:
        return len(self._queue)

    async def run(self) -> None:
        """Feed the handler until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            handled = 0
            while self._queue:
                item = self._queue.popleft()
                if item is None:
                    self.handled_initial.set()
                else:
                    await self._handle(*item)
                handled += 1
                if handled % BATCH == 0:
                    await asyncio.sleep(0)

    async def _handle(self, change: Change, initial: bool) -> None:
        try:
            pending = self.handler.on_change(change, is_in_initial_list=initial)
            if pending is not None:
                await pending
        except Exception as error:  # noqa: BLE001 - user code: one odd object must not end the watch
            self.on_error(error)
