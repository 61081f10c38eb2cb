"""What ``druid-operator export`` prints, applied: nothing is sent to Druid, all is synced."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from druid_operator.cmd.manager.main import main
from druid_operator.pkg.meta import JSON
from druid_operator.pkg.meta.yaml import load_all

Make = Callable[..., JSON]


async def exported(
    world: Any, capsys: pytest.CaptureFixture[str], *options: str
) -> tuple[list[JSON], str]:
    """The objects, and what is said on standard error."""
    command = [
        "export", "--url", world.druid.url, "--cluster", "example", "-n", world.namespace, *options,
    ]  # fmt: skip
    # The fake answers on this loop, so the command gets a thread of its own.
    assert await asyncio.to_thread(main, command) == 0
    output = capsys.readouterr()
    return list(load_all(output.out)), output.err


@pytest.mark.parametrize("druid_version", ["31.0.1", "33.0.0", "37.0.0"])
async def test_applied_it_posts_nothing_and_is_in_sync(
    kubernetes: Any, run_operator: Any, kafka: Make, capsys: Any, druid_version: str
) -> None:
    console = kubernetes.console
    document = kafka("Wiki Pages:1", "wiki")
    consumer = document["spec"]["ioConfig"]["consumerProperties"]
    consumer["sasl.jaas.config"] = 'Plain required password="hush-1";'
    consumer["ssl.key.password"] = "hush-2"
    document["context"] = {"priority": 75}
    await console.submit_supervisor(document)
    await console.submit_supervisor({**kafka("clicks"), "suspended": True})
    autocompact = {"type": "autocompact", "spec": {"dataSource": "clicks"}}
    if druid_version != "31.0.1":
        await console.submit_supervisor(autocompact)
    await console.set_rules("Wiki Pages:1", [{"type": "loadByPeriod", "period": "P1M"}])
    await console.set_compaction("legacy", {"dataSource": "Wiki Pages:1", "taskPriority": 30})
    before = len(kubernetes.mutations())
    objects, told = await exported(kubernetes, capsys, "--with-secrets")
    assert told == ""
    for obj in objects:
        await kubernetes.env.client.create(obj)
    names = [o["metadata"]["name"] for o in objects if o["kind"] == "DruidIngestion"]
    assert {"clicks", "wiki-pages-1"} <= set(names)
    async with run_operator() as world:
        for name in names:

            async def synced(name: str = name) -> bool:
                return bool((await world.condition("Synced", name)).get("status") == "True")

            await world.until(synced, f"{name} is synced")
        await world.quiet_passes(3 * len(names))
        assert len(world.mutations()) == before
        assert (await world.condition("Ready", "clicks"))["reason"] == "Suspended"


async def test_credentials_are_printed_only_where_they_are_asked_for(
    kubernetes: Any, kafka: Make, capsys: Any
) -> None:
    document = kafka()
    document["spec"]["ioConfig"]["consumerProperties"]["ssl.key.password"] = "hush"
    await kubernetes.console.submit_supervisor(document)
    objects, told = await exported(kubernetes, capsys)
    (made,) = objects
    consumer = made["spec"]["ingestion"]["nativeSpec"]["spec"]["ioConfig"]["consumerProperties"]
    assert consumer["ssl.key.password"] == "${secret:wiki-credentials:ssl.key.password}"
    assert "create Secret wiki-credentials with ssl.key.password" in told
    assert "hush" not in str(objects) + told


async def test_what_cannot_be_exported_is_said(kubernetes: Any, kafka: Make, capsys: Any) -> None:
    console = kubernetes.console
    await console.submit_supervisor({"type": "NoopSupervisorSpec", "id": "none"})
    open_ = kafka("open")
    open_["spec"]["ioConfig"]["inputFormat"]["registry"] = "https://me:hush@example.com"
    await console.submit_supervisor(open_)
    await console.set_rules("batch-only", [{"type": "dropForever"}])
    objects, told = await exported(kubernetes, capsys)
    assert objects == []
    assert "supervisor none: there is no ingestion of type noop" in told
    assert "supervisor open: spec.ioConfig.inputFormat.registry holds credentials" in told
    assert "rules of batch-only: no supervisor writes it" in told
    assert "hush" not in told


async def test_it_is_who_it_is_told_to_be(
    kubernetes: Any, kafka: Make, capsys: Any, tmp_path: Path
) -> None:
    await kubernetes.console.submit_supervisor(kafka())
    kubernetes.druid.behaviour.basic_auth = ("op", "hush")
    password = tmp_path / "password"
    await asyncio.to_thread(password.write_text, "hush\n")
    options = ("--username", "op", "--password-file", str(password))
    objects, _ = await exported(kubernetes, capsys, *options)
    assert len(objects) == 1
    command = ["export", "--url", kubernetes.druid.url, "--cluster", "example"]
    assert await asyncio.to_thread(main, command) == 1
    assert "401" in capsys.readouterr().err
    assert await asyncio.to_thread(main, [*command, "--username", "op"]) == 2
