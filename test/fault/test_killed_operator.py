"""An operator that dies anywhere is repaired by the next one, and nothing is done twice.

It is killed (SIGKILL) at its k-th request, for every k: before the server carried it out, and after
it did, when only the answer is lost. The next process must end where an undisturbed one does.
"""

from __future__ import annotations

import asyncio
import itertools
import signal
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import attrs
import pytest

from druid_operator.api.v1alpha1 import DRUID, DRUID_INGESTION
from druid_operator.pkg.druidapi.fake import Fault
from druid_operator.pkg.envtest.apiserver.faults import Kill
from druid_operator.pkg.envtest.endstate import difference
from druid_operator.pkg.envtest.eventually import NotReached, eventually
from druid_operator.pkg.meta import JSON
from druid_operator.pkg.scheme.builtin import EVENT

#: Worlds at a time: a run mostly waits.
PARALLEL = 5
#: Reads change nothing, so `make test` dies at every third of them, `make fault-all` at each.
READ_STEP = 3


@attrs.frozen
class Moment:
    """When the operator dies: at a request of this kind, before or after it is carried out."""

    server: Literal["API server", "Druid"]
    request: Literal["read", "write"]
    after: bool = False

    def __str__(self) -> str:
        return f"{'after' if self.after else 'before'} a {self.request}, {self.server}"

    def count(self, world: Any) -> int:
        """Requests of this kind so far."""
        writes = self.request == "write"
        if self.server == "API server":
            return sum(r.is_write == writes for r in world.requests())
        return sum(r.mutates == writes for r in world.druid.requests)

    def arm(self, world: Any, pid: int, number: int) -> None:
        """Kill ``pid`` at its request of that number, counted from 1."""
        if self.server == "API server":
            writes = self.request == "write"
            world.faults.inject(
                Kill(pid, self.after),
                match=lambda r: world.is_operators(r) and r.is_write == writes,
                skip=number - 1,
            )
        else:
            method = "POST" if self.request == "write" else "GET"
            world.druid.fault(Fault("kill", number, self.after, method=method, pid=pid))

    @property
    def was_not_told(self) -> bool:
        """Whether Druid is asked again, as it never carried out the first request."""
        return self.server == "Druid" and self.request == "write" and not self.after


# Whether a read was carried out makes no difference to the world, so there is no "after".
API_SERVER = (
    Moment("API server", "read"),
    Moment("API server", "write"),
    Moment("API server", "write", after=True),
)
DRUID_SERVER = (
    Moment("Druid", "read"),
    Moment("Druid", "write"),
    Moment("Druid", "write", after=True),
)


@attrs.frozen
class End:
    """Where an undisturbed operator ends.

    Args:
        watches: how many it keeps open.
        submissions: changes that it asked Druid for.
        requests: how many it made, by moment.
    """

    state: JSON
    watches: int
    submissions: int
    requests: Mapping[Moment, int]


@attrs.frozen
class Creation:
    """What the operator is doing when it dies.

    Args:
        make_world: see the fixture.
        objects: created before it starts.
        waited: those of them that become ready.
    """

    make_world: Any
    objects: Sequence[JSON]
    waited: Sequence[JSON]

    async def undisturbed(self) -> End:
        async with self.make_world() as world:
            await world.create(*self.objects)
            await world.operator().start()
            await self._done(world)
            return End(
                world.end_state(),
                len(world.env.embedded.watches),
                len(world.druid.mutations()),
                {moment: moment.count(world) for moment in (*API_SERVER, *DRUID_SERVER)},
            )

    async def killed_at(self, moment: Moment, number: int, expected: End) -> str | None:
        """``None``: there is no such request. Else what is wrong in the end, ``""`` for nothing."""
        async with self.make_world() as world:
            await world.create(*self.objects)
            victim = world.operator()
            await victim.start()
            moment.arm(world, victim.pid, number)
            if not await self._dies(world, victim):
                return None
            assert victim.returncode == -signal.SIGKILL, world.logs()
            changed = _has_changed_the_world(world)
            await world.operator().start()
            try:
                # Before that it has seen nothing that could make it write.
                watches = expected.watches
                await world.until(lambda: len(world.env.embedded.watches) >= watches, "it watches")
                await self._done(world)
                return await self._compare(world, moment, expected, changed=changed)
            except NotReached as error:
                return str(error)

    async def _done(self, world: Any) -> None:
        await world.until_ready(*self.waited)
        await world.until_quiet()

    async def _dies(self, world: Any, victim: Any) -> bool:
        """Whether it died before everything was done."""
        dying = asyncio.create_task(victim.wait())
        done = asyncio.create_task(self._done(world))
        await asyncio.wait({dying, done}, return_when=asyncio.FIRST_COMPLETED)
        died = dying.done()
        for task in (dying, done):
            task.cancel()
        await asyncio.gather(dying, done, return_exceptions=True)
        return died

    async def _compare(self, world: Any, moment: Moment, expected: End, *, changed: bool) -> str:
        state = expected.state

        def same() -> bool:
            found = world.end_state()
            return bool(found["objects"] == state["objects"] and found["extra"] == state["extra"])

        try:
            await eventually(same, timeout=2.0, interval=0.2)
        except NotReached:
            return f"{difference(state, world.end_state())}\n{world.logs()}"
        submissions = len(world.druid.mutations())
        if submissions != expected.submissions + moment.was_not_told:
            return f"Druid was told {submissions} times: {world.druid.mutations()}"
        return _wrong_events(state["events"], world.end_state()["events"], may_lose=changed)


def _has_changed_the_world(world: Any) -> bool:
    """Whether the operator did anything of which an event tells."""
    finalizers = {DRUID.kind, DRUID_INGESTION.kind}
    told_of = [
        r
        for r in world.writes()
        if r.executed and r.kind != EVENT.kind
        and not (r.kind in finalizers and not r.target.subresource)
    ]  # fmt: skip
    return bool(told_of or world.druid.mutations())


def _wrong_events(expected: Sequence[str], found: Sequence[str], *, may_lose: bool) -> str:
    """Events are written in the background and may be lost with the process that did what they tell
    of. Nothing else may be missing, and nothing may be told that did not happen.
    """
    if invented := sorted(set(found) - set(expected)):
        return f"events of nothing: {invented}"
    lost = sorted(set(expected) - set(found))
    return f"lost events: {lost}" if lost and not may_lose else ""


async def kill_at_every_request(
    creation: Creation, moment: Moment, step: int, expected: End
) -> int:
    """How often it was killed. Fails with the differences of all that did not end as expected."""
    ends: dict[int, str | None] = {}
    numbers = iter(range(1, expected.requests[moment] + 1, step))

    async def take_turns() -> None:
        for number in numbers:
            ends[number] = await creation.killed_at(moment, number, expected)

    async with asyncio.TaskGroup() as workers:
        for _ in range(PARALLEL):
            workers.create_task(take_turns())
    # No two runs make exactly the same requests: go on until one makes no more.
    for number in itertools.count(expected.requests[moment] + 1, step):
        ends[number] = await creation.killed_at(moment, number, expected)
        if ends[number] is None:
            break
    wrong = "\n\n".join(f"killed at {n}:\n{end}" for n, end in sorted(ends.items()) if end)
    assert not wrong, wrong
    return sum(end is not None for end in ends.values())


def _step(moment: Moment, everything: bool) -> int:
    return READ_STEP if moment.request == "read" and not everything else 1


@pytest.fixture(scope="module")
def undisturbed() -> dict[str, End]:
    """Ends that are known already, by what is created."""
    return {}


async def _kill(
    kind: str, creation: Creation, moment: Moment, everything: bool, undisturbed: dict[str, End]
) -> int:
    step = _step(moment, everything)
    if kind not in undisturbed:
        undisturbed[kind] = await creation.undisturbed()
    return await kill_at_every_request(creation, moment, step, undisturbed[kind]) * step


@pytest.mark.parametrize("moment", API_SERVER, ids=str)
async def test_a_cluster_is_created(
    make_world: Any,
    cluster: JSON,
    moment: Moment,
    everything: bool,
    undisturbed: dict[str, End],
) -> None:
    creation = Creation(make_world, [cluster], [cluster])
    killed = await _kill("cluster", creation, moment, everything, undisturbed)
    # Twelve watches; a finalizer, ten children, the status and an event.
    assert killed >= 12


@pytest.mark.parametrize("moment", [*API_SERVER, *DRUID_SERVER], ids=str)
@pytest.mark.parametrize("kind", ["stream", "batch"])
async def test_an_ingestion_is_created(
    request: pytest.FixtureRequest,
    make_world: Any,
    cluster_elsewhere: JSON,
    kind: str,
    moment: Moment,
    everything: bool,
    undisturbed: dict[str, End],
) -> None:
    ingestion: JSON = request.getfixturevalue(kind)
    creation = Creation(make_world, [cluster_elsewhere, ingestion], [ingestion])
    killed = await _kill(kind, creation, moment, everything, undisturbed)
    # Druid: its version, what is there, and the one submission; the API server as for a cluster.
    at_least = {"API server": 6, "Druid": 1 if moment.request == "write" else 4}
    assert killed >= at_least[moment.server]
