"""The client's laws: which failure is which, what may be repeated, and what is trusted."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import pytest
import trustme

from druid_operator.pkg.clock import FakeClock
from druid_operator.pkg.druidapi import Deadlines, DruidClient, errors
from druid_operator.pkg.druidapi.fake import Behaviour, FakeDruid, Fault
from druid_operator.pkg.druidapi.transport import StaticCredentials, basic_authorization


def noop(task_id: str, run_time: int = 1) -> dict[str, object]:
    return {"type": "noop", "id": task_id, "runTime": run_time}


async def test_a_closed_port_is_not_sent() -> None:
    async with FakeDruid() as druid:
        url = druid.url
    async with DruidClient(url) as client:
        with pytest.raises(errors.NotSent):
            await client.submit_task(noop("t"))


async def test_a_404_without_the_management_proxy_is_not_an_absence() -> None:
    async with (
        FakeDruid(behaviour=Behaviour(proxy=False)) as druid,
        DruidClient(druid.url) as client,
    ):
        with pytest.raises(errors.ProxyDisabled, match="managementProxy"):
            await client.supervisor_spec("wiki")
        with pytest.raises(errors.ProxyDisabled):
            await client.check_ready()


async def test_a_404_of_the_leader_is_an_absence() -> None:
    async with FakeDruid() as druid, DruidClient(druid.url) as client:
        with pytest.raises(errors.NotFound, match="Cannot find any supervisor with id"):
            await client.supervisor_spec("wiki")


@pytest.mark.parametrize("router", [True, False])
async def test_without_a_leader_nothing_is_ready(router: bool) -> None:
    behaviour = Behaviour(router=router, leader="none")
    async with (
        FakeDruid(behaviour=behaviour) as druid,
        DruidClient(druid.url, via_router=router) as client,
    ):
        with pytest.raises(errors.NotReady):
            await client.check_ready()
        with pytest.raises(errors.NotReady):
            await client.supervisor_states()


async def test_a_redirect_is_followed_only_where_it_was_allowed() -> None:
    async with FakeDruid(behaviour=Behaviour(router=False)) as leader:
        behaviour = Behaviour(router=False, leader="other", leader_url=leader.url)
        async with FakeDruid(behaviour=behaviour) as follower:
            async with DruidClient(follower.url, via_router=False) as client:
                with pytest.raises(errors.NotLeader):
                    await client.submit_task(noop("t"))
            assert len(leader.tasks) == 0
            async with DruidClient(
                follower.url, via_router=False, redirect=lambda target: target
            ) as client:
                await client.submit_task(noop("t"))
            assert [t.id for t in leader.tasks] == ["t"]


async def test_a_lost_answer_to_a_mutation_is_unknown_and_the_second_try_finds_it() -> None:
    async with FakeDruid() as druid, DruidClient(druid.url) as client:
        druid.fault(Fault("cut", method="POST", after=True))
        with pytest.raises(errors.OutcomeUnknown):
            await client.submit_task(noop("t"))
        again = await client.submit_task(noop("t"))
        assert again.existed
        assert len(druid.tasks) == 1


async def test_a_held_mutation_is_unknown_and_a_held_read_is_a_timeout() -> None:
    async with (
        FakeDruid() as druid,
        DruidClient(druid.url, deadlines=Deadlines(read=0.05, mutation=0.05)) as client,
    ):
        druid.fault(Fault("hold", times=2))
        with pytest.raises(errors.OutcomeUnknown):
            await client.submit_task(noop("t"))
        with pytest.raises(errors.Timeout):
            await client.tasks()


class Rotating:
    """Credentials whose cached value has gone stale."""

    def __init__(self, stale: str, fresh: str) -> None:
        self.current, self.fresh = stale, fresh
        self.refreshed = 0

    async def authorization(self, *, refresh: bool = False) -> str:
        if refresh:
            self.current = self.fresh
            self.refreshed += 1
        return self.current


async def test_a_401_reads_the_credentials_again_once() -> None:
    good = basic_authorization("operator", "new")
    rotating = Rotating(basic_authorization("operator", "old"), good)
    async with (
        FakeDruid(behaviour=Behaviour(basic_auth=("operator", "new"))) as druid,
        DruidClient(druid.url, credentials=rotating) as client,
    ):
        await client.submit_task(noop("t"))
        await client.tasks()
    assert rotating.refreshed == 1
    assert [r.status for r in druid.requests] == [401, 200, 200]


async def test_wrong_credentials_are_told_from_a_forbidden_datasource() -> None:
    behaviour = Behaviour(basic_auth=("operator", "pw"), forbidden={"secret"})
    async with FakeDruid(behaviour=behaviour) as druid:
        wrong = StaticCredentials(basic_authorization("operator", "no"))
        async with DruidClient(druid.url, credentials=wrong) as client:
            with pytest.raises(errors.AuthFailed, match="User authentication failed") as caught:
                await client.check_ready()
            assert caught.value.status == 401
        right = StaticCredentials(basic_authorization("operator", "pw"))
        async with DruidClient(druid.url, credentials=right) as client:
            with pytest.raises(errors.AuthFailed, match="Unauthorized") as caught:
                await client.submit_task({**noop("t"), "dataSource": "secret"})
            assert caught.value.status == 403


@pytest.mark.parametrize("name", ["plain", "a b", "a:b", "größe", "a%2Fb", "q?x=1&y", "a+b"])
async def test_any_supervisor_id_survives_the_url(name: str, kafka_spec) -> None:
    async with FakeDruid() as druid, DruidClient(druid.url) as client:
        submitted = await client.submit_supervisor(kafka_spec(name))
        assert submitted.id == name
        assert (await client.supervisor_status(name)).id == name
        await client.terminate_supervisor(name)
        assert name not in druid.supervisors


async def test_every_mutation_says_who_acts_and_for_whom(kafka_spec) -> None:
    async with FakeDruid() as druid, DruidClient(druid.url) as client:
        await client.submit_supervisor(kafka_spec("wiki"), comment="DruidIngestion/ns/wiki gen=1")
        await client.suspend_supervisor("wiki", comment="DruidIngestion/ns/wiki gen=2")
        logged = druid.mutations()
    assert [r.author for r in logged] == ["druid-operator"] * 2
    assert [r.comment[-5:] for r in logged] == ["gen=1", "gen=2"]


async def test_a_cancelled_call_leaves_no_connection_behind() -> None:
    async with FakeDruid() as druid, DruidClient(druid.url) as client:
        druid.fault(Fault("hold"))
        call = asyncio.create_task(client.tasks())
        while not druid.requests and not call.done():  # the fake logs on arrival's end
            await asyncio.sleep(0)
            if druid._faults[0].seen:
                break
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert await client.tasks() == []


async def test_offsets_that_would_reset_everything_are_refused_here(kafka_spec) -> None:
    async with FakeDruid() as druid, DruidClient(druid.url) as client:
        with pytest.raises(ValueError, match="everything"):
            await client.reset_offsets("wiki", {})
        assert not druid.requests


async def test_without_a_broker_only_queries_are_not_ready(kafka_spec) -> None:
    async with (
        FakeDruid(behaviour=Behaviour(broker=False)) as druid,
        DruidClient(druid.url) as client,
    ):
        found = await client.capabilities()
        assert (found.version, found.sql_tasks) == ("33.0.0", None)
        await client.submit_supervisor(kafka_spec("wiki"))
        with pytest.raises(errors.NotReady, match="no available brokers"):
            await client.sql("SELECT COUNT(*) FROM wiki")


QUERY = {"query": "REPLACE INTO d OVERWRITE ALL SELECT 1 AS a PARTITIONED BY ALL"}


async def test_a_sql_task_is_known_by_the_id_that_was_given_to_it() -> None:
    async with FakeDruid() as druid, DruidClient(druid.url) as client:
        first = await client.submit_sql_task("m1", {**QUERY, "context": {"maxNumTasks": 2}})
        again = await client.submit_sql_task("m1", QUERY)
        assert (first.id, first.existed) == ("query-m1", False)
        assert (again.id, again.existed) == ("query-m1", True)
        assert len(druid.tasks) == 1
        with pytest.raises(errors.Rejected, match="PARTITIONED BY"):
            await client.submit_sql_task("m2", {"query": "INSERT INTO d SELECT 1"})


async def test_a_failed_sql_task_says_why_in_its_report() -> None:
    behaviour = Behaviour(batch_seconds=0, failing_batches={"d": "InsertTimeNull: no time"})
    clock = FakeClock()
    async with (
        FakeDruid(behaviour=behaviour, clock=clock) as druid,
        DruidClient(druid.url) as client,
    ):
        task = await client.submit_sql_task("m1", QUERY)
        clock.step(1)
        assert (await client.task_status(task.id)).state == "FAILED"
        report = await client.task_report(task.id)
        assert report is not None
        assert report.error == "InsertTimeNull: no time"


async def test_tls_is_verified_against_the_given_authority() -> None:
    authority = trustme.CA()
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(server)
    known = ssl.create_default_context()
    authority.configure_trust(known)
    async with FakeDruid(tls=server) as druid:
        async with DruidClient(druid.url, tls=known) as client:
            await client.check_ready()
        async with DruidClient(druid.url) as stranger:
            with pytest.raises(errors.NotSent, match="certificate"):
                await stranger.check_ready()


async def test_asked_directly_the_process_itself_says_what_it_is() -> None:
    async with (
        FakeDruid(behaviour=Behaviour(router=False)) as druid,
        DruidClient(druid.url, via_router=False) as client,
    ):
        await client.server_status()
        assert [r.path for r in druid.requests] == ["/status"]


@pytest.mark.parametrize(
    ("call", "service"),
    [
        (lambda client: client.task_status("t"), "/druid/indexer/v1/isLeader"),
        (lambda client: client.compaction("legacy", "d"), "/druid/coordinator/v1/isLeader"),
        (lambda client: client.compaction("unified", "d"), "/druid/indexer/v1/isLeader"),
    ],
)
async def test_an_absence_is_confirmed_by_the_service_that_was_asked(call, service) -> None:
    async with FakeDruid() as druid, DruidClient(druid.url) as client:
        with pytest.raises(errors.NotFound):
            await call(client)
        assert druid.requests[-1].path == service


async def test_reads_and_mutations_have_deadlines_of_their_own(kafka_spec) -> None:
    forever, soon = 60, 0.05
    for deadlines, mutates in (
        (Deadlines(read=soon, mutation=forever, supervisor=forever), False),
        (Deadlines(read=forever, mutation=soon, supervisor=forever), True),
    ):
        async with FakeDruid() as druid, DruidClient(druid.url, deadlines=deadlines) as client:
            druid.fault(Fault("hold"))
            call = client.submit_task(noop("t")) if mutates else client.tasks()
            with pytest.raises(errors.OutcomeUnknown if mutates else errors.Timeout):
                await call
    slow = Behaviour(mutation_seconds=0.2)
    patient = Deadlines(read=soon, mutation=soon, supervisor=forever)
    async with (
        FakeDruid(behaviour=slow) as druid,
        DruidClient(druid.url, deadlines=patient) as client,
    ):
        await client.submit_supervisor(kafka_spec("wiki"))
        assert "wiki" in druid.supervisors


async def test_listings_are_narrowed_by_what_was_asked() -> None:
    async with FakeDruid() as druid, DruidClient(druid.url) as client:
        await client.tasks()
        await client.tasks(data_source="a b", state="running", task_type="noop", limit=3)
        assert [r.path for r in druid.requests] == [
            "/druid/indexer/v1/tasks",
            "/druid/indexer/v1/tasks?datasource=a%20b&state=running&type=noop&max=3",
        ]


async def test_what_is_observed_is_every_exchange_with_its_outcome() -> None:
    seen: list[tuple[str, int]] = []
    async with FakeDruid() as druid:
        client = DruidClient(druid.url, observer=lambda *call: seen.append(call[:2]))
        await client.submit_task(noop("t"))
        await client.aclose()
    async with client:
        with pytest.raises(errors.NotSent):
            await client.tasks()
    assert seen == [("submit_task", 200), ("tasks", 0)]


@asynccontextmanager
async def client_of_something_else(text: str) -> AsyncIterator[DruidClient]:
    """At the address is no Druid: 200 and the same words, whatever is asked."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        body = text.encode()
        head = f"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    async with server, DruidClient(f"http://{host}:{port}") as client:
        yield client


READS: dict[str, Callable[[DruidClient], Awaitable[object]]] = {
    "check_ready": lambda c: c.check_ready(),
    "capabilities": lambda c: c.capabilities(),
    "supervisor_states": lambda c: c.supervisor_states(),
    "supervisor_listing": lambda c: c.supervisor_listing(),
    "supervisor_spec": lambda c: c.supervisor_spec("s"),
    "supervisor_status": lambda c: c.supervisor_status("s"),
    "tasks": lambda c: c.tasks(),
    "task_status": lambda c: c.task_status("t"),
    "rules": lambda c: c.rules("d"),
    "all_rules": lambda c: c.all_rules(),
    "compaction": lambda c: c.compaction("unified", "d"),
    "all_compaction": lambda c: c.all_compaction("unified"),
}


@pytest.mark.parametrize("read", READS)
async def test_a_login_page_in_place_of_druid_is_no_fact_and_no_mistake_in_code(read: str) -> None:
    async with client_of_something_else("<html>Log in</html>") as client:
        with pytest.raises(errors.NotReady):
            await READS[read](client)


@pytest.mark.parametrize("read", READS)
@pytest.mark.parametrize("text", ["null", "[1]", '[{"a": 1}]', '{"status": []}', "7", ""])
async def test_json_of_another_shape_raises_nothing_but_druid_errors(read: str, text: str) -> None:
    async with client_of_something_else(text) as client:
        with suppress(errors.DruidError):
            await READS[read](client)


async def test_a_mutation_whose_answer_is_none_of_druids_may_have_happened() -> None:
    async with client_of_something_else("<html>Log in</html>") as client:
        with pytest.raises(errors.OutcomeUnknown, match="none that Druid gives"):
            await client.submit_task(noop("t"))
        with pytest.raises(errors.OutcomeUnknown):
            await client.submit_supervisor({"type": "kafka"})
