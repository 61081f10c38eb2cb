"""C27, C28 and C31 to C33: one leader, whatever clocks, networks and schedulers do.

Durations: a lease of 3 s, to be renewed within 2 s, tried four times a second.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from datetime import datetime, timedelta
from pathlib import Path

import attrs
import pytest
import pytest_asyncio

from druid_operator.pkg.clock import SystemClock
from druid_operator.pkg.envtest.apiserver.faults import Cut
from druid_operator.pkg.envtest.environment import Environment
from druid_operator.pkg.envtest.eventually import eventually
from druid_operator.pkg.envtest.proxy import FaultProxy, ProxiedRequest
from druid_operator.pkg.leaderelection import LeaderElectionOptions, LeaderElector
from druid_operator.pkg.leaderelection.options import JITTER
from druid_operator.pkg.meta import NamespacedName
from druid_operator.pkg.scheme.builtin import CONFIG_MAP, LEASE

pytestmark = pytest.mark.usefixtures("no_leaked_task")

OPERATOR = Path(__file__).parent / "elected_operator.py"
LEASE_DURATION, RENEW_DEADLINE, RETRY_PERIOD = 3.0, 2.0, 0.25
#: What a busy machine may add to any of these.
SLACK = 3.0
LINGER = 2.0


@attrs.define
class Process:
    identity: str
    proxy: FaultProxy
    process: asyncio.subprocess.Process

    @property
    def writes(self) -> list[ProxiedRequest]:
        """Its own work; the lease is not."""
        return [
            r
            for r in self.proxy.requests
            if r.user_agent == self.identity and r.is_write and r.plural == "configmaps"
        ]

    async def works(self) -> None:
        before = len(self.writes)
        await eventually(lambda: len(self.writes) > before + 2, timeout=20)

    async def exited(self, within: float) -> int:
        async with asyncio.timeout(within):
            return await self.process.wait()


Start = Callable[..., "asyncio.Future[Process]"]


@pytest_asyncio.fixture(loop_scope="session")
async def start(env: Environment, proxy: FaultProxy, objects) -> AsyncIterator[Start]:
    """``await start("one")`` runs an operator of that identity; it is killed at the end."""
    await objects.create("beat")
    async with AsyncExitStack() as stack:

        async def run(identity: str, misbehave: str = "no") -> Process:
            process = await asyncio.create_subprocess_exec(
                sys.executable, str(OPERATOR), "--url", proxy.url, "--namespace",
                objects.namespace, "--identity", identity, "--misbehave", misbehave,
                stdout=asyncio.subprocess.DEVNULL,
            )  # fmt: skip
            stack.push_async_callback(_kill, process)
            return Process(identity, proxy, process)

        yield run


async def _kill(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.kill()
    await process.wait()


async def test_c27_leader_is_cut_off_with_a_pass_stuck_in_a_thread(start, proxy) -> None:
    """It writes nothing more from the renew deadline on, and two seconds later the process is gone,
    with a code that says so, though a thread of it never ends."""
    leader = await start("stuck", "stick")
    await leader.works()
    loop = asyncio.get_running_loop()
    proxy.faults.hook = lambda r: Cut() if r.user_agent == "stuck" else None
    cut_at = loop.time()
    assert await leader.exited(RENEW_DEADLINE + LINGER + SLACK) != 0
    last = max((w.at for w in leader.writes), default=0.0)
    assert last - cut_at <= RENEW_DEADLINE + 0.5


async def test_c28_leader_is_stopped_and_resumed(env: Environment, objects, start, proxy) -> None:
    """A leader that stood still beyond its lease writes nothing after its successor has begun. One
    write that was already past the fence may arrive: its precondition refuses it."""
    old = await start("old")
    await old.works()
    new = await start("new")
    old.process.send_signal(signal.SIGSTOP)
    await new.works()
    taken_over = new.writes[0].at
    old.process.send_signal(signal.SIGCONT)
    assert await old.exited(RENEW_DEADLINE + LINGER + SLACK) != 0
    late = [w for w in old.writes if w.at > taken_over]
    assert len(late) <= 1
    assert all(w.status == 409 for w in late)
    await new.works()
    lease = await env.client.get(LEASE, NamespacedName(objects.namespace, "election"))
    assert lease["spec"]["holderIdentity"] == "new"


async def test_c28_leader_is_killed(env: Environment, objects, start) -> None:
    """The successor leads within the lease and five retries."""
    old = await start("old")
    await old.works()
    new = await start("new")
    await eventually(lambda: [r for r in new.proxy.requests if r.user_agent == "new"])
    old.process.kill()
    died = asyncio.get_running_loop().time()
    await new.works()
    waited = new.writes[0].at - died
    assert waited <= LEASE_DURATION + 5 * RETRY_PERIOD * (1 + JITTER) + SLACK


class Skewed(SystemClock):
    """A wall clock that is wrong."""

    def __init__(self, hours: float) -> None:
        super().__init__()
        self._hours = hours

    def now(self) -> datetime:
        return super().now() + timedelta(hours=self._hours)


@pytest.mark.parametrize("hours", [-1.0, 1.0])
async def test_c31_wrong_wall_clock(env: Environment, namespace: str, hours: float) -> None:
    """A candidate an hour before or behind takes no lease that is being renewed, and loses none."""
    durations = {"lease_duration": 1.2, "renew_deadline": 0.9, "retry_period": 0.1}
    electors = [
        LeaderElector(
            env.client,
            LeaderElectionOptions(
                name="c31", namespace=namespace, identity=name, watchdog=False, **durations
            ),
            clock=clock,
        )
        for name, clock in (("right", SystemClock()), ("wrong", Skewed(hours)))
    ]
    led: list[str] = []

    async def lead(elector: LeaderElector, stop: asyncio.Event) -> None:
        async def work() -> None:
            led.append(elector.identity)
            await stop.wait()

        await elector.run(work)

    stops = [asyncio.Event(), asyncio.Event()]
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(lead(electors[0], stops[0]))
        await eventually(lambda: led == ["right"])
        tasks.create_task(lead(electors[1], stops[1]))
        await _renewed(env, namespace, times=15)  # longer than the lease by far
        assert led == ["right"]
        stops[0].set()
        await eventually(lambda: led == ["right", "wrong"])
        await _renewed(env, namespace, times=5)
        assert electors[1].is_leader
        stops[1].set()


async def _renewed(env: Environment, namespace: str, *, times: int) -> None:
    seen: set[str] = set()

    async def often() -> bool:
        lease = await env.client.get(LEASE, NamespacedName(namespace, "c31"))
        seen.add(lease["spec"]["renewTime"])
        return len(seen) > times

    await eventually(often, timeout=30)


async def test_c32_loop_is_blocked_while_leading(start) -> None:
    """20 s of work in the event loop cannot be survived by a lease of 3 s: a thread ends the
    process, because nothing in the loop can."""
    leader = await start("blocked", "block")
    await eventually(lambda: len(leader.writes) >= 5, timeout=20)
    began = asyncio.get_running_loop().time()
    assert await leader.exited(LEASE_DURATION + LINGER + SLACK) != 0
    assert asyncio.get_running_loop().time() - began < 15


async def test_c33_clean_stop(env: Environment, objects, start) -> None:
    """A leader that is asked to stop gives the lease back, and the successor leads within one retry
    period, with its jitter: it does not wait for the lease to run out."""
    old = await start("old")
    await old.works()
    new = await start("new")
    await eventually(lambda: [r for r in new.proxy.requests if r.user_agent == "new"])
    old.process.send_signal(signal.SIGTERM)
    assert await old.exited(10.0) == 0
    await new.works()
    released = [r for r in old.proxy.requests if r.user_agent == "old" and r.is_write][-1]
    assert released.plural == "leases", "the lease is given back last"
    claimed = next(
        r
        for r in new.proxy.requests
        if r.user_agent == "new" and r.verb == "update" and r.status == 200 and r.at > released.at
    )
    assert claimed.at - released.at <= RETRY_PERIOD * (1 + JITTER) + 0.5
    beat = await env.client.get(CONFIG_MAP, objects.key("beat"))
    assert {"old", "new"} <= set(beat["data"])
