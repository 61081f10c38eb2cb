"""Processes are started with a log, waited for, and ended by identity."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from druid_operator.pkg.envtest.binaries.processes import (
    Processes,
    ProcessFailed,
    ProcessIdentity,
    start_time,
    stop_all,
    stop_recorded,
)
from druid_operator.pkg.envtest.eventually import eventually

READY = "import pathlib, time; pathlib.Path('ready').touch(); time.sleep(600)"
STUBBORN = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {READY}"


@pytest.fixture
async def processes(tmp_path: Path) -> AsyncIterator[Processes]:
    made = Processes(tmp_path)
    yield made
    await made.stop(timeout=0.1)


def files(directory: Path, suffix: str) -> dict[str, str]:
    return {p.stem: p.read_text() for p in directory.glob(f"*{suffix}")}


def ready(directory: Path) -> bool:
    return (directory / "ready").exists()


async def test_stop_ends_what_was_started(processes: Processes, tmp_path: Path) -> None:
    processes.start("one", [sys.executable, "-c", READY], tier=0)
    await eventually(lambda: ready(tmp_path))
    record = tmp_path / "processes.json"
    assert '"one"' in record.read_text()
    await processes.stop(timeout=5)
    assert not record.exists()


async def test_one_that_ignores_sigterm_is_killed(processes: Processes, tmp_path: Path) -> None:
    processes.start("stubborn", [sys.executable, "-c", STUBBORN], tier=0)
    await eventually(lambda: ready(tmp_path))
    async with asyncio.timeout(5):
        await processes.stop(timeout=0.2)


async def test_an_early_end_is_told_with_the_log(processes: Processes) -> None:
    script = "print('cannot bind: address already in use'); raise SystemExit(3)"
    processes.start("server", [sys.executable, "-c", script], tier=0)

    async def never() -> None:
        raise AssertionError("not healthy")

    with pytest.raises(ProcessFailed, match=r"server ended with code 3:\ncannot bind"):
        await processes.healthy("server", never, timeout=10)


async def test_a_late_start_is_told_with_the_last_answer(processes: Processes) -> None:
    processes.start("server", [sys.executable, "-c", "import time; time.sleep(600)"], tier=0)

    async def never() -> None:
        raise AssertionError("the probe's own words")

    with pytest.raises(ProcessFailed, match="the probe's own words"):
        await processes.healthy("server", never, timeout=0.2)


async def test_tiers_end_from_the_top(processes: Processes, tmp_path: Path) -> None:
    """A process ends only when told; each writes down when, in nanoseconds."""
    script = (
        "import pathlib, signal, sys, time\n"
        "name = sys.argv[1]\n"
        "def end(*_):\n"
        "    pathlib.Path(name + '.end').write_text(str(time.monotonic_ns()))\n"
        "    sys.exit()\n"
        "signal.signal(signal.SIGTERM, end)\n"
        "pathlib.Path(name + '.up').touch()\n"
        "time.sleep(600)\n"
    )
    for tier, name in enumerate(("etcd", "server", "manager")):
        processes.start(name, [sys.executable, "-c", script, name], tier=tier)
    await eventually(lambda: files(tmp_path, ".up").keys() == {"etcd", "server", "manager"})
    await processes.stop(timeout=5)
    ends = files(tmp_path, ".end")
    assert sorted(ends, key=lambda name: int(ends[name])) == ["manager", "server", "etcd"]


async def test_another_process_with_the_same_pid_is_left_alone() -> None:
    argv = [sys.executable, "-c", "import time; time.sleep(600)"]
    process = await asyncio.create_subprocess_exec(*argv)
    stranger = ProcessIdentity("gone", process.pid, started="long ago")
    assert not stranger.alive()
    stranger.signal(signal.SIGKILL)
    await stop_all([stranger], timeout=0.1)
    assert process.returncode is None
    process.kill()
    await process.wait()


async def test_a_later_program_can_stop_what_was_recorded(
    processes: Processes, tmp_path: Path
) -> None:
    processes.start("left", [sys.executable, "-c", READY], tier=0)
    await eventually(lambda: ready(tmp_path))
    assert await stop_recorded(tmp_path, timeout=5) == ["left"]
    assert await stop_recorded(tmp_path, timeout=5) == []


def test_a_process_that_does_not_exist_has_no_start_time() -> None:
    assert start_time(os.getpid())
    assert start_time(2**22 + 1) == ""
