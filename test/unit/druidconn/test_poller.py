"""One cluster's poller: what it asks, how much, and that nobody is forgotten."""

from __future__ import annotations

from typing import Any

import pytest

from druid_operator.internal.druidconn import ClusterView, Connection, Endpoint, SettingsView
from druid_operator.internal.druidconn.breaker import OPEN_AFTER, Breaker
from druid_operator.internal.druidconn.connection import ConnectionKey
from druid_operator.internal.druidconn.failing_tasks import failing_tasks
from druid_operator.internal.druidconn.poller import STATUSES_PER_PERIOD, Poller
from druid_operator.internal.druidconn.turnstile import Turnstile
from druid_operator.pkg.clock import FakeClock
from druid_operator.pkg.druidapi import errors
from druid_operator.pkg.druidapi.types import TaskStatus
from druid_operator.pkg.errors import TerminalError
from druid_operator.pkg.meta import NamespacedName


class World:
    def __init__(self, druid: Any) -> None:
        self.druid = druid
        self.told: list[str] = []
        self.clock = FakeClock()
        self.view = ClusterView(self.told.append)
        self.breaker = Breaker(self.clock)
        self.poller = Poller(self.connection())

    def connection(self) -> Connection:
        async def close() -> None:
            pass

        key = ConnectionKey(NamespacedName("ns", "c"), Endpoint("http://x"), None)
        self.settings = SettingsView(self.told.append)
        return Connection(
            key, self.druid, self.breaker, self.view, self.settings, Turnstile(lambda key: None),
            0.0, self.clock, close,
        )  # fmt: skip

    async def follow(self, count: int, *, healthy: bool = True) -> None:
        for n in range(count):
            self.druid.add(f"s{n:03d}", healthy=healthy)
            self.view.follow(f"s{n:03d}")
            await self.view.refresh(self.druid, f"s{n:03d}", self.clock.monotonic())
        self.druid.calls.clear()
        self.druid.asked.clear()

    async def rounds(self, count: int) -> None:
        for _ in range(count):
            self.clock.step(30)
            await self.poller.round()


@pytest.fixture
def world(druid: Any) -> World:
    return World(druid)


async def test_nobody_interested_means_no_request(world: World) -> None:
    await world.rounds(3)
    assert not world.druid.calls


async def test_the_cost_does_not_grow_with_the_number_of_supervisors(world: World) -> None:
    await world.follow(200)
    await world.rounds(4)
    assert world.druid.calls == {"states": 2, "listing": 2, "status": 4 * STATUSES_PER_PERIOD}


async def test_everybody_is_asked_in_turn(world: World) -> None:
    await world.follow(45)
    await world.rounds(5)
    assert set(world.druid.asked) == set(world.view.followed)


async def test_unhealthy_ones_come_first_and_starve_nobody(world: World) -> None:
    await world.follow(60)
    for n in range(20):
        world.druid.states[f"s{n:03d}"] = ("UNHEALTHY_SUPERVISOR", False)
    await world.rounds(1)
    sick = {f"s{n:03d}" for n in range(20)}
    assert len(sick & set(world.druid.asked)) >= 5
    await world.rounds(12)
    assert set(world.druid.asked) == set(world.view.followed)


async def test_one_that_was_terminated_meanwhile_does_not_end_the_round(world: World) -> None:
    await world.follow(3)
    del world.druid.specs["s001"]
    await world.rounds(1)
    assert sorted(world.druid.asked) == ["s000", "s001", "s002"]
    assert world.view.failure is None


@pytest.mark.parametrize(
    "failure",
    [
        errors.NotReady("starting"), errors.Timeout("slow"), errors.ProxyDisabled("off"),
        errors.AuthFailed("who"), TerminalError("no Secret", reason="SecretNotFound"),
    ],
    ids=lambda failure: type(failure).__name__,
)  # fmt: skip
async def test_a_druid_that_cannot_be_asked_is_told_once_and_its_return_too(
    world: World, failure: Exception
) -> None:
    await world.follow(2)
    world.druid.down = failure
    await world.rounds(3)
    assert world.view.failure is failure
    assert sorted(world.told) == ["s000", "s001"]
    world.druid.down = None
    await world.rounds(1)
    assert world.view.failure is None
    assert sorted(world.told) == ["s000", "s000", "s001", "s001"]


async def test_a_failure_inside_druid_does_not_mean_that_it_is_away(world: World) -> None:
    await world.follow(1)
    world.druid.down = errors.ServerError("a bug")
    await world.rounds(1)
    assert world.view.failure is None


async def test_an_open_breaker_spares_druid(world: World) -> None:
    await world.follow(1)
    for _ in range(OPEN_AFTER):
        world.breaker.observe("x", 0, 1.0)
    await world.poller.round()
    assert not world.druid.calls
    assert isinstance(world.view.failure, errors.NotReady)


async def test_rules_and_compaction_are_asked_with_the_full_listing_if_somebody_declares_them(
    world: World,
) -> None:
    world.settings.follow("wiki")
    await world.rounds(4)
    assert world.druid.calls == {"listing": 2, "rules": 2, "compaction": 2, "capabilities": 1}


async def test_a_changed_rule_is_told(world: World) -> None:
    world.settings.follow("wiki")
    await world.settings.refresh(world.druid, "unified", "wiki", 0.0)
    await world.rounds(2)
    assert world.told == []
    world.druid.own_rules["wiki"] = [{"type": "dropForever"}]
    await world.rounds(2)
    assert world.told == ["wiki"]


def failed(number: int, supervisor_id: str = "s000", state: str = "FAILED") -> TaskStatus:
    return TaskStatus(f"index_kafka_{supervisor_id}_{number}", "index_kafka", state, error="boom")


async def test_tasks_that_fail_one_after_the_other_are_noticed_and_their_recovery_too(
    world: World,
) -> None:
    """Druid calls such a supervisor running and healthy, without errors."""
    await world.follow(1)
    world.druid.active["s000"] = ()
    world.druid.finished = [failed(n) for n in range(5)]
    await world.rounds(1)
    facts = world.view.facts("s000")
    assert facts is not None
    assert facts.failing == "index_kafka_s000_0: boom"
    assert world.told
    world.druid.active["s000"] = ("new",)
    await world.rounds(2)
    facts = world.view.facts("s000")
    assert facts is not None
    assert facts.failing == ""


async def test_tasks_that_live_are_not_looked_at(world: World) -> None:
    await world.follow(5)
    await world.rounds(10)
    assert world.druid.calls["tasks"] == 0


@pytest.mark.parametrize(
    ("tasks", "is_failing"),
    [
        ([], False),
        ([failed(1), failed(2)], False),
        ([failed(1), failed(2), failed(3)], True),
        ([failed(0, state="RUNNING"), failed(1), failed(2), failed(3)], True),
        ([failed(1), failed(2), failed(3, state="SUCCESS"), failed(4)], False),
        ([failed(n, "another") for n in range(3)], False),
    ],
    ids=["none", "two", "three", "one more starts", "one was good", "of another"],
)
def test_three_in_a_row_are_a_failure(tasks: list[TaskStatus], is_failing: bool) -> None:
    assert bool(failing_tasks(tasks, "index_kafka_s000_")) is is_failing


async def test_a_mistake_over_one_cluster_does_not_end_its_poller(world: World) -> None:
    await world.follow(1)
    world.druid.down = KeyError("a key that no Druid ever left out")
    await world.rounds(2)
    world.druid.down = None
    world.druid.states["s000"] = ("SUSPENDED", True)
    await world.rounds(1)
    facts = world.view.facts("s000")
    assert facts is not None
    assert facts.state == "SUSPENDED"


async def test_what_druid_says_is_logged_without_its_secrets(
    world: World, capfd: pytest.CaptureFixture[str]
) -> None:
    await world.follow(1)
    world.druid.down = errors.ServerError('cannot read {"password": "hush"}')
    await world.rounds(1)
    told = "".join(capfd.readouterr())
    assert "cannot read" in told
    assert "hush" not in told
