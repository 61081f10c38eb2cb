"""Reconcilers that block: run in threads, so that the event loop goes on."""

from __future__ import annotations

import asyncio
import contextvars
import inspect
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Generic, TypeVar, cast

from druid_operator.pkg.reconcile import Reconciler, Result

K = TypeVar("K", bound=Hashable)


class ThreadedReconciler(Generic[K]):
    """Calls a synchronous reconciler in one of a fixed number of threads.

    Context variables (the log's fields, the pass's id) are the caller's.

    A thread cannot be stopped. A pass that is cancelled, or is past its deadline, therefore ends
    only when its thread has: the key would else be worked on twice at once.

    Args:
        reconcile: blocks; called with the key.
        workers: threads.
        name: of the threads.
    """

    def __init__(self, reconcile: Callable[[K], Result | None], *, workers: int, name: str) -> None:
        self._reconcile = reconcile
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix=name)

    async def reconcile(self, request: K, /) -> Result | None:
        context = contextvars.copy_context()

        def blocking() -> Result | None:
            return context.run(self._reconcile, request)

        running = asyncio.get_running_loop().run_in_executor(self._pool, blocking)
        try:
            return await asyncio.shield(running)
        except asyncio.CancelledError:
            while not running.done():
                # Cancelled again meanwhile: the answer stays the same.
                await asyncio.wait([asyncio.ensure_future(_ended(running))])
            raise


async def _ended(running: asyncio.Future[Any]) -> None:
    await asyncio.wait([running])


def as_asynchronous(
    reconciler: Reconciler[K] | Callable[[K], Any], *, workers: int, name: str
) -> Reconciler[K]:
    """Whatever can reconcile, as a :class:`Reconciler`.

    Args:
        reconciler: an object with a ``reconcile`` method, or a function; either may be a coroutine
            function or block.
        workers, name: of the threads of one that blocks.
    """
    method = getattr(reconciler, "reconcile", None)
    function: Callable[[K], Any] = method or cast("Callable[[K], Any]", reconciler)
    if not inspect.iscoroutinefunction(function):
        return ThreadedReconciler(function, workers=workers, name=name)
    return _Function(function) if method is None else cast("Reconciler[K]", reconciler)


class _Function(Generic[K]):
    """A coroutine function as a reconciler."""

    def __init__(self, function: Callable[[K], Any]) -> None:
        self._function = function

    async def reconcile(self, request: K, /) -> Result | None:
        result: Result | None = await self._function(request)
        return result
