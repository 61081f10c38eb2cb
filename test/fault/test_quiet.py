"""In a world that does not change, the operator writes nothing and asks nothing.

Counted at the API server, for the samples that users begin with.
"""

from __future__ import annotations

import asyncio
from importlib.resources import files
from typing import Any

import pytest

from druid_operator.cmd.demo.operator_process import free_port
from druid_operator.pkg.meta import JSON
from druid_operator.pkg.meta.yaml import load_all
from druid_operator.pkg.scheme.builtin import LEASE

LEADING = ("--leader-elect", "--leader-election-namespace=world")
#: Seconds between two renewals of a lease.
RENEW_PERIOD = 2.0


@pytest.fixture
def samples() -> list[JSON]:
    """The sample cluster (every service, two tiers) with a supervisor and a batch task."""
    folder = files("druid_operator") / "config" / "samples"
    names = ("druid.yaml", "druidingestion-kafka.yaml", "druidingestion-batch.yaml")
    return [obj for name in names for obj in load_all((folder / name).read_text())]


def flags(world: Any) -> list[str]:
    return [f"--druid-endpoint={world.namespace}/example={world.druid.url}"]


async def test_an_idle_operator_watches_and_renews_its_lease_and_no_more(
    world: Any, samples: list[JSON], everything: bool
) -> None:
    """`make fault-all`: a minute at the periods of production. `make test`: passes each second, so
    that eight seconds hold as many.
    """
    seconds, wait, poll = (60.0, "10s", "30s") if everything else (8.0, "1s", "1s")
    await world.create(*samples)
    operator = world.operator(
        *LEADING, *flags(world), f"--druid-poll={poll}",
        RECONCILE_WAIT=wait, metrics_port=free_port(), health_port=free_port(),
    )  # fmt: skip
    await operator.start()
    await world.until_ready(*samples)
    await world.until_quiet()
    seen, passes = len(world.requests()), await _passes(operator)
    calls = len(world.druid.requests)
    told = len(world.druid.mutations())

    await asyncio.sleep(seconds)  # the world as it is: there is nothing to wait for

    new = world.requests()[seen:]
    assert [str(r) for r in new if r.kind != LEASE.kind] == []
    assert {r.verb for r in new} <= {"get", "update", "patch"}
    assert 1 <= len(new) <= 2 * seconds / RENEW_PERIOD + 2
    # It did look: every object was passed over several times, and Druid was polled.
    assert await _passes(operator) - passes >= 2 * len(samples)
    assert len(world.druid.requests) > calls
    assert len(world.druid.mutations()) == told


async def test_a_new_process_finds_nothing_to_do(world: Any, samples: list[JSON]) -> None:
    """The second pass over an unchanged world, in the hardest form: without any memory."""
    await world.create(*samples)
    first = world.operator(*flags(world))
    await first.start()
    await world.until_ready(*samples)
    await world.until_quiet()
    await first.stop()
    seen, told = len(world.requests()), len(world.druid.mutations())
    watches = {r.kind for r in world.requests() if r.verb == "watch"}

    second = world.operator(*flags(world), metrics_port=free_port(), health_port=free_port())
    await second.start()

    async def looked() -> bool:
        return await _passes(second) >= 3 * len(samples)

    await world.until(looked, "every object was passed over three times")
    new = world.requests()[seen:]
    # Each process looks once whether the installed CRDs are its own.
    looks = [r for r in new if r.verb == "get" and r.kind == "CustomResourceDefinition"]
    assert len(looks) == 2
    assert [str(r) for r in new if r.verb != "watch" and r not in looks] == []
    assert {r.kind for r in new if r not in looks} == watches
    assert len(world.druid.mutations()) == told


async def _passes(operator: Any) -> int:
    """Reconciliations so far, of both controllers."""
    lines = (await operator.metrics()).splitlines()
    name = "controller_runtime_reconcile_total{"
    return sum(int(float(line.rsplit(" ", 1)[1])) for line in lines if line.startswith(name))
