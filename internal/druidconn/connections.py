"""One connection per Druid cluster, shared by all who need it: client, breaker, view, poller.

A connection is remade when the cluster's endpoint or credentials change, and closed when nobody has
asked for it in a while. Pollers of different clusters are separate tasks: a Druid that hangs delays
its own objects only.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import attrs

from druid_operator.internal.druidconn.breaker import Breaker
from druid_operator.internal.druidconn.credentials import (
    SecretCredentials,
    SecretSource,
    secret_source,
)
from druid_operator.internal.druidconn.endpoint import Endpoint, resolve_endpoint
from druid_operator.internal.druidconn.poller import poll
from druid_operator.internal.druidconn.view import ClusterView
from druid_operator.pkg.client import Reader
from druid_operator.pkg.clock import Clock
from druid_operator.pkg.druidapi.api import Capabilities, DruidAPI
from druid_operator.pkg.druidapi.client import DruidClient
from druid_operator.pkg.meta import JSON, NamespacedName

#: Seconds without a user after which a connection is closed and its poller ends.
IDLE_SECONDS = 600.0

#: Seconds for which a probed version is believed.
PROBE_SECONDS = 300.0

#: Told of each exchange: cluster, operation, HTTP status (0: none), seconds.
CallObserver = Callable[[NamespacedName, str, int, float], None]
#: Told that a followed supervisor's facts changed.
ChangeListener = Callable[[NamespacedName, str], None]


@attrs.frozen
class ConnectionKey:
    """What makes two connections the same."""

    cluster: NamespacedName
    endpoint: Endpoint
    secret: SecretSource | None


@attrs.define(eq=False)
class Connection:
    """Use ``api`` after ``breaker.check()``."""

    key: ConnectionKey
    api: DruidAPI
    breaker: Breaker
    view: ClusterView
    used_at: float
    clock: Clock = attrs.field(repr=False)
    close: Callable[[], Awaitable[None]] = attrs.field(repr=False)
    poller: asyncio.Task[None] | None = attrs.field(default=None, repr=False)
    _capabilities: Capabilities | None = attrs.field(default=None, init=False)
    _probed_at: float = attrs.field(default=0.0, init=False)

    async def capabilities(self) -> Capabilities:
        """What this Druid can do; asked again after a while, since it may be upgraded."""
        now = self.clock.monotonic()
        if self._capabilities is None or now - self._probed_at > PROBE_SECONDS:
            self._capabilities = await self.api.capabilities()
            self._probed_at = now
        return self._capabilities

    def forget_capabilities(self) -> None:
        """Druid was away: it may come back as another version."""
        self._capabilities = None


class Connections:
    """A runnable: pollers live while it runs.

    Args:
        reader: reads Secrets, live.
        overrides: (namespace, name) of a ``Druid`` to the URL of its router.
        on_call: for metrics.
        poll_seconds: between two cheap listings; every second one is a full one.
    """

    need_leader_election = True

    def __init__(
        self,
        reader: Reader,
        clock: Clock,
        *,
        overrides: Mapping[tuple[str, str], str] | None = None,
        on_call: CallObserver | None = None,
        poll_seconds: float = 30.0,
    ) -> None:
        self._reader = reader
        self._clock = clock
        self._overrides = overrides or {}
        self._on_call = on_call or (lambda _cluster, _operation, _status, _seconds: None)
        self._poll_seconds = poll_seconds
        self._connections: dict[ConnectionKey, Connection] = {}
        self._listeners: list[ChangeListener] = []
        self._tasks: asyncio.TaskGroup | None = None

    def __repr__(self) -> str:
        return "Druid connections"

    def on_change(self, listener: ChangeListener) -> None:
        self._listeners.append(listener)

    def connect(self, druid: JSON, auth: Mapping[str, object] | None = None) -> Connection:
        """The connection to a cluster.

        Args:
            druid: the ``Druid`` object as stored.
            auth: an ingestion's own ``spec.auth``; the cluster's when absent.

        Raises ``NoEndpoint`` or ``CredentialsError``; asks nobody.
        """
        cluster = NamespacedName.of(druid)
        endpoint = resolve_endpoint(
            druid, override=self._overrides.get((cluster.namespace, cluster.name), "")
        )
        source = secret_source(auth, cluster.namespace) or secret_source(
            (druid.get("spec") or {}).get("auth"), cluster.namespace
        )
        key = ConnectionKey(cluster, endpoint, source)
        self._sweep()
        found = self._connections.get(key) or self._open(key)
        found.used_at = self._clock.monotonic()
        return found

    async def start(self) -> None:
        try:
            async with asyncio.TaskGroup() as tasks:
                self._tasks = tasks
                for connection in self._connections.values():
                    self._start_poller(connection)
                await asyncio.Event().wait()
        finally:
            self._tasks = None
            for connection in list(self._connections.values()):
                await self._close(connection)

    def _open(self, key: ConnectionKey) -> Connection:
        breaker = Breaker(self._clock)

        def observe(operation: str, status: int, seconds: float) -> None:
            breaker.observe(operation, status, seconds)
            if not status and key in self._connections:
                self._connections[key].forget_capabilities()
            self._on_call(key.cluster, operation, status, seconds)

        client = DruidClient(
            key.endpoint.url,
            via_router=key.endpoint.via_router,
            credentials=(
                SecretCredentials(key.secret, self._reader, self._clock) if key.secret else None
            ),
            observer=observe,
        )
        view = ClusterView(lambda supervisor_id: self._changed(key.cluster, supervisor_id))
        connection = Connection(
            key, client, breaker, view, self._clock.monotonic(), self._clock, client.aclose
        )
        self._connections[key] = connection
        self._start_poller(connection)
        return connection

    def _start_poller(self, connection: Connection) -> None:
        if self._tasks is not None and connection.poller is None:
            connection.poller = self._tasks.create_task(
                poll(connection.api, connection.view, connection.breaker, self._clock,
                     self._poll_seconds),
                name=f"poll Druid {connection.key.cluster}",
            )  # fmt: skip

    def _changed(self, cluster: NamespacedName, supervisor_id: str) -> None:
        for listener in self._listeners:
            listener(cluster, supervisor_id)

    def _sweep(self) -> None:
        now = self._clock.monotonic()
        for connection in list(self._connections.values()):
            if now - connection.used_at > IDLE_SECONDS and self._tasks is not None:
                self._tasks.create_task(self._close(connection))

    async def _close(self, connection: Connection) -> None:
        self._connections.pop(connection.key, None)
        if connection.poller is not None:
            connection.poller.cancel()
        await connection.close()
