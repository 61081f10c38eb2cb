"""Processes that start at once: forked from one that has imported their program already.

A fault test starts an operator for every request it makes. Almost all of a start is imports, so a
server imports them once, never runs a line of the program, and forks itself for each start. What is
forked is a process like any other: its own pid, arguments, environment and log.

    async with ForkServer("druid_operator.cmd.manager.main:main") as server:
        process = await server.spawn(["--kubeconfig=..."], environ=os.environ, log=Path("log"))
        process.kill()
        await process.wait()

Guarantees: no process outlives the server, and the server does not outlive its parent, not even a
parent that was killed: the server sees its standard input end, and kills what it forked.

``python -m druid_operator.pkg.envtest.forkserver MODULE:FUNCTION`` is the server's own side.
"""

from __future__ import annotations

import asyncio
import gc
import importlib
import json
import os
import selectors
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from druid_operator.pkg.errors import TerminalError

#: Exit status of a forked process whose program raised, as Python's own.
_FAILED = 1


class ForkedProcess:
    """One forked process, with the face of ``asyncio.subprocess.Process``.

    Attributes:
        returncode: ``None`` while it runs; negative: the signal that ended it.
    """

    def __init__(self, pid: int, order: Callable[[Mapping[str, Any]], None]) -> None:
        self.pid = pid
        self._order = order
        self.returncode: int | None = None
        self._ended = asyncio.Event()

    async def wait(self) -> int:
        await self._ended.wait()
        assert self.returncode is not None
        return self.returncode

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def send_signal(self, number: int) -> None:
        """Nothing is sent to one that has ended, not even when its end is not known here yet.

        The server sends it, which alone knows: until it has waited for a child, the pid is no
        other's.
        """
        self._order({"signal": number, "pid": self.pid})

    def ended(self, returncode: int) -> None:
        """For the server's side, which has waited for it."""
        self.returncode = returncode
        self._ended.set()


class ForkServer:
    """An async context manager.

    Args:
        program: ``module:function``; the function is given the arguments and answers the exit
            status.
        preload: further modules to import, which the program would import only when it runs.

    Raises:
        TerminalError: the server ended; its standard error says why.
    """

    def __init__(self, program: str, *, preload: Sequence[str] = ()) -> None:
        self._command = [sys.executable, "-m", __name__, program, *preload]
        self._server: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task[None] | None = None
        self._asked: list[asyncio.Future[ForkedProcess]] = []
        self._running: dict[int, ForkedProcess] = {}

    async def __aenter__(self) -> ForkServer:
        self._server = await asyncio.create_subprocess_exec(
            *self._command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
        )
        self._reader = asyncio.create_task(self._read(), name="fork server")
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        assert self._server.stdin is not None
        assert self._reader is not None
        self._server.stdin.close()
        await self._server.wait()
        await self._reader

    async def spawn(
        self, arguments: Sequence[str], *, environ: Mapping[str, str], log: Path
    ) -> ForkedProcess:
        """Fork one. ``log`` is appended its standard output and error."""
        assert self._reader is not None
        if self._reader.done():
            raise TerminalError("the fork server ended")
        answer: asyncio.Future[ForkedProcess] = asyncio.get_running_loop().create_future()
        # No await between the two: the answers come in the order of the orders.
        self._asked.append(answer)
        self._order({"arguments": list(arguments), "environ": dict(environ), "log": str(log)})
        return await answer

    def _order(self, order: Mapping[str, Any]) -> None:
        """Never waits: what the pipe does not take now is written in the background."""
        assert self._server is not None
        assert self._server.stdin is not None
        self._server.stdin.write(json.dumps(order).encode() + b"\n")

    async def _read(self) -> None:
        assert self._server is not None
        assert self._server.stdout is not None
        async for line in self._server.stdout:
            news: dict[str, int] = json.loads(line)
            if "started" in news:
                process = ForkedProcess(news["started"], self._order)
                self._running[process.pid] = process
                answer = self._asked.pop(0)
                if not answer.cancelled():
                    answer.set_result(process)
            else:
                self._running.pop(news["ended"]).ended(news["status"])
        for answer in self._asked:
            answer.set_exception(TerminalError("the fork server ended"))


def serve(program: str, preload: Sequence[str]) -> None:
    """Fork on each line of standard input; tell of starts and ends on standard output."""
    module, _, function = program.partition(":")
    run: Callable[[list[str]], int] = getattr(importlib.import_module(module), function)
    for name in preload:
        importlib.import_module(name)
    # What exists now is never collected: the pages stay shared with every fork.
    gc.collect()
    gc.freeze()
    _Server(run).loop()


class _Server:
    """Single-threaded and without an event loop: nothing that a fork could inherit half done."""

    def __init__(self, run: Callable[[list[str]], int]) -> None:
        self._run = run
        self._children: set[int] = set()
        self._wake, self._woken = os.pipe()
        os.set_blocking(self._woken, False)

    def loop(self) -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the end of standard input is the word
        signal.set_wakeup_fd(self._woken)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        selector = selectors.DefaultSelector()
        selector.register(0, selectors.EVENT_READ)
        selector.register(self._wake, selectors.EVENT_READ)
        pending = b""
        while True:
            ready = {key.fd for key, _ in selector.select()}
            if self._wake in ready:
                os.read(self._wake, 4096)
                self._reap(os.WNOHANG)
            if 0 in ready:
                data = os.read(0, 65536)
                if not data:
                    break
                *orders, pending = (pending + data).split(b"\n")
                for order in orders:
                    self._obey(json.loads(order))
        for pid in self._children:
            os.kill(pid, signal.SIGKILL)
        self._reap(0)

    def _obey(self, order: dict[str, Any]) -> None:
        if "signal" not in order:
            self._fork(order)
        elif order["pid"] in self._children:
            os.kill(order["pid"], order["signal"])

    def _fork(self, order: dict[str, Any]) -> None:
        pid = os.fork()
        if pid == 0:
            self._become(order)
        self._children.add(pid)
        _tell({"started": pid})

    def _become(self, order: dict[str, Any]) -> None:
        """In the forked process; does not return."""
        status = _FAILED
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            signal.signal(signal.SIGINT, signal.default_int_handler)
            os.close(self._wake)
            os.close(self._woken)
            _redirect(order["log"])
            os.environ.clear()
            os.environ.update(order["environ"])
            status = self._run(order["arguments"])
        except SystemExit as leaving:
            status = leaving.code if isinstance(leaving.code, int) else _FAILED
        except BaseException as error:  # noqa: BLE001 # the last frame: its trace is its log
            sys.excepthook(type(error), error, error.__traceback__)
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            # Not sys.exit: the server's own frames and exit handlers are not this process's.
            os._exit(status)

    def _reap(self, options: int) -> None:
        while self._children:
            pid, status = os.waitpid(-1, options)
            if pid == 0:
                return
            self._children.discard(pid)
            _tell({"ended": pid, "status": os.waitstatus_to_exitcode(status)})


def _redirect(log: str) -> None:
    nothing = os.open(os.devnull, os.O_RDONLY)
    written = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    for source, target in ((nothing, 0), (written, 1), (written, 2)):
        os.dup2(source, target)
    os.close(nothing)
    os.close(written)


def _tell(news: dict[str, int]) -> None:
    try:
        os.write(1, json.dumps(news).encode() + b"\n")
    except BrokenPipeError:
        pass  # the parent is gone, and standard input ends next


if __name__ == "__main__":
    serve(sys.argv[1], sys.argv[2:])
