"""The fake's own promises: time, counting, faults, a process of its own."""

from __future__ import annotations

import asyncio
import signal
import sys

import aiohttp
import pytest

from druid_operator.pkg.clock import FakeClock
from druid_operator.pkg.druidapi import DruidClient, errors
from druid_operator.pkg.druidapi.fake import Behaviour, FakeDruid, Fault


async def test_it_runs_as_a_process_and_ends_on_a_signal() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "druid_operator.pkg.druidapi.fake", "--port", "0", "--version",
        "37.0.0", stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        async with asyncio.timeout(20):
            url = (await process.stdout.readline()).decode().strip()
        async with DruidClient(url) as client:
            assert (await client.server_status()).version == "37.0.0"
    finally:
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(20):
            assert await process.wait() == 0


async def test_nothing_passes_but_by_its_clock() -> None:
    clock = FakeClock()
    async with FakeDruid(clock=clock) as druid, DruidClient(druid.url) as client:
        await client.submit_task({"type": "noop", "id": "t", "runTime": 60_000})
        assert not (await client.task_status("t")).ended
        clock.step(61)
        assert (await client.task_status("t")).state == "SUCCESS"


async def test_restarts_are_counted_and_an_unmodified_spec_is_none(kafka_spec) -> None:
    async with FakeDruid() as druid, DruidClient(druid.url) as client:
        spec = kafka_spec("wiki")
        await client.submit_supervisor(spec)
        await client.submit_supervisor(spec)
        assert druid.supervisors["wiki"].generation == 1
        await client.submit_supervisor(spec, skip_restart_if_unmodified=False)
        assert druid.supervisors["wiki"].generation == 2


async def test_before_33_every_post_restarts(kafka_spec) -> None:
    async with FakeDruid(version="30.0.0") as druid, DruidClient(druid.url) as client:
        for _ in range(2):
            await client.submit_supervisor(kafka_spec("wiki"))
        assert druid.supervisors["wiki"].generation == 2
        assert len(druid.supervisors.history["wiki"]) == 2


async def test_from_34_a_running_supervisor_keeps_its_stream(kafka_spec) -> None:
    changed = kafka_spec("wiki")
    changed["spec"]["ioConfig"]["topic"] = "other"
    async with FakeDruid(version="33.0.0") as druid, DruidClient(druid.url) as client:
        await client.submit_supervisor(kafka_spec("wiki"))
        await client.submit_supervisor(changed)
    async with FakeDruid(version="34.0.0") as druid, DruidClient(druid.url) as client:
        await client.submit_supervisor(kafka_spec("wiki"))
        with pytest.raises(errors.Rejected, match=r"from \[events\] to \[other\]"):
            await client.submit_supervisor(changed)


async def test_tasks_that_always_fail_leave_a_healthy_supervisor(kafka_spec) -> None:
    clock = FakeClock()
    behaviour = Behaviour(failing_tasks={"wiki"})
    async with (
        FakeDruid(clock=clock, behaviour=behaviour) as druid,
        DruidClient(druid.url) as client,
    ):
        await client.submit_supervisor(kafka_spec("wiki"))
        clock.step(10)
        status = await client.supervisor_status("wiki")
        assert (status.state, status.healthy, status.active_tasks) == ("RUNNING", True, ())
        tasks = await client.tasks(data_source="wiki")
        assert len(tasks) >= 5
        assert {t.state for t in tasks} == {"FAILED"}


async def test_a_full_queue_is_a_wait_not_a_refusal() -> None:
    for version in ("30.0.0", "33.0.0"):
        behaviour = Behaviour(task_slots=1)
        async with (
            FakeDruid(version=version, behaviour=behaviour) as druid,
            DruidClient(druid.url) as client,
        ):
            await client.submit_task({"type": "noop", "id": "a", "runTime": 60_000})
            with pytest.raises(errors.Capacity):
                await client.submit_task({"type": "noop", "id": "b"})


async def test_mutations_wait_for_one_another_and_reads_do_not(kafka_spec) -> None:
    behaviour = Behaviour(mutation_seconds=0.2)
    async with FakeDruid(behaviour=behaviour) as druid, DruidClient(druid.url) as client:
        loop = asyncio.get_running_loop()
        began = loop.time()
        async with asyncio.TaskGroup() as tasks:
            for name in ("a", "b"):
                tasks.create_task(client.submit_supervisor(kafka_spec(name)))
            await client.supervisor_states()
            assert loop.time() - began < 0.2
        assert loop.time() - began >= 0.4


async def test_the_kth_request_fails_and_no_other() -> None:
    async with FakeDruid() as druid, DruidClient(druid.url) as client:
        fault = druid.fault(Fault("answer", nth=2, path="/druid/indexer", status=503))
        await client.tasks()
        with pytest.raises(errors.NotReady):
            await client.tasks()
        await client.tasks()
        assert fault.seen == 3


async def test_a_process_can_be_killed_before_or_after_its_request_is_carried_out() -> None:
    code = (
        "import sys, urllib.request as r;"
        "r.urlopen(r.Request(sys.argv[1], data=sys.argv[2].encode(), method='POST',"
        "headers={'Content-Type': 'application/json'}))"
    )
    for after in (False, True):
        async with FakeDruid() as druid:
            fault = druid.fault(Fault("kill", method="POST", after=after))
            body = '{"type":"noop","id":"t"}'
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-c", f"input();{code}", f"{druid.url}/druid/indexer/v1/task", body,
                stdin=asyncio.subprocess.PIPE,
            )  # fmt: skip
            fault.pid = process.pid
            await process.communicate(b"\n")
            assert process.returncode == -signal.SIGKILL
            assert len(druid.tasks) == int(after)


async def test_stopping_and_starting_again_keeps_what_was_stored(kafka_spec) -> None:
    druid = FakeDruid()
    await druid.start()
    url = druid.url
    async with DruidClient(url) as client:
        await client.submit_supervisor(kafka_spec("wiki"))
        await druid.stop()
        with pytest.raises(errors.NotSent):
            await client.supervisor_spec("wiki")
        await druid.start()
        assert druid.url == url
        assert (await client.supervisor_spec("wiki"))["type"] == "kafka"
    await druid.stop()


async def test_a_restart_forgets_the_tombstone_type_and_cleaning_forgets_tasks(kafka_spec) -> None:
    async with FakeDruid() as druid, DruidClient(druid.url) as client:
        await client.submit_supervisor(kafka_spec("wiki"))
        await client.submit_supervisor({"type": "NoopSupervisorSpec", "id": "n"})
        await client.submit_task({"type": "noop", "id": "t", "runTime": 1})
        await druid.restart()
        assert [s.id for s in await client.supervisor_states()] == ["wiki"]
        assert (await client.task_status("t")).id == "t"
        druid.tasks.forget("t")
        with pytest.raises(errors.NotFound):
            await client.task_status("t")


async def test_requests_are_logged_with_what_they_got() -> None:
    async with FakeDruid() as druid, aiohttp.ClientSession() as http:
        async with http.get(f"{druid.url}/druid/indexer/v1/supervisor/nope"):
            pass
        (seen,) = druid.requests
        assert (seen.method, seen.path, seen.status) == (
            "GET", "/druid/indexer/v1/supervisor/nope", 404,
        )  # fmt: skip
        assert druid.count("GET", "/druid/indexer") == 1
        assert druid.mutations() == []
