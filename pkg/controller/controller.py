"""The loop around a reconciler: keys come from sources, workers take them, outcomes decide what
next.

Laws:
  * one key is never reconciled twice at the same time, and no change of it is ever lost (the
  queue's);
  * no pass begins before every source has delivered what was there at the start;
  * whatever a reconciler raises, the worker lives on;
  * a pass that is cancelled because we stop is not counted, not logged as failed, not queued again.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Hashable
from typing import Any, Generic, TypeVar

from structlog.contextvars import bound_contextvars

from druid_operator.pkg.clock import Clock, SystemClock
from druid_operator.pkg.controller.options import ControllerDefaults, ControllerOptions
from druid_operator.pkg.controller.threaded import as_asynchronous
from druid_operator.pkg.errors import OperatorError, TerminalError
from druid_operator.pkg.log import logger
from druid_operator.pkg.meta import GroupVersionKind, NamespacedName
from druid_operator.pkg.metrics import Metrics
from druid_operator.pkg.reconcile import Reconciler, Result
from druid_operator.pkg.source import RunningSource, Source
from druid_operator.pkg.workqueue import (
    DebouncedQueue,
    ItemExponential,
    PriorityQueue,
    PrometheusQueueMetrics,
    Queue,
    QueueShutDown,
    RateLimiter,
)

K = TypeVar("K", bound=Hashable)

#: What a mistake in code raises, as opposed to a failure of the world. Counted as panics.
_MISTAKES = (TypeError, AttributeError, NameError, LookupError, AssertionError, RecursionError)


class CacheSyncTimeout(OperatorError):
    """A source did not sync in time; the message names it. The manager stops on it."""


class Controller(Generic[K]):
    """A runnable of the manager. Made by the builder.

    Args:
        name: unique in the process; a label of metrics and log lines.
        reconciler: what one pass does: an object or a function, asynchronous or blocking (which
            then runs in threads).
        sources: where keys come from.
        options, defaults: its own settings, and those of its manager.
        kind: what it reconciles, if it is one kind.
        log_context: turns a key into log fields.

    Attributes:
        settings: what holds, own options and defaults together.
        started: set once the sources have delivered what was there and the workers run.
    """

    def __init__(
        self,
        name: str,
        reconciler: Reconciler[K] | Callable[[K], Any],
        sources: list[Source[K]],
        *,
        metrics: Metrics,
        options: ControllerOptions[K] | None = None,
        defaults: ControllerDefaults | None = None,
        kind: GroupVersionKind | None = None,
        clock: Clock | None = None,
        log_context: Callable[[K], dict[str, str]] | None = None,
    ) -> None:
        if not name:
            raise ValueError("a controller needs a name")
        self.name = name
        own: ControllerOptions[K] = options or ControllerOptions()
        self.settings = own.with_defaults(defaults or ControllerDefaults(), kind)
        self._reconciler = as_asynchronous(
            reconciler, workers=self.settings.max_concurrent_reconciles, name=name
        )
        self._sources = sources
        self._metrics = metrics
        self._clock = clock or SystemClock()
        self._log_context = log_context or _request_fields
        self._kind_fields = (
            {"controllerGroup": kind.group, "controllerKind": kind.kind} if kind else {}
        )
        self._sourcing: asyncio.Task[None] | None = None
        self.started = asyncio.Event()
        self.queue = self._make_queue(own)
        #: What the sources fill; a worker's own adds are not debounced.
        self._intake: Queue[K] = self.queue
        if own.debounce:
            self._intake = DebouncedQueue(self.queue, own.debounce)
        metrics.init_controller(name, self.settings.max_concurrent_reconciles)

    def _make_queue(self, own: ControllerOptions[K]) -> Queue[K]:
        limiter: RateLimiter[K] = own.rate_limiter or ItemExponential()
        if own.new_queue is not None:
            return own.new_queue(self.name, limiter)
        queue_metrics = PrometheusQueueMetrics(self._metrics, self.name)
        queue: PriorityQueue[K] = PriorityQueue(
            rate_limiter=limiter, metrics=queue_metrics, age_after=own.age_after
        )
        queue_metrics.watch(lambda: queue.processing)
        return queue

    @property
    def need_leader_election(self) -> bool:
        return self.settings.need_leader_election

    def __repr__(self) -> str:
        return f"controller {self.name}"

    async def warmup(self) -> None:
        """Start the sources and return when they have delivered what was there.

        For a standby: the queue fills, merged and in order, and :meth:`start` begins at once.
        Raises :class:`CacheSyncTimeout`.
        """
        if self._sourcing is None:
            for source in self._sources:
                source.start(self._intake)
            self._sourcing = asyncio.ensure_future(self._wait_for_sources())
        await self._sourcing

    async def start(self) -> None:
        """Runs until the queue is shut down (see :meth:`drain`) or the task is cancelled."""
        await self.warmup()
        logger().info("Started workers", controller=self.name)
        self.started.set()
        try:
            async with asyncio.TaskGroup() as tasks:
                running = [
                    tasks.create_task(source.run(self._intake), name=f"{self.name}: {source.name}")
                    for source in self._sources
                    if isinstance(source, RunningSource)
                ]
                async with asyncio.TaskGroup() as workers:
                    for index in range(self.settings.max_concurrent_reconciles):
                        workers.create_task(self._work(), name=f"{self.name} worker {index}")
                for source_task in running:
                    source_task.cancel()
        except BaseExceptionGroup as group:
            raise _only(group) from None

    async def drain(self) -> None:
        """Take in nothing more and let running passes finish. Queued keys are dropped: the next
        start lists everything anyway."""
        await self.queue.shut_down(drain=True)

    async def _wait_for_sources(self) -> None:
        waiting: Source[K] | None = None
        try:
            async with asyncio.timeout(self.settings.cache_sync_timeout):
                for waiting in self._sources:
                    await waiting.wait_for_sync()
        except TimeoutError:
            name = waiting.name if waiting else ""
            raise CacheSyncTimeout(
                f"controller {self.name}: {name} did not sync within "
                f"{self.settings.cache_sync_timeout:g} s"
            ) from None

    async def _work(self) -> None:
        while True:
            try:
                key, priority = await self.queue.get()
            except QueueShutDown:
                return
            active = self._metrics.active_workers.labels(self.name)
            active.inc()
            try:
                with bound_contextvars(
                    controller=self.name,
                    reconcileID=uuid.uuid4().hex,
                    **self._kind_fields,
                    **self._log_context(key),
                ):
                    await self._reconcile(key, priority)
            finally:
                active.dec()
                self.queue.done(key)

    async def _reconcile(self, key: K, priority: int) -> None:
        started = self._clock.monotonic()
        deadline = asyncio.timeout(self.settings.reconciliation_timeout)
        try:
            async with deadline:
                result = await self._reconciler.reconcile(key)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            # The reconciler cancelled something of its own and let it escape: a fault of its, and
            # no reason for this worker to end.
            self._failed(key, priority, RuntimeError("the reconciler leaked a CancelledError"))
        except TimeoutError as error:
            if deadline.expired():
                self._metrics.reconcile_timeouts_total.labels(self.name).inc()
            self._failed(key, priority, error)
        except Exception as error:
            if not self.settings.recover_exceptions and isinstance(error, _MISTAKES):
                raise
            self._failed(key, priority, error)
        else:
            self._succeeded(key, priority, result or Result())
        finally:
            self._metrics.reconcile_time_seconds.labels(self.name).observe(
                self._clock.monotonic() - started
            )

    def _succeeded(self, key: K, priority: int, result: Result) -> None:
        self.queue.forget(key)
        if result.requeue_after:
            next_priority = priority if result.priority is None else result.priority
            self.queue.add(key, after=result.requeue_after, priority=next_priority)
            self._metrics.reconcile_total.labels(self.name, "requeue_after").inc()
        else:
            self._metrics.reconcile_total.labels(self.name, "success").inc()

    def _failed(self, key: K, priority: int, error: BaseException) -> None:
        self._metrics.reconcile_errors_total.labels(self.name).inc()
        self._metrics.reconcile_total.labels(self.name, "error").inc()
        if is_terminal(error):
            self._metrics.terminal_reconcile_errors_total.labels(self.name).inc()
            self.queue.forget(key)
            logger().error("Reconciler failed and will not be retried", error=str(error))
            return
        self.queue.add(key, rate_limited=True, priority=priority)
        if isinstance(error, _MISTAKES):
            self._metrics.reconcile_panics_total.labels(self.name).inc()
            logger().error("Reconciler raised a programming error", exc_info=error)
        elif isinstance(error, OperatorError):
            # What the framework raises explains itself; a traceback would bury it.
            logger().error("Reconciler failed", error=str(error))
        else:
            logger().error("Reconciler failed", error=_words(error), exc_info=error)


def is_terminal(error: BaseException) -> bool:
    """A group is terminal when all in it is: one retryable failure makes a retry worth while."""
    if isinstance(error, BaseExceptionGroup):
        return all(is_terminal(inner) for inner in error.exceptions)
    return isinstance(error, TerminalError)


def _only(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The one failure in a group, or the group."""
    inner: BaseException = group
    while isinstance(inner, BaseExceptionGroup) and len(inner.exceptions) == 1:
        inner = inner.exceptions[0]
    return inner


def _words(error: BaseException) -> str:
    return str(error) or type(error).__name__


def _request_fields(key: object) -> dict[str, str]:
    if isinstance(key, NamespacedName):
        return {"namespace": key.namespace, "name": key.name}
    return {"name": str(key)}
