"""Is Druid there? Asked by one on behalf of all, and only after it was not."""

from __future__ import annotations

from typing import Any

import pytest

from druid_operator.internal.druidconn import ClusterView, Connection, Endpoint, SettingsView
from druid_operator.internal.druidconn.breaker import Breaker
from druid_operator.internal.druidconn.connection import RECOVERY_SECONDS, ConnectionKey
from druid_operator.internal.druidconn.turnstile import Turnstile
from druid_operator.pkg.clock import FakeClock
from druid_operator.pkg.druidapi import errors
from druid_operator.pkg.meta import NamespacedName


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def connection(druid: Any, clock: FakeClock) -> Connection:
    async def close() -> None:
        pass

    key = ConnectionKey(NamespacedName("ns", "c"), Endpoint("http://x"), None)
    view = ClusterView(lambda id_: None)
    turnstile = Turnstile(lambda key: None)
    settings = SettingsView(lambda name: None)
    return Connection(key, druid, Breaker(clock), view, settings, turnstile, 0.0, clock, close)


async def test_while_nothing_is_wrong_nobody_is_asked(connection: Connection, druid: Any) -> None:
    await connection.ensure_ready()
    assert not druid.calls


async def test_after_a_failure_one_asks_for_all(
    connection: Connection, druid: Any, clock: FakeClock
) -> None:
    connection.view.take_failure(errors.NotReady("starting"))
    druid.down = errors.NotReady("no leader yet")
    for _ in range(5):
        with pytest.raises(errors.NotReady):
            await connection.ensure_ready()
    assert druid.calls == {"check_ready": 1}
    clock.step(RECOVERY_SECONDS)
    druid.down = None
    await connection.ensure_ready()
    assert connection.view.failure is None
