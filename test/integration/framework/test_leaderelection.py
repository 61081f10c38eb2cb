"""Elections over a Lease that an API server keeps: conflicts, validation and times are its own."""

from __future__ import annotations

import asyncio

import pytest

from druid_operator.pkg.clock import SystemClock
from druid_operator.pkg.controllerutil import retry_on_conflict
from druid_operator.pkg.envtest.environment import Environment
from druid_operator.pkg.envtest.eventually import eventually
from druid_operator.pkg.errors import LeaderLost
from druid_operator.pkg.leaderelection import LeaderElectionOptions, LeaderElector
from druid_operator.pkg.leaderelection.record import build_claim
from druid_operator.pkg.meta import NamespacedName
from druid_operator.pkg.scheme.builtin import LEASE

#: Short, but with room for a slow machine.
DURATIONS = {"lease_duration": 3.0, "renew_deadline": 2.0, "retry_period": 0.2}
WAIT_SECONDS = 20


class Candidate:
    def __init__(self, env: Environment, namespace: str, name: str) -> None:
        options = LeaderElectionOptions(
            name="election", namespace=namespace, identity=name, watchdog=False, **DURATIONS
        )
        self.elector = LeaderElector(env.client, options)
        self.leads = asyncio.Event()
        self.stop = asyncio.Event()
        self.task = asyncio.ensure_future(self.elector.run(self._lead))

    async def _lead(self) -> None:
        self.leads.set()
        await self.stop.wait()

    async def leading(self) -> None:
        async with asyncio.timeout(WAIT_SECONDS):
            await self.leads.wait()

    async def end(self) -> None:
        """Ask it to stop and wait; raises what the election raised."""
        self.stop.set()
        async with asyncio.timeout(WAIT_SECONDS):
            await self.task


async def test_one_of_many_leads_and_hands_over_when_it_stops(
    env: Environment, namespace: str
) -> None:
    candidates = {name: Candidate(env, namespace, name) for name in "abc"}
    key = NamespacedName(namespace, "election")
    followed: list[str] = []
    while candidates:
        await eventually(lambda: any(c.elector.is_leader for c in candidates.values()))
        leading = [name for name, c in candidates.items() if c.elector.is_leader]
        assert len(leading) == 1
        lease = await env.client.get(LEASE, key)
        assert lease["spec"]["holderIdentity"] == leading[0]
        assert lease["spec"]["leaseTransitions"] == len(followed)
        followed += leading
        await candidates.pop(leading[0]).end()
    assert sorted(followed) == ["a", "b", "c"]
    released = await env.client.get(LEASE, key)
    assert released["spec"].get("holderIdentity", "") == ""


async def test_a_leader_whose_lease_another_wrote_stops(env: Environment, namespace: str) -> None:
    candidate = Candidate(env, namespace, "a")
    await candidate.leading()
    key = NamespacedName(namespace, "election")

    async def usurp() -> None:
        lease = await env.client.get(LEASE, key)
        lease["spec"]["holderIdentity"] = "usurper"
        await env.client.update(lease)

    await retry_on_conflict(usurp)
    async with asyncio.timeout(WAIT_SECONDS):
        with pytest.raises(LeaderLost, match="held by usurper"):
            await candidate.task
    assert not candidate.elector.is_leader
    assert (await env.client.get(LEASE, key))["spec"]["holderIdentity"] == "usurper"


async def test_a_leader_that_was_killed_is_followed_when_its_lease_has_lapsed(
    env: Environment, namespace: str
) -> None:
    loop = asyncio.get_running_loop()
    crashed = LeaderElectionOptions(
        name="election", namespace=namespace, identity="crashed", **DURATIONS
    )
    await env.client.create(build_claim(None, crashed, SystemClock().now()))
    began = loop.time()
    successor = Candidate(env, namespace, "successor")
    await successor.leading()
    assert DURATIONS["lease_duration"] <= loop.time() - began
    lease = await env.client.get(LEASE, NamespacedName(namespace, "election"))
    assert lease["spec"]["leaseTransitions"] == 1
    await successor.end()
