"""The operator as a process of its own, as a Deployment would run it. Used by the demo and by
tests.
"""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import aiohttp
import attrs

from druid_operator.pkg.envtest.eventually import eventually
from druid_operator.pkg.envtest.forkserver import ForkedProcess, ForkServer

#: What a fork server runs to make operators; and what the program imports only when it runs.
PROGRAM = "druid_operator.cmd.manager.main:main"
PRELOAD = ("druid_operator.cmd.manager.operator",)


class OperatorDied(AssertionError):
    """It ended by itself; the message has the end of its log."""


def free_port() -> int:
    """A port that was free a moment ago. Another process could take it first; then the start
    fails.
    """
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


def _bind(port: int) -> str:
    return f"127.0.0.1:{port}" if port else "0"


@attrs.define
class OperatorProcess:
    """An async context manager: ready inside, stopped by SIGTERM at the end.

    Args:
        kubeconfig: of the API server.
        log: file for its log (JSON lines), appended to.
        flags: further flags.
        environ: further environment.
        metrics_port, health_port: 0: not served. Without probes a start is not waited for.
        fork_server: starts it in a tenth of the time; by default a new interpreter does.
    """

    kubeconfig: Path
    log: Path
    flags: Sequence[str] = ()
    environ: Mapping[str, str] = attrs.field(factory=dict)
    metrics_port: int = attrs.field(factory=free_port)
    health_port: int = attrs.field(factory=free_port)
    fork_server: ForkServer | None = None
    _process: asyncio.subprocess.Process | ForkedProcess | None = attrs.field(
        default=None, init=False
    )

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        return self._process.returncode if self._process else None

    async def start(self, *, ready: bool = True) -> None:
        arguments = [
            f"--kubeconfig={self.kubeconfig}",
            f"--metrics-bind-address={_bind(self.metrics_port)}",
            f"--health-probe-bind-address={_bind(self.health_port)}",
            "--zap-encoder=json",
            *self.flags,
        ]
        environ = {**os.environ, **self.environ}
        if self.fork_server is not None:
            self._process = await self.fork_server.spawn(arguments, environ=environ, log=self.log)
        else:
            with self.log.open("ab") as log:
                self._process = await asyncio.create_subprocess_exec(
                    sys.executable, "-m", "druid_operator", *arguments, env=environ,
                    stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log,
                )  # fmt: skip
        if ready and self.health_port:
            await self.wait_ready()

    async def wait_ready(self, timeout: float = 60.0) -> None:
        async with aiohttp.ClientSession() as session:

            async def ready() -> bool:
                if self.returncode is not None:
                    raise OperatorDied(f"status {self.returncode}:\n{self.tail()}")
                url = f"http://127.0.0.1:{self.health_port}/readyz"
                try:
                    async with session.get(url) as answer:
                        return answer.status == 200
                except aiohttp.ClientConnectionError:
                    return False

            try:
                await eventually(ready, timeout=timeout, what="the operator is ready")
            except OperatorDied:
                raise
            except AssertionError as error:
                raise OperatorDied(f"not ready: {error}\n{self.tail()}") from error

    async def metrics(self) -> str:
        url = f"http://127.0.0.1:{self.metrics_port}/metrics"
        async with aiohttp.ClientSession() as session, session.get(url) as answer:
            return await answer.text()

    async def requests(self) -> dict[str, int]:
        """API requests so far by method, from its own metrics."""
        counts: dict[str, int] = {}
        for line in (await self.metrics()).splitlines():
            if line.startswith("rest_client_requests_total{"):
                labels, value = line.rsplit(" ", 1)
                method = labels.split('method="')[1].split('"')[0]
                counts[method] = counts.get(method, 0) + int(float(value))
        return counts

    async def druid_calls(self) -> int:
        """Requests to Druid so far, from its own metrics."""
        rows = (await self.metrics()).splitlines()
        prefix = "druid_operator_druid_requests_total{"
        return sum(int(float(row.rsplit(" ", 1)[1])) for row in rows if row.startswith(prefix))

    def kill(self) -> None:
        """``kill -9``, as a node that loses power would."""
        assert self._process is not None
        self._process.kill()

    async def wait(self) -> int:
        assert self._process is not None
        return await self._process.wait()

    async def stop(self, timeout: float = 40.0) -> int | None:
        """SIGTERM and wait; SIGKILL after ``timeout`` seconds. Returns the exit status."""
        if self._process is None:
            return None
        if self._process.returncode is None:
            self._process.terminate()
            try:
                async with asyncio.timeout(timeout):
                    await self._process.wait()
            except TimeoutError:
                self._process.kill()
                await self._process.wait()
        return self._process.returncode

    def tail(self, lines: int = 20) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    async def __aenter__(self) -> OperatorProcess:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()
