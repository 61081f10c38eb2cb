"""The parts that talk to one API server: client, cache, events, without any controller.

A manager is built on one. Another one, for a second API server, is made by hand and added to the
manager as a runnable; its cache then starts and stops with the manager's own::

    remote = Cluster(load_config("remote.kubeconfig"), scheme, metrics=mgr.metrics)
    mgr.add(remote)
    source = Kind(remote.cache, DEPLOYMENT, EnqueueMapped(...))
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from druid_operator.pkg.cache import Cache, CachedClient, CacheOptions
from druid_operator.pkg.client import RestClient, RestConfig, Timeouts, Transport
from druid_operator.pkg.clock import Clock, SystemClock
from druid_operator.pkg.log import logger
from druid_operator.pkg.manager.cache_metrics import CacheMetrics
from druid_operator.pkg.metrics import Metrics
from druid_operator.pkg.scheme import Scheme

#: How many different warnings of the API server are remembered, so that each is logged once.
MAX_WARNINGS = 1000


class Cluster:
    """One API server, as seen by this process.

    Args:
        config: where it is and as whom.
        scheme: the kinds.
        cache: which namespaces, and the timing of watches.
        user_agent: the name in audit logs.
        timeouts: of requests.
        clock, metrics: shared with the manager, as a rule.
        fence: asked before each write; raises when this process may not write any more.

    Attributes:
        client: cached reads, live writes, own writes visible at once.
        api_reader: always live.
        cache: its informers run while :meth:`start` does.
    """

    need_leader_election = False
    runnable_group: ClassVar = "caches"

    def __init__(
        self,
        config: RestConfig,
        scheme: Scheme,
        *,
        cache: CacheOptions | None = None,
        user_agent: str = "druid-operator",
        timeouts: Timeouts | None = None,
        clock: Clock | None = None,
        metrics: Metrics | None = None,
        fence: Callable[[], None] | None = None,
    ) -> None:
        self.config = config
        self.scheme = scheme
        self.clock = clock or SystemClock()
        self.metrics = metrics or Metrics()
        self.transport = Transport(
            config,
            user_agent=user_agent,
            timeouts=timeouts,
            observe=lambda method, code, host: self.metrics.rest_client_requests_total.labels(
                code, host, method
            ).inc(),
            observe_duration=self._observe_duration,
            on_warning=_WarningLog(),
        )
        self.api_reader = RestClient(self.transport, scheme, fence=fence)
        observer = CacheMetrics(self.metrics, self.clock)
        self.cache = Cache(self.transport, clock=self.clock, options=cache, observer=observer)
        observer.watch(self.cache)
        self.client = CachedClient(self.api_reader, self.cache)

    def __repr__(self) -> str:
        return f"cluster {self.config.host}"

    def _observe_duration(self, verb: str, host: str, seconds: float) -> None:
        self.metrics.rest_client_request_duration_seconds.labels(verb, host).observe(seconds)

    async def start(self) -> None:
        """Run the cache until cancelled."""
        await self.cache.start()

    async def close(self) -> None:
        """Close the connections, after everything that uses them. A manager closes its own."""
        await self.transport.close()


class _WarningLog:
    """Logs each different warning once: a deprecated field warns on every write."""

    def __init__(self) -> None:
        self._seen: set[str] = set()

    def __call__(self, text: str) -> None:
        if text not in self._seen and len(self._seen) < MAX_WARNINGS:
            self._seen.add(text)
            logger().warning("API server warned", reason=text)
