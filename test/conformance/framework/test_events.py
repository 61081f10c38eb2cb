"""C47: events are for people; they cost the API server little and nobody waits for them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from druid_operator.pkg.client import RestClient, Transport
from druid_operator.pkg.envtest.environment import Environment
from druid_operator.pkg.envtest.eventually import eventually
from druid_operator.pkg.envtest.proxy import FaultProxy
from druid_operator.pkg.metrics import Metrics
from druid_operator.pkg.recorder import Recorder
from druid_operator.pkg.recorder.spam import BURST
from druid_operator.pkg.scheme import Scheme
from druid_operator.pkg.scheme.builtin import EVENT

pytestmark = pytest.mark.usefixtures("no_leaked_task")


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@pytest_asyncio.fixture(loop_scope="session")
async def recorder(proxy: FaultProxy, metrics: Metrics) -> AsyncIterator[Recorder]:
    transport = Transport(proxy.rest_config(), user_agent="conformance")
    made = Recorder(
        RestClient(transport, Scheme()), "example.com/c47", instance="pod-1", metrics=metrics
    )
    running = asyncio.ensure_future(made.start())
    yield made
    running.cancel()
    await asyncio.wait([running])
    await transport.close()


def dropped(metrics: Metrics, reason: str) -> float:
    name = "controller_runtime_events_dropped_total"
    return metrics.registry.get_sample_value(name, {"reason": reason}) or 0.0


async def test_c47_burst(
    env: Environment, objects, proxy: FaultProxy, recorder: Recorder, metrics: Metrics
) -> None:
    """1000 equal events become one object with a count; of 1000 different ones for one object a
    burst of 25 is written and the rest is dropped and counted. Recording them takes no await."""
    same, other = await objects.create("same", "other")
    for n in range(1000):
        recorder.event(same, "Warning", "Failed", "Reconcile", f"attempt {n}")
    for n in range(1000):
        recorder.event(other, "Warning", f"Reason{n}", "Reconcile", "each time another")
    assert not [r for r in proxy.requests if r.plural == "events"], "nothing was awaited"
    await recorder.flush()
    events = await env.client.list(EVENT, namespace=objects.namespace)
    about = {
        name: [e for e in events if e["regarding"]["name"] == name] for name in ("same", "other")
    }
    (series,) = about["same"]
    assert series["series"]["count"] == 1000
    assert len(about["other"]) == BURST
    assert dropped(metrics, "spam") == 1000 - BURST
    assert len([r for r in proxy.requests if r.plural == "events"]) <= BURST + 2


async def test_c47_server_is_down(
    env: Environment, objects, proxy: FaultProxy, recorder: Recorder
) -> None:
    """While the API server is away recording goes on, and what was recorded is written when it is
    back."""
    (obj,) = await objects.create("a")
    proxy.go_down()
    for n in range(10):
        recorder.event(obj, "Normal", f"Reason{n}", "Reconcile", "made")
    await eventually(lambda: [r for r in proxy.requests if r.plural == "events"])
    proxy.come_up()

    async def written() -> bool:
        return len(await env.client.list(EVENT, namespace=objects.namespace)) == 10

    await eventually(written, timeout=40)
