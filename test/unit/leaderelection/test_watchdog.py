"""The watchdog ends the process exactly when the deadline has passed, and needs no event loop."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import time

import pytest

from druid_operator.pkg.clock import FakeClock
from druid_operator.pkg.leaderelection import Watchdog

#: A leader over an in-memory Lease, with short durations, whose loop then blocks for a minute.
BLOCKED_LEADER = textwrap.dedent(
    """
    import asyncio
    import time

    from druid_operator.pkg import log
    from druid_operator.pkg.leaderelection import LeaderElectionOptions, LeaderElector

    class Client:
        async def get(self, kind, key):
            from druid_operator.pkg.errors import NotFound
            raise NotFound("none")

        async def create(self, lease):
            return lease

        update = create

    async def lead():
        print("leading", flush=True)
        {work}

    options = LeaderElectionOptions(
        name="l", namespace="ns", lease_duration=1.0, renew_deadline=0.8, retry_period=0.2
    )
    log.configure(fmt="json")
    asyncio.run(LeaderElector(Client(), options).run(lead))
    print("stopped", flush=True)
    """
)


def test_it_acts_only_after_the_deadline_and_only_while_there_is_one() -> None:
    clock, exits = FakeClock(mono=100.0), []
    deadline: list[float | None] = [None]
    watchdog = Watchdog(lambda: deadline[0], clock, exit_=exits.append)
    assert not watchdog.check()
    deadline[0] = 105.0
    clock.step(5)
    assert not watchdog.check()
    clock.step(0.1)
    assert watchdog.check()
    assert exits == [1]


@pytest.mark.parametrize(
    ("work", "code"),
    [("time.sleep(60)", 1), ("await asyncio.sleep(2)", 0)],
    ids=["blocked", "free"],
)
def test_c32_a_leader_whose_loop_is_blocked_is_ended_and_a_free_one_is_not(
    work: str, code: int
) -> None:
    began = time.monotonic()
    ended = subprocess.run(
        [sys.executable, "-c", BLOCKED_LEADER.format(work=work)],
        capture_output=True,
        timeout=30,
        check=False,
        text=True,
    )
    assert ended.returncode == code, ended.stderr
    assert ended.stdout.startswith("leading")
    assert ("stopped" in ended.stdout) == (code == 0)
    assert ("Lease lapsed while leading" in ended.stderr) == (code == 1)
    assert time.monotonic() - began < 20
