"""One connection per Druid cluster, shared by all who need it: client, breaker, view, poller.

A connection is remade when the cluster's endpoint or credentials change, and closed when nobody has
asked for it in a while. Pollers of different clusters are separate tasks: a Druid that hangs delays
its own objects only.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping
from contextvars import Context
from typing import Any

from druid_operator.internal.druidconn.breaker import Breaker
from druid_operator.internal.druidconn.connection import Connection, ConnectionKey
from druid_operator.internal.druidconn.credentials import SecretCredentials, secret_source
from druid_operator.internal.druidconn.endpoint import external_endpoint, resolve_endpoint
from druid_operator.internal.druidconn.poller import Poller
from druid_operator.internal.druidconn.secrets import SecretReader
from druid_operator.internal.druidconn.settings_view import SettingsView
from druid_operator.internal.druidconn.tls import SecretTLS, tls_source
from druid_operator.internal.druidconn.turnstile import Turnstile
from druid_operator.internal.druidconn.view import ClusterView
from druid_operator.pkg.client import Reader
from druid_operator.pkg.clock import Clock
from druid_operator.pkg.druidapi.client import DruidClient
from druid_operator.pkg.meta import JSON, NamespacedName

#: Seconds without a user after which a connection is closed and its poller ends.
IDLE_SECONDS = 600.0

#: Told of each exchange: cluster, operation, HTTP status (0: none), seconds.
CallObserver = Callable[[NamespacedName, str, int, float], None]
#: Told that the facts of a followed supervisor changed, or those of ``settings_of(datasource)``.
ChangeListener = Callable[[NamespacedName, str], None]


def settings_of(data_source: str) -> str:
    """What to follow for the rules and the compaction of a datasource; no supervisor's id."""
    return f"/{data_source}"


class Connections:
    """A runnable: pollers live while it runs.

    Args:
        reader: reads Secrets, live.
        wake: puts a key into the controller's queue, once a busy Druid has time for it.
        overrides: (namespace, name) of a ``Druid`` to the URL of its router.
        allowed: origins (``https://host:port``) that ``spec.connection.url`` may name.
        on_call: for metrics.
        poll_seconds: between two cheap listings; every second one is a full one.
    """

    need_leader_election = True

    def __init__(
        self,
        reader: Reader,
        clock: Clock,
        *,
        wake: Callable[[NamespacedName], None],
        overrides: Mapping[tuple[str, str], str] | None = None,
        allowed: Collection[str] = (),
        on_call: CallObserver | None = None,
        poll_seconds: float = 30.0,
    ) -> None:
        self.secrets = SecretReader(reader, clock)
        self._clock = clock
        self._wake = wake
        self._overrides = overrides or {}
        self._allowed = frozenset(allowed)
        self._on_call = on_call or (lambda _cluster, _operation, _status, _seconds: None)
        self._poll_seconds = poll_seconds
        self._connections: dict[ConnectionKey, Connection] = {}
        self._listeners: list[ChangeListener] = []
        self._tasks: asyncio.TaskGroup | None = None

    def __repr__(self) -> str:
        return "Druid connections"

    def on_change(self, listener: ChangeListener) -> None:
        self._listeners.append(listener)

    def connect(
        self, cluster: NamespacedName, druid: JSON | None, spec: Mapping[str, Any]
    ) -> Connection:
        """The connection to a cluster.

        Args:
            druid: the ``Druid`` object as stored; ``None`` where ``spec`` says where Druid is.
            spec: of the ingestion: its ``auth`` (the cluster's when absent) and ``connection``.

        Raises ``NoEndpoint`` or ``CredentialsError``; asks nobody.
        """
        connection = spec.get("connection") or {}
        override = self._overrides.get((cluster.namespace, cluster.name), "")
        if connection.get("url") and not override:
            endpoint = external_endpoint(connection["url"], self._allowed)
        else:
            endpoint = resolve_endpoint(druid or {}, override=override)
        source = secret_source(spec.get("auth"), cluster.namespace) or secret_source(
            ((druid or {}).get("spec") or {}).get("auth"), cluster.namespace
        )
        tls = tls_source(connection.get("tls"), cluster.namespace)
        key = ConnectionKey(cluster, endpoint, source, tls)
        self._sweep()
        found = self._connections.get(key) or self._open(key)
        found.used_at = self._clock.monotonic()
        return found

    def unfollow(self, cluster: NamespacedName, id_: str) -> None:
        """Nobody asks about this supervisor, or these settings, any more: nor does the poller."""
        for key, connection in self._connections.items():
            if key.cluster == cluster:
                connection.view.unfollow(id_)
                connection.settings.unfollow(id_.removeprefix("/"))

    async def start(self) -> None:
        try:
            async with asyncio.TaskGroup() as tasks:
                self._tasks = tasks
                for connection in self._connections.values():
                    self._start_poller(connection)
                await asyncio.Event().wait()
        finally:
            self._tasks = None
            open_, self._connections = self._connections, {}
            for connection in open_.values():
                await _close(connection)

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
            credentials=SecretCredentials(key.secret, self.secrets) if key.secret else None,
            tls=SecretTLS(key.tls, self.secrets) if key.tls else None,
            observer=observe,
        )
        view = ClusterView(lambda supervisor_id: self._changed(key.cluster, supervisor_id))
        settings = SettingsView(lambda name: self._changed(key.cluster, settings_of(name)))
        connection = Connection(
            key, client, breaker, view, settings, Turnstile(self._wake), self._clock.monotonic(),
            self._clock, client.aclose,
        )  # fmt: skip
        self._connections[key] = connection
        self._start_poller(connection)
        return connection

    def _start_poller(self, connection: Connection) -> None:
        if self._tasks is not None and connection.poller is None:
            poller = Poller(connection)
            connection.poller = self._tasks.create_task(
                poller.run(self._poll_seconds),
                name=f"poll Druid {connection.key.cluster}",
                # Not the context of the pass that happened to come first: its names would be on
                # every line that the poller ever logs.
                context=Context(),
            )

    def _changed(self, cluster: NamespacedName, supervisor_id: str) -> None:
        for listener in self._listeners:
            listener(cluster, supervisor_id)

    def _sweep(self) -> None:
        """Forget the connections that nobody uses, at once, and close them meanwhile."""
        if self._tasks is None:
            return
        now = self._clock.monotonic()
        for key, connection in list(self._connections.items()):
            if now - connection.used_at > IDLE_SECONDS:
                del self._connections[key]
                self._tasks.create_task(_close(connection), context=Context())


async def _close(connection: Connection) -> None:
    if connection.poller is not None:
        connection.poller.cancel()
    await connection.close()
