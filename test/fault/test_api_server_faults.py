"""An API server that misbehaves while things are created delays them, and changes nothing else.

The end is that of an undisturbed run: nothing is made twice, Druid is told once, the process lives.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Any

import pytest
import pytest_asyncio

from druid_operator.pkg.envtest.apiserver.faults import HTML_503, Cut, Fault, Hold, Reply
from druid_operator.pkg.envtest.apiserver.requestlog import Request
from druid_operator.pkg.envtest.endstate import difference
from druid_operator.pkg.envtest.eventually import NotReached, eventually
from druid_operator.pkg.meta import JSON
from druid_operator.pkg.scheme.builtin import EVENT

CONFLICT = json.dumps(
    {
        "kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 409,
        "reason": "Conflict", "message": "the object has been modified; please apply your changes",
    }
).encode()  # fmt: skip

#: What the server answers to each request of the operator the first time that it is made.
FIRST_TIME: dict[str, Fault] = {
    "500": Reply(500),
    "503 from a proxy, as HTML": Reply(503, HTML_503, "text/html"),
    "504": Reply(504, b"upstream timeout", "text/plain"),
    "cut before": Cut(),
    "cut after": Cut(after=True),
}
#: The same, for writes alone: reads are never answered so.
FIRST_WRITE: dict[str, Fault] = {"409": Reply(409, CONFLICT), "403": Reply(403)}


class EachOnce:
    """A hook for ``Faults``: every different request of an operator meets the fault once.

    But for events: they are tried again after ten seconds, as client-go does.
    """

    def __init__(self, fault: Fault, *, writes_only: bool = False) -> None:
        self._fault = fault
        self._writes_only = writes_only
        self.met: set[tuple[str, ...]] = set()

    def __call__(self, request: Request) -> Fault | None:
        if not request.user_agent.startswith("druid-operator"):
            return None
        if request.kind == EVENT.kind or (self._writes_only and not request.is_write):
            return None
        target = request.target
        key = (request.verb, target.path, request.name, target.subresource)
        if key in self.met:
            return None
        self.met.add(key)
        return self._fault


@pytest.fixture
def created(cluster: JSON, stream: JSON, batch: JSON) -> list[JSON]:
    """A cluster, and a supervisor and a task in it."""
    return [cluster, stream, batch]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def ends() -> dict[str, Any]:
    """Where an undisturbed run ends, found out once."""
    return {}


@pytest_asyncio.fixture(loop_scope="session")
async def expected(make_world: Any, created: Sequence[JSON], ends: dict[str, Any]) -> JSON:
    if not ends:
        async with make_world() as world:
            await world.create(*created)
            await world.operator().start()
            await finished(world, created)
            ends["undisturbed"] = world.end_state()
    end: JSON = ends["undisturbed"]
    return end


async def finished(world: Any, created: Sequence[JSON]) -> None:
    await world.until_ready(*created)
    await world.until_quiet()


async def ends_as(
    world: Any, created: Sequence[JSON], expected: JSON, *, untold: Collection[str] = ()
) -> None:
    """``untold``: events that cannot be expected, as nobody heard of what they tell."""
    await finished(world, created)

    def same() -> bool:
        found = world.end_state()
        return bool(
            found["objects"] == expected["objects"]
            and found["extra"] == expected["extra"]
            # A refused write has an event of its own.
            and set(found["events"]) >= set(expected["events"]) - set(untold)
        )

    try:
        # An event that could not be written is tried again after ten seconds.
        await eventually(same, timeout=15.0, interval=0.2)
    except NotReached:
        pytest.fail(f"{difference(expected, world.end_state())}\n{world.logs()}")
    assert len(world.druid.mutations()) == 2
    assert world.is_alive(), world.logs()
    assert "programming error" not in world.logs()


@pytest.mark.parametrize("name", [*FIRST_TIME, *FIRST_WRITE])
async def test_every_request_fails_the_first_time(
    world: Any, created: Sequence[JSON], expected: JSON, name: str
) -> None:
    fault = FIRST_TIME.get(name) or FIRST_WRITE[name]
    hook = EachOnce(fault, writes_only=name in FIRST_WRITE)
    world.faults.hook = hook
    await world.create(*created)
    await world.operator().start()
    lost = ["Druid: Normal DruidOperatorCreateSuccess"] if name == "cut after" else []
    await ends_as(world, created, expected, untold=lost)
    told = {event.rpartition(" ")[2] for event in world.end_state()["events"]}
    assert not (lost and any(reason.endswith("Fail") for reason in told))
    # Twelve watches, three finalizers, eleven children, and a status for each at least.
    assert len(hook.met) >= (17 if name in FIRST_WRITE else 29)


async def test_a_busy_server_is_given_the_time_it_asks_for(
    world: Any, created: Sequence[JSON], expected: JSON
) -> None:
    """429 with Retry-After: the same request again, after that time and not before."""
    for kind in ("Druid", "ConfigMap", "Event"):
        world.faults.inject(
            Reply(429, retry_after=1),
            match=lambda r, kind=kind: world.is_operators(r) and r.is_write and r.kind == kind,
        )
    await world.create(*created)
    await world.operator().start()
    await ends_as(world, created, expected)


async def cut_all_the_time(world: Any) -> None:
    for _ in range(10):
        await asyncio.sleep(0.15)
        world.faults.cut_watches()


async def forget_history(world: Any) -> None:
    """Each watch that begins anew is answered 410: its version is too old."""
    for _ in range(5):
        await asyncio.sleep(0.3)
        world.faults.compact()
        world.faults.cut_watches()


async def go_away(world: Any) -> None:
    await asyncio.sleep(0.1)
    await world.faults.restart(down_for=2.0)


async def say_nothing(world: Any) -> None:
    """Watches stay open and are silent: own writes must not be repeated meanwhile."""
    world.faults.stall()
    await asyncio.sleep(2.0)
    world.faults.resume()


@pytest.mark.parametrize("trouble", [cut_all_the_time, forget_history, go_away, say_nothing])
async def test_watches_break_and_the_server_goes_away(
    world: Any,
    created: Sequence[JSON],
    expected: JSON,
    trouble: Callable[[Any], Awaitable[None]],
) -> None:
    await world.operator().start()
    await world.until(lambda: len(world.env.embedded.watches) >= 12, "it watches")
    await world.create(*created)
    await trouble(world)
    await ends_as(world, created, expected)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
async def test_a_write_that_is_never_answered(
    world: Any, created: Sequence[JSON], expected: JSON, everything: bool, after: bool
) -> None:
    """It is given up after its deadline, and looked at before it is repeated."""
    if not everything:
        pytest.skip("waits for the deadline of requests, 30 s: make fault-all")
    for kind in ("StatefulSet", "DruidIngestion"):
        world.faults.inject(
            Hold(asyncio.Event(), after),
            match=lambda r, kind=kind: world.is_operators(r) and r.is_write and r.kind == kind,
        )
    await world.create(*created)
    await world.operator().start()
    await asyncio.sleep(31.0)  # the deadline itself: nothing can be seen of it before
    await ends_as(world, created, expected)
