"""One operator works at a time, as processes: whoever leads, and however its reign ends."""

from __future__ import annotations

import asyncio
import os
import signal
from typing import Any

import pytest

from druid_operator.api.v1alpha1 import DRUID
from druid_operator.cmd.demo.operator_process import OperatorProcess
from druid_operator.cmd.manager.options import LEASE_NAME
from druid_operator.pkg.envtest.apiserver.faults import Hold
from druid_operator.pkg.envtest.eventually import eventually
from druid_operator.pkg.meta import JSON
from druid_operator.pkg.scheme.builtin import LEASE, SERVICE

LEADING = ("--leader-elect", "--leader-election-namespace=world")
LEASE_DURATION, RENEW_DEADLINE, RETRY_PERIOD = 15.0, 10.0, 2.0

slow = pytest.mark.skipif(
    not os.environ.get("FAULT_ALL"),
    reason="waits for a lease of 15 s to lapse: make fault-all",
)


def holder(world: Any) -> str:
    """Empty while nobody leads."""
    if world.gone(LEASE, LEASE_NAME):
        return ""
    return str(world.get(LEASE, LEASE_NAME)["spec"].get("holderIdentity") or "")


async def two_operators(world: Any, cluster: JSON) -> tuple[OperatorProcess, OperatorProcess]:
    """The leader, at work, and one that waits."""
    leader = world.operator(*LEADING)
    await leader.start()
    await world.until(lambda: holder(world), "somebody leads")
    follower = world.operator(*LEADING)
    await follower.start()
    await world.create(cluster)
    await world.until_ready(cluster)
    await world.until_quiet()
    return leader, follower


async def make_work(world: Any) -> None:
    await world.delete(SERVICE, "druid-c-routers")


async def test_a_leader_that_stops_hands_over_at_once(world: Any, cluster: JSON) -> None:
    leader, follower = await two_operators(world, cluster)
    was = holder(world)
    started = asyncio.get_running_loop().time()
    assert await leader.stop() == 0
    await world.until(lambda: holder(world) not in ("", was), "the other one leads")
    # The lease was given back, so nobody waited for it to lapse.
    assert asyncio.get_running_loop().time() - started < LEASE_DURATION / 2
    await make_work(world)
    await world.until(lambda: not world.gone(SERVICE, "druid-c-routers"), "the Service is back")
    assert follower.returncode is None


async def test_a_leader_whose_lease_was_taken_ends_and_writes_no_more(
    world: Any, cluster: JSON
) -> None:
    operator = world.operator(*LEADING)
    await operator.start()
    await world.create(cluster)
    await world.until_ready(cluster)
    await world.until_quiet()
    await world.change(LEASE, LEASE_NAME, {"spec": {"holderIdentity": "somebody-else"}})
    assert await asyncio.wait_for(operator.wait(), LEASE_DURATION) == 1
    assert holder(world) == "somebody-else"
    assert "lease" in operator.tail().lower()


async def test_a_follower_writes_nothing(world: Any, cluster: JSON) -> None:
    lease = {
        "apiVersion": LEASE.api_version,
        "kind": LEASE.kind,
        "metadata": {"name": LEASE_NAME},
        "spec": {
            "holderIdentity": "somebody-else",
            "leaseDurationSeconds": 3600,
            "acquireTime": "2030-01-01T00:00:00.000000Z",
            "renewTime": "2030-01-01T00:00:00.000000Z",
        },
    }
    await world.create(lease, cluster)
    operator = world.operator(*LEADING)
    await operator.start()

    def tried_twice() -> bool:
        return sum(r.kind == LEASE.kind for r in world.requests()) >= 2

    await world.until(tried_twice, "it asked for the lease, and again")
    assert [str(r) for r in world.writes()] == []
    assert world.get(DRUID, "c").get("status") is None
    assert operator.returncode is None


@slow
async def test_the_successor_of_a_killed_leader_takes_over_when_the_lease_lapses(
    world: Any, cluster: JSON
) -> None:
    leader, follower = await two_operators(world, cluster)
    was = holder(world)
    leader.kill()
    assert await leader.wait() == -signal.SIGKILL
    await make_work(world)
    limit = LEASE_DURATION + 2 * RETRY_PERIOD + 3.0
    await eventually(lambda: holder(world) != was, timeout=limit, what="the other one leads")
    await world.until(lambda: not world.gone(SERVICE, "druid-c-routers"), "the Service is back")
    assert follower.returncode is None


@slow
async def test_a_leader_that_cannot_renew_ends_before_its_successor_begins(
    world: Any, cluster: JSON
) -> None:
    """Its own watchdog ends it: whoever hangs cannot be trusted to notice."""
    leader, follower = await two_operators(world, cluster)
    held = Hold(asyncio.Event())
    was = holder(world)

    def of_leader(request: Any) -> bool:
        return request.kind == LEASE.kind and request.verb == "update"

    world.faults.inject(held, match=of_leader, times=1)
    world.faults.inject(held, match=lambda r: of_leader(r) and holder(world) == was, times=1000)
    assert await asyncio.wait_for(leader.wait(), RENEW_DEADLINE + LEASE_DURATION) == 1
    assert holder(world) == was
    world.faults.clear()
    await eventually(lambda: holder(world) not in ("", was), timeout=LEASE_DURATION + 8.0)
    assert follower.returncode is None
