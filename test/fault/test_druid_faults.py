"""A Druid that fails, hangs or refuses: the object says so, and recovers without anybody's help.

Nothing is done twice: what Druid may have taken already is looked for before it is sent again.
"""

from __future__ import annotations

import base64
import copy
from collections.abc import AsyncIterator, Callable
from typing import Any

import attrs
import pytest
import pytest_asyncio

from druid_operator.api.v1alpha1 import DRUID_INGESTION
from druid_operator.pkg.druidapi.fake import Fault
from druid_operator.pkg.envtest.endstate import difference
from druid_operator.pkg.meta import JSON
from druid_operator.pkg.scheme.builtin import SECRET

#: Druid is looked at so often that its recovery is noticed at once.
POLL = "--druid-poll=300ms"
SUPERVISOR, TASK = "/druid/indexer/v1/supervisor", "/druid/indexer/v1/task"
ALWAYS = 1_000_000
SECRETS = ("hush", "wrong")


@attrs.frozen
class Trouble:
    """Args:
    begin: makes Druid misbehave; ``end`` stops it.
    reason: of ``Ready`` meanwhile.
    seconds: until an object that Druid never knew asks again; then it must recover.
    """

    name: str
    begin: Callable[[Any], Any]
    end: Callable[[Any], Any]
    reason: str
    seconds: float

    def __str__(self) -> str:
        return self.name


def answers(status: int, body: str = "") -> Callable[[Any], Any]:
    return lambda druid: druid.fault(Fault("answer", times=ALWAYS, status=status, body=body))


def behave(**fields: Any) -> Callable[[Any], Any]:
    def change(druid: Any) -> None:
        for name, value in fields.items():
            setattr(druid.behaviour, name, value)

    return change


def forgive(druid: Any) -> None:
    druid.clear_faults()


# The last column is the wait of that kind of failure, see `Backoff` in pkg/druidapi/errors: its
# first one, or its longest where the breaker may have opened.
TROUBLES = [
    Trouble("503", answers(503), forgive, "DruidUnreachable", 4),
    Trouble("500", answers(500, "<html>oops</html>"), forgive, "DruidError", 10),
    Trouble("HTML of a proxy", answers(200, "<html>log in</html>"), forgive, "DruidUnreachable", 4),
    Trouble(
        "connections cut",
        lambda druid: druid.fault(Fault("cut", times=ALWAYS)), forgive, "DruidUnreachable", 30,
    ),
    Trouble("no leader", behave(leader="none"), behave(leader="here"), "DruidUnreachable", 4),
    Trouble(
        "no connection", lambda druid: druid.stop(), lambda druid: druid.start(),
        "DruidUnreachable", 30,
    ),
    Trouble(
        "management proxy off",
        behave(proxy=False), behave(proxy=True), "ManagementProxyDisabled", 60,
    ),
    Trouble(
        "credentials wanted",
        behave(basic_auth=("admin", "x")), behave(basic_auth=None), "Unauthorized", 60,
    ),
]  # fmt: skip


async def call(function: Callable[[Any], Any], druid: Any) -> None:
    answer = function(druid)
    if hasattr(answer, "__await__"):
        await answer


async def become_ready(world: Any, *objects: JSON, within: float = 20.0) -> None:
    def ready() -> bool:
        names = [obj["metadata"]["name"] for obj in objects]
        conditions = [world.condition(DRUID_INGESTION, name, "Ready") for name in names]
        return all(condition.get("status") == "True" for condition in conditions)

    await world.until(ready, "all are ready", timeout=within)
    await world.until_quiet()


@pytest.fixture
def both(stream: JSON, batch: JSON) -> list[JSON]:
    return [stream, batch]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def ends() -> dict[str, JSON]:
    """Where an undisturbed run ends, found out once."""
    return {}


@pytest_asyncio.fixture(loop_scope="session")
async def expected(
    make_world: Any, cluster_elsewhere: JSON, both: list[JSON], ends: dict[str, JSON]
) -> JSON:
    if not ends:
        async with make_world() as world:
            await world.create(cluster_elsewhere, *both)
            await world.operator(POLL).start()
            await become_ready(world, *both)
            ends["undisturbed"] = world.end_state()
    return ends["undisturbed"]


@pytest_asyncio.fixture(loop_scope="session")
async def running(world: Any, cluster_elsewhere: JSON, both: list[JSON]) -> AsyncIterator[Any]:
    """A supervisor that runs and a task that has run."""
    await world.create(cluster_elsewhere, *both)
    await world.operator(POLL).start()
    await become_ready(world, *both)
    yield world
    assert world.is_alive(), world.logs()
    assert "programming error" not in world.logs()
    assert not any(secret in world.logs() for secret in SECRETS)


def same_as(world: Any, expected: JSON) -> None:
    found = world.end_state()
    for part in ("objects", "extra"):
        assert found[part] == expected[part], f"{difference(expected, found)}\n{world.logs()}"


@pytest.mark.parametrize("trouble", TROUBLES, ids=str)
async def test_trouble_while_a_supervisor_runs(
    running: Any, expected: JSON, stream: JSON, batch: JSON, trouble: Trouble
) -> None:
    told = len(running.druid.mutations())
    await call(trouble.begin, running.druid)
    name = stream["metadata"]["name"]
    if trouble.reason == "DruidError":
        # Druid is there: what was known of the supervisor still holds, and is still said.
        await running.until_quiet()
        assert running.condition(DRUID_INGESTION, name, "Ready")["status"] == "True"
    else:
        await running.until_condition(DRUID_INGESTION, name, "Ready", "Unknown", trouble.reason)
        await running.until_quiet()
    # A run that has ended well needs no Druid for that.
    done = running.condition(DRUID_INGESTION, batch["metadata"]["name"], "Ready")
    assert (done["status"], done["reason"]) == ("True", "Succeeded")
    await call(trouble.end, running.druid)
    await become_ready(running, stream, batch)
    assert len(running.druid.mutations()) == told
    same_as(running, expected)


@pytest.mark.parametrize("trouble", TROUBLES, ids=str)
async def test_trouble_before_anything_was_submitted(
    world: Any,
    cluster_elsewhere: JSON,
    both: list[JSON],
    expected: JSON,
    trouble: Trouble,
    everything: bool,
) -> None:
    if trouble.seconds > 5 and not everything:
        pytest.skip(f"asked again after {trouble.seconds:g} s: make fault-all")
    await call(trouble.begin, world.druid)
    await world.create(cluster_elsewhere, *both)
    await world.operator(POLL).start()
    for obj in both:
        name = obj["metadata"]["name"]
        status = "False" if trouble.reason == "DruidError" else "Unknown"
        await world.until_condition(DRUID_INGESTION, name, "Ready", status, trouble.reason)
    assert world.druid.mutations() == [] or trouble.name == "503"
    await call(trouble.end, world.druid)
    await become_ready(world, *both, within=trouble.seconds + 10.0)
    same_as(world, expected)
    assert world.is_alive(), world.logs()


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("kind", ["stream", "batch"])
async def test_the_answer_to_a_submission_is_lost(
    request: pytest.FixtureRequest,
    world: Any,
    cluster_elsewhere: JSON,
    kind: str,
    after: bool,
    everything: bool,
) -> None:
    if not everything:
        pytest.skip("an unknown outcome is looked at after a minute: make fault-all")
    ingestion: JSON = request.getfixturevalue(kind)
    path = SUPERVISOR if kind == "stream" else TASK
    world.druid.fault(Fault("cut", method="POST", path=path, after=after))
    await world.create(cluster_elsewhere, ingestion)
    await world.operator(POLL).start()
    await become_ready(world, ingestion, within=80.0)
    state = world.druid_state()
    assert [generation for _, generation in state["supervisors"].values()] in ([], [1])
    assert len(state["supervisors"]) + len(state["tasks"]) == 1
    assert len(world.druid.mutations()) == (1 if after else 2)


async def test_a_failed_submission_is_sent_once_more(
    world: Any, cluster_elsewhere: JSON, both: list[JSON], expected: JSON
) -> None:
    for path in (SUPERVISOR, TASK):
        world.druid.fault(Fault("answer", method="POST", path=path, status=500))
    await world.create(cluster_elsewhere, *both)
    await world.operator(POLL).start()
    await become_ready(world, *both)
    same_as(world, expected)
    assert len(world.druid.mutations()) == 4


async def test_a_druid_that_hangs_delays_nobody_else(
    world: Any, cluster_elsewhere: JSON, stream: JSON, cluster: JSON
) -> None:
    """Druid takes the request and says nothing; another cluster is made meanwhile."""
    world.druid.fault(Fault("hold", times=ALWAYS))
    await world.create(cluster_elsewhere, stream)
    await world.operator(POLL).start()
    await world.until(lambda: world.druid.requests or world.requests(), "it works")
    other = copy.deepcopy(cluster)
    other["metadata"]["name"] = "other"
    await world.create(other)
    await world.until_ready(other)
    assert world.is_alive()


def credentials(password: str) -> JSON:
    data = {"OperatorUserName": "admin", "OperatorPassword": password}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "druid-admin"},
        "data": {key: base64.b64encode(value.encode()).decode() for key, value in data.items()},
    }


async def test_a_wrong_password_is_told_and_the_right_one_is_enough(
    world: Any, cluster_elsewhere: JSON, stream: JSON, everything: bool
) -> None:
    """It is read again where it is refused; neither one is ever shown."""
    if not everything:
        pytest.skip("a refusal of credentials is tried again after a minute: make fault-all")
    world.druid.behaviour.basic_auth = ("admin", "hush")
    stream["spec"]["auth"] = {"type": "basic-auth", "secretRef": {"name": "druid-admin"}}
    await world.create(credentials("wrong"), cluster_elsewhere, stream)
    await world.operator(POLL).start()
    name = stream["metadata"]["name"]
    await world.until_condition(DRUID_INGESTION, name, "Ready", "Unknown", "Unauthorized")
    await world.change(SECRET, "druid-admin", {"data": credentials("hush")["data"]})
    await become_ready(world, stream, within=90.0)
    assert len(world.druid.mutations()) == 1
    shown = world.logs() + str(world.end_state()["objects"][f"DruidIngestion/{name}"])
    assert not any(secret in shown for secret in SECRETS)


async def test_credentials_that_change_while_a_supervisor_runs_are_read_again(
    world: Any, cluster_elsewhere: JSON, stream: JSON
) -> None:
    """No restart, no edit: the Secret changes and then Druid, or the other way round."""
    world.druid.behaviour.basic_auth = ("admin", "hush")
    stream["spec"]["auth"] = {"type": "basic-auth", "secretRef": {"name": "druid-admin"}}
    await world.create(credentials("hush"), cluster_elsewhere, stream)
    await world.operator(POLL).start()
    await become_ready(world, stream)
    world.druid.behaviour.basic_auth = ("admin", "changed")
    name = stream["metadata"]["name"]
    await world.until_condition(DRUID_INGESTION, name, "Ready", "Unknown", "Unauthorized")
    await world.change(SECRET, "druid-admin", {"data": credentials("changed")["data"]})
    await become_ready(world, stream)
    assert len(world.druid.mutations()) == 1
    assert not any(secret in world.logs() for secret in (*SECRETS, "changed"))
