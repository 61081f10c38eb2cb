"""A connection to one Druid cluster: the client, and what is known of the other side."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import attrs

from druid_operator.internal.druidconn.breaker import Breaker
from druid_operator.internal.druidconn.credentials import SecretSource
from druid_operator.internal.druidconn.endpoint import Endpoint
from druid_operator.internal.druidconn.settings_view import SettingsView
from druid_operator.internal.druidconn.tls import TLSSource
from druid_operator.internal.druidconn.turnstile import Turnstile
from druid_operator.internal.druidconn.view import ClusterView
from druid_operator.pkg.clock import Clock
from druid_operator.pkg.druidapi.api import Capabilities, DruidAPI
from druid_operator.pkg.errors import OperatorError
from druid_operator.pkg.meta import NamespacedName

#: Seconds for which a probed version is believed.
PROBE_SECONDS = 300.0
#: Seconds between two looks at a Druid that could not be asked, whoever wants to know.
RECOVERY_SECONDS = 2.0


@attrs.frozen
class ConnectionKey:
    """What makes two connections the same."""

    cluster: NamespacedName
    endpoint: Endpoint
    secret: SecretSource | None
    tls: TLSSource | None = None


@attrs.define(eq=False)
class Connection:
    """Use ``api`` after ``ensure_ready()``, inside of ``turnstile.entered()``."""

    key: ConnectionKey
    api: DruidAPI
    breaker: Breaker
    view: ClusterView
    settings: SettingsView
    turnstile: Turnstile
    used_at: float
    clock: Clock = attrs.field(repr=False)
    close: Callable[[], Awaitable[None]] = attrs.field(repr=False)
    poller: asyncio.Task[None] | None = attrs.field(default=None, repr=False)
    _capabilities: Capabilities | None = attrs.field(default=None, init=False)
    _probed_at: float = attrs.field(default=0.0, init=False)
    _probing: asyncio.Lock = attrs.field(factory=asyncio.Lock, init=False, repr=False)
    _retry_at: float = attrs.field(default=float("-inf"), init=False)

    async def ensure_ready(self) -> None:
        """Return when Druid could be asked the last time, as far as is known, without asking.

        After a failure one caller in ``RECOVERY_SECONDS`` asks; the others are told the same
        failure, so that hundreds of objects do not knock at a Druid which is starting.

        Raises:
            OperatorError: what the last attempt to ask it raised.
        """
        self.breaker.check()
        failure = self.view.failure
        if failure is None:
            return
        now = self.clock.monotonic()
        if now < self._retry_at:
            raise failure.with_traceback(None)
        self._retry_at = now + RECOVERY_SECONDS
        try:
            await self.api.check_ready()
        except OperatorError as error:
            self.view.take_failure(error)
            raise
        self.forget_capabilities()  # it may have come back as another version
        self.view.take_failure(None)

    async def capabilities(self) -> Capabilities:
        """What this Druid can do; asked again after a while, since it may be upgraded."""
        async with self._probing:  # one asks for all
            now = self.clock.monotonic()
            if self._capabilities is None or now - self._probed_at > PROBE_SECONDS:
                self._capabilities = await self.api.capabilities()
                self._probed_at = now
            return self._capabilities

    def forget_capabilities(self) -> None:
        """Druid was away: it may come back as another version."""
        self._capabilities = None
