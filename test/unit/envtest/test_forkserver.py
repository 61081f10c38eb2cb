"""What is forked is a process like any other, and never outlives the server."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from druid_operator.pkg.envtest.eventually import eventually
from druid_operator.pkg.envtest.forkserver import ForkServer
from druid_operator.pkg.errors import TerminalError


@pytest.fixture
def program(tmp_path: Path) -> str:
    """A module to fork: prints what it was given, then exits, fails or stays."""
    (tmp_path / "forked_program.py").write_text(
        "import os, sys, time\n"
        "def main(arguments):\n"
        "    print(arguments, os.environ['WHO'], len(os.environ), flush=True)\n"
        "    if arguments[0] == 'stay':\n"
        "        time.sleep(60)\n"
        "    if arguments[0] == 'raise':\n"
        "        raise ValueError('as asked')\n"
        "    if arguments[0] == 'exit':\n"
        "        sys.exit(3)\n"
        "    return int(arguments[0])\n"
    )
    return "forked_program:main"


@pytest_asyncio.fixture
async def server(
    program: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[ForkServer]:
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    async with ForkServer(program) as server:
        yield server


async def test_a_fork_has_its_own_arguments_environment_and_log(
    server: ForkServer, tmp_path: Path
) -> None:
    forked = [
        await server.spawn([str(n)], environ={"WHO": f"number {n}"}, log=tmp_path / f"{n}.log")
        for n in range(3)
    ]
    assert [await process.wait() for process in forked] == [0, 1, 2]
    assert len({process.pid for process in forked}) == 3
    for n in range(3):
        assert (tmp_path / f"{n}.log").read_text() == f"['{n}'] number {n} 1\n"


@pytest.mark.parametrize(("how", "status"), [("raise", 1), ("exit", 3)])
async def test_a_failure_is_an_exit_status_and_a_trace_in_the_log(
    server: ForkServer, tmp_path: Path, how: str, status: int
) -> None:
    log = tmp_path / "log"
    process = await server.spawn([how], environ={"WHO": "me"}, log=log)
    assert await process.wait() == status
    assert ("ValueError: as asked" in log.read_text()) == (how == "raise")


async def test_a_killed_fork_is_reported_with_its_signal(
    server: ForkServer, tmp_path: Path
) -> None:
    process = await server.spawn(["stay"], environ={"WHO": "me"}, log=tmp_path / "log")
    assert process.returncode is None
    process.kill()
    assert await process.wait() == -signal.SIGKILL
    process.kill()  # its pid may be another's by now: nothing is sent


async def test_no_fork_outlives_the_server(program: str, tmp_path: Path) -> None:
    environ = {"WHO": "me"}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
        async with ForkServer(program) as server:
            process = await server.spawn(["stay"], environ=environ, log=tmp_path / "log")
    assert process.returncode == -signal.SIGKILL
    with pytest.raises(ProcessLookupError):
        os.kill(process.pid, 0)


async def test_forks_end_when_their_parent_was_killed(program: str, tmp_path: Path) -> None:
    """The server's standard input ends with its parent, however that ended."""
    log = tmp_path / "log"
    script = (
        "import asyncio, os, pathlib\n"
        "from druid_operator.pkg.envtest.forkserver import ForkServer\n"
        "async def main():\n"
        f"    async with ForkServer({program!r}) as server:\n"
        f"        log = pathlib.Path({str(log)!r})\n"
        "        forked = await server.spawn(['stay'], environ={'WHO': 'me'}, log=log)\n"
        "        print(forked.pid, flush=True)\n"
        "        await asyncio.sleep(60)\n"
        "asyncio.run(main())\n"
    )
    path = os.pathsep.join([str(tmp_path), *sys.path])
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script,
        stdout=asyncio.subprocess.PIPE, env={**os.environ, "PYTHONPATH": path},
    )  # fmt: skip
    assert parent.stdout is not None
    pid = int(await parent.stdout.readline())
    parent.kill()
    await parent.wait()

    def gone() -> bool:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        return False

    await eventually(gone, what="the fork has ended")


async def test_a_program_that_cannot_be_imported_is_said(tmp_path: Path) -> None:
    async with ForkServer("no_such_module:main") as server:
        with pytest.raises(TerminalError, match="fork server ended"):
            await server.spawn([], environ={}, log=tmp_path / "log")
