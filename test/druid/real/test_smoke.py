"""A real Druid that booted from the rendered ConfigMaps takes in rows and counts them."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from druid_operator.cmd.demo.realdruid.assets import DruidAssets
from druid_operator.cmd.demo.realdruid.kafka import RealKafka
from druid_operator.cmd.demo.realdruid.launcher import RealDruid
from druid_operator.cmd.demo.realdruid.sample import rendered_sample
from druid_operator.pkg.druidapi import DruidClient, errors
from druid_operator.pkg.envtest.binaries.processes import ProcessFailed
from druid_operator.pkg.envtest.eventually import eventually

# One loop for all: the fixtures of the session live there.
pytestmark = [
    pytest.mark.real_druid,
    pytest.mark.asyncio(loop_scope="session"),
]

UntilCounted = Callable[[str, int], Awaitable[None]]

LISTENING = "0A"  # TCP_LISTEN in the kernel's tcp_states.h


async def test_the_cluster_is_the_one_that_was_rendered(druid: DruidClient) -> None:
    """Services, and a setting from each kind of file, came through."""
    servers = await druid.sql("SELECT server_type, tier FROM sys.servers")
    found = sorted((row["server_type"], row["tier"]) for row in servers)
    assert found == [
        ("broker", None),
        ("coordinator", None),
        ("historical", "_default_tier"),
        ("historical", "cold"),
        ("indexer", "_default_tier"),
        ("overlord", None),
        ("router", None),
    ]
    assert "KafkaIndexTaskModule" in (await druid.server_status()).modules


async def test_jvm_options_are_those_rendered(real_druid: RealDruid) -> None:
    rendered = {"-Xmx160m", "-XX:MaxDirectMemorySize=64m", "-XX:+UseSerialGC"}
    assert rendered <= command_line(real_druid.pids()["cold-0"])


async def test_every_socket_is_on_loopback(real_druid: RealDruid) -> None:
    assert {"127.0.0.1"} == {
        address for pid in real_druid.pids().values() for address in listening_addresses(pid)
    }


async def test_a_batch_task_ends_in_success_and_its_rows_are_counted(
    druid: DruidClient, documents: Any, until_counted: UntilCounted
) -> None:
    task = documents.batch("smoke_batch", documents.rows(7))
    submitted = await druid.submit_task({**task, "id": "smoke_batch"})

    async def ended() -> str:
        status = await druid.task_status(submitted.id)
        return status.state if status.ended else ""

    assert await eventually(ended, timeout=60, interval=0.2) == "SUCCESS"
    await until_counted("smoke_batch", 7)


async def test_a_supervisor_reads_a_topic(
    druid: DruidClient, real_kafka: RealKafka, documents: Any, until_counted: UntilCounted
) -> None:
    await real_kafka.create_topic("smoke_stream", partitions=2)
    await real_kafka.produce("smoke_stream", documents.rows(5))
    document = documents.stream("smoke_stream", real_kafka.bootstrap)
    submitted = await druid.submit_supervisor(document)
    try:
        await until_counted("smoke_stream", 5)
        await real_kafka.produce("smoke_stream", documents.rows(3))
        await until_counted("smoke_stream", 8)
        assert (await druid.supervisor_status(submitted.id)).healthy
    finally:
        await druid.terminate_supervisor(submitted.id)


async def test_one_process_can_be_restarted(real_druid: RealDruid, druid: DruidClient) -> None:
    """It comes back where it was, with another pid; the others were not touched."""
    before = real_druid.pids()
    await real_druid.stop("routers-0")
    with pytest.raises(errors.NotSent):
        await druid.submit_task({"type": "noop"})
    await real_druid.start("routers-0")
    after = real_druid.pids()
    assert before.pop("routers-0") != after.pop("routers-0")
    assert before == after
    await druid.check_ready()


async def test_a_process_that_ends_is_reported_with_its_log(
    druid_assets: DruidAssets, tmp_path: Path
) -> None:
    """And nothing of the cluster is left running."""
    children = rendered_sample()
    for child in children:
        if child["metadata"]["name"] == "druid-loopback-coordinators-config":
            child["data"]["jvm.config"] += "\n-XX:+NoSuchOption"
    druid = RealDruid(druid_assets, children, tmp_path)
    with pytest.raises(ProcessFailed, match=r"(?s)coordinators-0 ended with code 1.*NoSuchOption"):
        async with druid:
            pass
    assert druid.pids() == {}


def command_line(pid: int) -> set[str]:
    return set(Path(f"/proc/{pid}/cmdline").read_text().split("\0"))


def listening_addresses(pid: int) -> set[str]:
    """The addresses that a process listens on."""
    links = (os.readlink(fd) for fd in Path(f"/proc/{pid}/fd").iterdir() if fd.is_symlink())
    sockets = {link[len("socket:[") : -1] for link in links if link.startswith("socket:")}
    rows = [
        row.split()
        for family in ("tcp", "tcp6")
        for row in Path(f"/proc/{pid}/net/{family}").read_text().splitlines()[1:]
    ]
    return {_address(row[1]) for row in rows if row[3] == LISTENING and row[9] in sockets}


def _address(text: str) -> str:
    """Of ``0100007F:1F90``: words of four bytes, each in the machine's own order."""
    words = bytes.fromhex(text.partition(":")[0])
    packed = b"".join(words[at : at + 4][::-1] for at in range(0, len(words), 4))
    address = ipaddress.ip_address(packed)
    return str(getattr(address, "ipv4_mapped", None) or address)
