"""One process's shared parts and its life: client, cache, metrics, probes, election, controllers.

Start, in order: HTTP servers (probes answer while caches fill), webhooks, caches, what needs no
lease, the sources of controllers that are to warm up, and, once leading, the controllers. A read
waits for the cache that it asks, so nothing has to be ordered behind the caches.

Stop, in order, after SIGTERM, :meth:`Manager.stop` or a failure: readyz turns false; nothing new is
taken in; running passes finish within two thirds of the grace period and are then cancelled;
caches; webhooks; HTTP servers; the lease is given back; events are flushed; connections are closed.
Stopping is in two stages because a cancelled pass is one that the next process has to repair.

A lost lease skips all that: everything is cancelled at once and nothing is waited for, because
another process is writing already.
"""

from __future__ import annotations

import asyncio
import gc
from contextlib import AsyncExitStack

from druid_operator.pkg.certwatcher import CertWatcher
from druid_operator.pkg.client import RestClient, RestConfig, Transport
from druid_operator.pkg.clock import Clock, SystemClock
from druid_operator.pkg.controller import Controller
from druid_operator.pkg.errors import LeaderLost
from druid_operator.pkg.healthz import Checker, CheckFailed, health_app, ping
from druid_operator.pkg.leaderelection import LeaderElector
from druid_operator.pkg.log import logger
from druid_operator.pkg.manager.authorization import Authorizer
from druid_operator.pkg.manager.cluster import Cluster
from druid_operator.pkg.manager.debug import DebugEndpoint
from druid_operator.pkg.manager.endpoints import Endpoints, metrics_app
from druid_operator.pkg.manager.groups import GraceExceeded, Groups
from druid_operator.pkg.manager.loop_lag import LoopLagProbe
from druid_operator.pkg.manager.options import ManagerOptions
from druid_operator.pkg.manager.race import unless_set
from druid_operator.pkg.manager.runnable import Runnable
from druid_operator.pkg.manager.signals import StopSignals
from druid_operator.pkg.meta import JSON, NamespacedName
from druid_operator.pkg.metrics import Metrics
from druid_operator.pkg.recorder import EventRecorder, Recorder
from druid_operator.pkg.scheme import Scheme

#: After the controllers have started: most of what is made later is not kept.
FREEZE_AFTER_SECONDS = 2.0


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
        self._lease_transport: Transport | None = None
        self._elector = self._make_elector()
        self.cluster = Cluster(
            config,
            scheme,
            cache=self.options.cache,
            user_agent=self.options.user_agent,
            timeouts=self.options.timeouts,
            clock=self.clock,
            metrics=self.metrics,
            fence=self._elector.check_fence if self._elector else None,
        )
        self.api_reader = self.cluster.api_reader
        self.cache = self.cluster.cache
        self.client = self.cluster.client
        # Without the fence: for what a standby does too, and for telling that the lease is lost.
        self._unfenced = RestClient(self.cluster.transport, scheme)
        self._recorder = Recorder(
            self._unfenced,
            controller=self.options.reporting_controller or self.options.user_agent,
            clock=self.clock,
            metrics=self.metrics,
        )
        self._controllers: dict[str, Controller[NamespacedName]] = {}
        self._stop = asyncio.Event()
        self._failure: BaseException | None = None
        self._groups = Groups(self._failed)
        self._groups.add(self.cluster)
        self._healthz: dict[str, Checker] = {"ping": ping}
        if self._elector is not None:
            self._healthz["leaderElection"] = self._elector_healthy
        self._readyz: dict[str, Checker] = {"ping": ping, "caches": self._caches_ready}
        self._endpoints = self._make_endpoints()

    # --- setting up -----------------------------------------------------------------------------

    def add(self, runnable: Runnable) -> None:
        """Run it with the manager; only while leading unless it says otherwise.

        Raises ``RuntimeError`` once the manager is stopping.
        """
        self._groups.add(runnable)

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
        """Where the endpoints listen once running: ``metrics``, ``health`` and ``debug`` to
        ``host:port``.
        """
        return self._endpoints.addresses

    # --- life -----------------------------------------------------------------------------------

    def stop(self) -> None:
        """Begin to stop. Safe to call twice, and from a signal handler."""
        self._stop.set()

    async def run(self) -> None:
        """Run until stopped. Raises the first failure, ``LeaderLost`` or ``GraceExceeded``."""
        # Before the lease is won and probes answer, so that no one waits for it later.
        self.scheme.warm()
        async with AsyncExitStack() as stack:
            if self.options.install_signal_handlers:
                stack.enter_context(StopSignals(self.stop))
            stack.push_async_callback(self.close)
            tasks = await stack.enter_async_context(asyncio.TaskGroup())
            recorder = tasks.create_task(self._recorder.start(), name="event recorder")
            freezing = tasks.create_task(self._freeze_heap_once_started(), name="heap freezer")
            election: asyncio.Task[None] | None = None
            leftovers: list[str] = []
            try:
                election = await self._start_all(tasks)
                await self._stop.wait()
            finally:
                freezing.cancel()
                leftovers = await self._stop_all(election)
                await self._recorder.flush()
                recorder.cancel()
        if self._failure is not None:
            raise self._failure
        if leftovers:
            raise GraceExceeded(f"did not stop within the grace period: {', '.join(leftovers)}")

    async def _start_all(self, tasks: asyncio.TaskGroup) -> asyncio.Task[None] | None:
        self._groups["http"].add(self._endpoints)
        self._groups["http"].start(tasks)
        await unless_set(self._stop, self._endpoints.wait_started())
        self._groups["others"].add(LoopLagProbe(self.metrics))
        for group in (self._groups[name] for name in ("webhooks", "caches", "others")):
            group.start(tasks)
        if self._elector is None:
            self._lead(tasks)
            return None
        await unless_set(self._stop, self._warm_up())
        return tasks.create_task(self._run_election(tasks), name="leader election")

    async def _warm_up(self) -> None:
        """Let controllers that want it fill their queues before the lease is won."""
        wanting = [c for c in self._controllers.values() if c.settings.enable_warmup]
        results = await asyncio.gather(*(c.warmup() for c in wanting), return_exceptions=True)
        for controller, result in zip(wanting, results, strict=True):
            if isinstance(result, Exception):
                self._failed(controller, result)

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

    async def _freeze_heap_once_started(self) -> None:
        wanted = self.options.freeze_heap
        if not (self.options.install_signal_handlers if wanted is None else wanted):
            return
        for controller in tuple(self._controllers.values()):
            await controller.started.wait()
        # Not at once: a collection takes tens of milliseconds, and the first passes wait for them.
        await asyncio.sleep(FREEZE_AFTER_SECONDS)
        gc.collect()
        gc.freeze()

    async def _stop_all(self, election: asyncio.Task[None] | None) -> list[str]:
        logger().info("Stopping", reason=_words(self._failure) if self._failure else "asked to")
        self._readyz["shutdown"] = _stopping
        lost = isinstance(self._failure, LeaderLost)
        grace = 0.0 if lost else self.options.graceful_shutdown_timeout
        leftovers = await self._groups.stop(grace, self.options.drain_fraction)
        if election is not None:
            # The lease is given back only now, when nothing works under it any more.
            election.cancel()
            await asyncio.wait([election], timeout=grace)
        return leftovers

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

    async def _elector_healthy(self) -> None:
        assert self._elector is not None
        self._elector.check_healthy()

    def _make_endpoints(self) -> Endpoints:
        options, endpoints = self.options, Endpoints()
        guard = Authorizer(self._unfenced, clock=self.clock) if options.metrics.authorize else None
        tls = None
        if options.metrics.cert_dir is not None:
            folder = options.metrics.cert_dir
            tls = CertWatcher(folder / "tls.crt", folder / "tls.key", metrics=self.metrics)
        app = metrics_app(
            self.metrics, options.metrics.handlers, guard.middleware if guard else None
        )
        endpoints.add("metrics", options.metrics_bind, app, tls=tls)
        endpoints.add("health", options.health_probe_bind, health_app(self._healthz, self._readyz))
        debug = DebugEndpoint(self.cache, self._controllers, self.clock)
        endpoints.add("debug", options.debug_bind, debug.app())
        return endpoints

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
            on_event=self._tell_of_election,
        )

    def _tell_of_election(self, lease: JSON, note: str) -> None:
        # The reason is client-go's. The action differs, or both would be one series under the
        # first one's note.
        action = "Acquire" if self._elector is not None and self._elector.is_leader else "Release"
        self._recorder.event(lease, "Normal", "LeaderElection", action, note)

    async def close(self) -> None:
        """Close the connections. :meth:`run` does it; needed only when it is never called."""
        await self.cluster.close()
        if self._lease_transport is not None:
            await self._lease_transport.close()


async def _stopping() -> None:
    raise CheckFailed("the manager is stopping")


def _words(error: BaseException | None) -> str:
    return (str(error) or type(error).__name__) if error else ""
