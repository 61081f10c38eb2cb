"""Hundreds of objects, and a Druid that is slow or dead: nobody waits for another's cluster."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest

from druid_operator.internal.druidconn.turnstile import PLACES
from druid_operator.pkg.druidapi.fake import FakeDruid
from druid_operator.pkg.druidapi.fake.faults import Fault
from druid_operator.pkg.meta import JSON

Make = Callable[..., JSON]
MANY = 60


async def second_cluster(world: Any, cluster: JSON) -> None:
    metadata = {"name": "second", "namespace": world.namespace}
    await world.env.client.create({**cluster, "metadata": metadata})


@pytest.mark.parametrize("how", ["hangs", "refuses connections", "is slow"])
async def test_a_druid_that_is_away_delays_no_object_of_another(
    run_operator: Any, kubernetes: Any, cluster: JSON, kafka: Make, how: str
) -> None:
    async with FakeDruid() as sick:
        endpoints = {
            (kubernetes.namespace, "example"): kubernetes.druid.url,
            (kubernetes.namespace, "second"): sick.url,
        }
        await second_cluster(kubernetes, cluster)
        async with run_operator(druid_endpoints=endpoints) as world:
            if how == "hangs":
                sick.fault(Fault("hold", times=10**6))
            elif how == "is slow":
                sick.behaviour.mutation_seconds = 2.0
            else:
                await sick.stop()
            for n in range(MANY):
                await world.create(kafka(f"sick{n}"), f"sick{n}", druidCluster="second")
            began = time.monotonic()
            await world.create(kafka())
            await world.until_condition("True", "Running")
            # Alone it takes a good second on a quiet machine: the state settles after one.
            assert time.monotonic() - began < 10
            await world.change({"spec": {"suspend": True}})
            await world.until_condition("True", "Suspended")
            sick.clear_faults()


async def test_no_druid_is_asked_by_more_than_a_few_at_once(world: Any, kafka: Make) -> None:
    most = 0
    fake = world.druid.cluster.supervisors
    put = fake.put
    world.druid.behaviour.mutation_seconds = 0.02

    def counted(*args: Any, **options: Any) -> Any:
        nonlocal most
        most = max(most, _waiting(world))
        return put(*args, **options)

    fake.put = counted
    for n in range(20):
        await world.create(kafka(f"d{n}"), f"i{n}")
    await world.until(lambda: len(world.druid.supervisors) == 20)
    assert 1 <= most <= PLACES


def _waiting(world: Any) -> int:
    """Supervisor mutations that the fake has not finished: one inside, others at its lock."""
    lock: asyncio.Lock = world.druid.cluster.lock
    return 1 + len(lock._waiters or ())  # type: ignore[attr-defined]  # how many stand there
