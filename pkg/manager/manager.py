"""One process's shared parts and its life: client, cache, metrics, probes, election, controllers.

Start, in order: HTTP servers (probes answer while caches fill), caches (waited for), what needs no
lease, then, once leading, the controllers.

Stop, in order, after SIGTERM, :meth:`Manager.stop` or a failure: readyz turns false; nothing new is
taken in; running passes finish within two thirds of the grace period and are then cancelled;
caches; HTTP servers; the lease is given back; events are flushed; connections are closed. Stopping
is in two stages because a cancelled pass is one that the next process has to repair.

A lost lease skips all that: everything is cancelled at once and nothing is waited for, because
another process is writing already.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack

import attrs

from druid_operator.pkg.cache import Cache, CachedClient, CacheOptions
from druid_operator.pkg.client import RestClient, RestConfig, Timeouts, Transport
from druid_operator.pkg.clock import Clock, SystemClock
from druid_operator.pkg.controller import Controller
from druid_operator.pkg.errors import LeaderLost, OperatorError
from druid_operator.pkg.healthz import Checker, CheckFailed, ping
from druid_operator.pkg.leaderelection import LeaderElectionOptions, LeaderElector
from druid_operator.pkg.log import logger
from druid_operator.pkg.manager.cache_metrics import CacheMetrics
from druid_operator.pkg.manager.endpoints import Endpoints
from druid_operator.pkg.manager.loop_lag import LoopLagProbe
from druid_operator.pkg.manager.runnable import Runnable, RunnableGroup, needs_leader_election
from druid_operator.pkg.manager.signals import StopSignals
from druid_operator.pkg.meta import NamespacedName
from druid_operator.pkg.metrics import Metrics
from druid_operator.pkg.recorder import EventRecorder, Recorder
from druid_operator.pkg.scheme import Scheme


class GraceExceeded(OperatorError):
    """Something did not stop within the grace period; the message names it."""


@attrs.frozen(kw_only=True)
class ManagerOptions:
    """Args:
    cache: which namespaces, and the timing of watches.
    leader_election: ``None`` runs without a lease.
    metrics_bind, health_probe_bind: ``host:port``, ``:port``, or ``0`` for none.
    graceful_shutdown_timeout: seconds; 0 waits for nothing, ``None`` for ever.
    drain_fraction: the part of it that running passes may use before they are cancelled.
    user_agent: the name in audit logs; also the reporting controller of events.
    timeouts: of requests.
    install_signal_handlers: SIGTERM and SIGINT stop the manager; a second one ends the process.
    """

    cache: CacheOptions = attrs.field(factory=CacheOptions)
    leader_election: LeaderElectionOptions | None = None
    metrics_bind: str = "0"
    health_probe_bind: str = "0"
    graceful_shutdown_timeout: float | None = 30.0
    drain_fraction: float = 2 / 3
    user_agent: str = "druid-operator"
    timeouts: Timeouts = attrs.field(factory=Timeouts)
    install_signal_handlers: bool = True


class Manager:
    """Make it, set controllers up on it, then ``await run()`` once.

    Attributes:
        client: cached reads, live writes, own writes visible at once; fenced by the lease.
        api_reader: always live.
        cache, scheme, metrics, clock: shared by all.
        elected: set once this process leads, or at once without election.
    """

    def __init__(
        self,
        config: RestConfig,
        scheme: Scheme,
        options: ManagerOptions | None = None,
        *,
        clock: Clock | None = None,
        metrics: Metrics | None = None,
    ) -> None:
        self.config = config
        self.scheme = scheme
        self.options = options or ManagerOptions()
        self.clock = clock or SystemClock()
        self.metrics = metrics or Metrics()
        self.elected = asyncio.Event()
        self._transport = Transport(
            config,
            user_agent=self.options.user_agent,
            timeouts=self.options.timeouts,
            observe=lambda method, code, host: self.metrics.rest_client_requests_total.labels(
                code, host, method
            ).inc(),
            on_warning=_WarningLog(),
        )
        self._lease_transport: Transport | None = None
        self._elector = self._make_elector()
        fence = self._elector.check_fence if self._elector else None
        self.api_reader = RestClient(self._transport, scheme, fence=fence)
        cache_metrics = CacheMetrics(self.metrics, self.clock)
        self.cache = Cache(
            self._transport, clock=self.clock, options=self.options.cache, observer=cache_metrics
        )
        cache_metrics.watch(self.cache)
        self.client = CachedClient(self.api_reader, self.cache)
        self._recorder = Recorder(
            # Events are written without the fence: a lost lease is itself worth telling.
            RestClient(self._transport, scheme),
            controller=f"druid.apache.org/{self.options.user_agent}",
            clock=self.clock,
            metrics=self.metrics,
        )
        self._controllers: dict[str, Controller[NamespacedName]] = {}
        self._stop = asyncio.Event()
        self._failure: BaseException | None = None
        self._groups = {
            name: RunnableGroup(name, self._failed)
            for name in ("http", "caches", "others", "leader")
        }
        self._healthz: dict[str, Checker] = {"ping": ping}
        self._readyz: dict[str, Checker] = {"ping": ping, "caches": self._caches_ready}
        self._endpoints = Endpoints(
            self.options.metrics_bind,
            self.options.health_probe_bind,
            self.metrics,
            self._healthz,
            self._readyz,
        )

    # --- setting up -----------------------------------------------------------------------------

    def add(self, runnable: Runnable) -> None:
        """Run it with the manager; only while leading unless it says otherwise."""
        group = "leader" if needs_leader_election(runnable) else "others"
        self._groups[group].add(runnable)

    def add_controller(self, controller: Controller[NamespacedName]) -> None:
        """Raises ``ValueError`` when a controller of that name exists: metrics would mix."""
        if controller.name in self._controllers:
            raise ValueError(f"there is a controller named {controller.name!r} already")
        self._controllers[controller.name] = controller
        self.add(controller)

    def add_healthz_check(self, name: str, check: Checker) -> None:
        self._healthz[name] = check

    def add_readyz_check(self, name: str, check: Checker) -> None:
        self._readyz[name] = check

    def event_recorder(self) -> EventRecorder:
        return self._recorder

    @property
    def address(self) -> dict[str, str]:
        """Where the endpoints listen once running: ``metrics`` and ``health`` to ``host:port``."""
        return self._endpoints.addresses

    # --- life -----------------------------------------------------------------------------------

    def stop(self) -> None:
        """Begin to stop. Safe to call twice, and from a signal handler."""
        self._stop.set()

    async def run(self) -> None:
        """Run until stopped. Raises the first failure, ``LeaderLost`` or ``GraceExceeded``."""
        async with AsyncExitStack() as stack:
            if self.options.install_signal_handlers:
                stack.enter_context(StopSignals(self.stop))
            stack.push_async_callback(self.close)
            tasks = await stack.enter_async_context(asyncio.TaskGroup())
            recorder = tasks.create_task(self._recorder.start(), name="event recorder")
            election: asyncio.Task[None] | None = None
            try:
                election = await self._start_all(tasks)
                await self._stop.wait()
            finally:
                leftovers = await self._stop_all(election)
                await self._recorder.flush()
                recorder.cancel()
        if self._failure is not None:
            raise self._failure
        if leftovers:
            raise GraceExceeded(f"did not stop within the grace period: {', '.join(leftovers)}")

    async def _start_all(self, tasks: asyncio.TaskGroup) -> asyncio.Task[None] | None:
        http, caches, others = (self._groups[n] for n in ("http", "caches", "others"))
        http.add(self._endpoints)
        http.start(tasks)
        await self._until(self._endpoints.wait_started())
        caches.add(_Started(self.cache.start, "cache"))
        caches.start(tasks)
        others.add(LoopLagProbe(self.metrics))
        others.start(tasks)
        if self._elector is None:
            self._lead(tasks)
            return None
        return tasks.create_task(self._run_election(tasks), name="leader election")

    def _lead(self, tasks: asyncio.TaskGroup) -> None:
        self.elected.set()
        self._groups["leader"].start(tasks)

    async def _run_election(self, tasks: asyncio.TaskGroup) -> None:
        assert self._elector is not None

        async def lead() -> None:
            self._lead(tasks)
            await asyncio.Event().wait()

        try:
            await self._elector.run(lead)
        except LeaderLost as error:
            self._failed("leader election", error)

    async def _stop_all(self, election: asyncio.Task[None] | None) -> list[str]:
        logger().info("Stopping", reason=_words(self._failure) if self._failure else "asked to")
        self._readyz["shutdown"] = _stopping
        grace = self.options.graceful_shutdown_timeout
        if isinstance(self._failure, LeaderLost):
            grace = 0.0
        loop = asyncio.get_running_loop()
        ends_at = None if grace is None else loop.time() + grace

        def left() -> float | None:
            return None if ends_at is None else max(0.0, ends_at - loop.time())

        leftovers: list[str] = []
        working = (self._groups["leader"], self._groups["others"])
        for group in working:
            group.close()
        if grace != 0.0:
            budget = None if grace is None else grace * self.options.drain_fraction
            await self._drain(working, budget)
        for name in ("leader", "others", "caches", "http"):
            leftovers += await self._groups[name].cancel(left())
        if leftovers:
            # Said now: what ignores its cancellation also keeps run() from returning.
            logger().error("Still running after the grace period", runnable=", ".join(leftovers))
        if election is not None:
            election.cancel()
            await asyncio.wait([election], timeout=left())
        return leftovers

    async def _drain(self, groups: tuple[RunnableGroup, ...], budget: float | None) -> None:
        try:
            async with asyncio.timeout(budget):
                for group in groups:
                    await group.drain()
        except TimeoutError:
            logger().warning("Passes were still running and are cancelled")

    async def _until(self, ready: Awaitable[None]) -> None:
        """Wait for ``ready``, but not longer than for the stop."""
        async with asyncio.TaskGroup() as race:
            stop = race.create_task(self._stop.wait())
            try:
                await _first(race.create_task(_run(ready)), stop)
            finally:
                stop.cancel()

    # --- failures and probes --------------------------------------------------------------------

    def _failed(self, runnable: object, error: BaseException) -> None:
        if self._failure is None:
            self._failure = error
            logger().error("Stopped by a failure", runnable=repr(runnable), error=_words(error))
        self._stop.set()

    async def _caches_ready(self) -> None:
        waiting = self.cache.unsynced()
        if waiting:
            raise CheckFailed("waiting for " + "; ".join(waiting))

    def _make_elector(self) -> LeaderElector | None:
        if self.options.leader_election is None:
            return None
        # A transport of its own: the lease must not queue behind a thousand writes. And no fence:
        # the elector is what the fence asks.
        self._lease_transport = Transport(
            self.config, user_agent=self.options.user_agent, timeouts=self.options.timeouts
        )
        return LeaderElector(
            RestClient(self._lease_transport, self.scheme),
            self.options.leader_election,
            clock=self.clock,
            metrics=self.metrics,
        )

    async def close(self) -> None:
        """Close the connections. :meth:`run` does it; needed only when it is never called."""
        await self._transport.close()
        if self._lease_transport is not None:
            await self._lease_transport.close()


async def _stopping() -> None:
    raise CheckFailed("the manager is stopping")


async def _run(awaitable: Awaitable[None]) -> None:
    await awaitable


async def _first(work: asyncio.Task[None], other: asyncio.Task[bool]) -> None:
    await asyncio.wait([work, other], return_when=asyncio.FIRST_COMPLETED)
    if not work.done():
        work.cancel()


@attrs.frozen
class _Started:
    """A coroutine function as a runnable that needs no lease."""

    _start: Callable[[], Awaitable[None]]
    _name: str
    need_leader_election: bool = False

    def __repr__(self) -> str:
        return self._name

    async def start(self) -> None:
        await self._start()


class _WarningLog:
    """Logs each different warning of the API server once (a deprecated field warns on every
    write).
    """

    def __init__(self) -> None:
        self._seen: set[str] = set()

    def __call__(self, text: str) -> None:
        if text not in self._seen and len(self._seen) < 1000:
            self._seen.add(text)
            logger().warning("API server warned", reason=text)


def _words(error: BaseException | None) -> str:
    return (str(error) or type(error).__name__) if error else ""
