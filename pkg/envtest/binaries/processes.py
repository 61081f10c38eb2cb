"""Child processes with a log of their own, stopped by identity.

A process is known by its pid *and* its start time, so one that ended is never confused with
another that got its pid. That matters because a control plane may outlive the program that started
it, and is then stopped from what was written down.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import attrs

from druid_operator.pkg.envtest.eventually import NotReached, eventually
from druid_operator.pkg.errors import OperatorError

RECORD = "processes.json"
LOG_TAIL = 3000
KILL_WAIT = 5.0


class ProcessFailed(OperatorError):
    """A component ended or did not become healthy; the message ends with the tail of its log."""


@attrs.frozen
class ProcessIdentity:
    """Who a process is.

    Args:
        started: the system's own word for the start time, compared and never interpreted.
        tier: processes of a higher tier need those of a lower one, and are stopped first.
    """

    name: str
    pid: int
    started: str
    tier: int = 0

    def alive(self) -> bool:
        return start_time(self.pid) == self.started

    def signal(self, number: signal.Signals) -> None:
        """Send a signal, unless the process has ended."""
        if self.alive():
            try:
                os.kill(self.pid, number)
            except ProcessLookupError:
                pass  # ended between the two lines: as wanted


def start_time(pid: int) -> str:
    """When the process started; empty if there is none or it only waits to be reaped."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except FileNotFoundError:
        if Path("/proc/self/stat").exists():
            return ""
    except ProcessLookupError:
        return ""
    else:
        return "" if fields[0] in "ZX" else fields[19]
    # No /proc (macOS): ask ps, whose answer is empty for an unknown pid.
    argv = ["ps", "-o", "lstart=,stat=", "-p", str(pid)]
    answer = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=10).stdout
    started, _, state = answer.strip().rpartition(" ")
    return "" if state.startswith("Z") else started


class Processes:
    """The components of one control plane, in one directory: ``NAME.log`` each and a record.

    Args:
        directory: where logs and the record go; exists already.
        attach_output: components write to our stderr instead of a log.
    """

    def __init__(self, directory: Path, *, attach_output: bool = False) -> None:
        self._directory = directory
        self._attach_output = attach_output
        self._popen: dict[str, subprocess.Popen[bytes]] = {}
        self._identities: list[ProcessIdentity] = []

    @property
    def identities(self) -> tuple[ProcessIdentity, ...]:
        """Who was started and not stopped, in order."""
        return tuple(self._identities)

    def start(
        self, name: str, argv: Sequence[str | Path], *, tier: int, cwd: Path | None = None
    ) -> None:
        """Start a component in a session of its own, so that Ctrl-C stops it when we say so.

        Args:
            cwd: its working directory, by default that of the logs. The log of a component that
                ran before goes on.
        """
        output = None if self._attach_output else self.log(name).open("ab")
        try:
            process = subprocess.Popen(
                [str(a) for a in argv],
                cwd=cwd or self._directory,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT if output else None,
                start_new_session=True,
            )
        finally:
            if output:
                output.close()
        self._popen[name] = process
        self._identities.append(ProcessIdentity(name, process.pid, start_time(process.pid), tier))
        self._write_record()

    async def healthy(
        self,
        name: str,
        probe: Callable[[], Awaitable[object]],
        *,
        timeout: float,
        interval: float = 0.05,
    ) -> None:
        """Wait until ``probe`` answers without an error.

        Args:
            timeout: seconds.
            interval: seconds from one probe to the next.

        Raises:
            ProcessFailed: the component ended, or the time passed.
        """

        async def answered() -> bool:
            code = self._popen[name].poll()
            if code is not None:
                raise ProcessFailed(f"{name} ended with code {code}:\n{self._tail(name)}")
            await probe()
            return True

        try:
            await eventually(answered, timeout=timeout, interval=interval)
        except NotReached as error:
            reason = f"{name} did not become healthy: {error.__cause__ or error}"
            raise ProcessFailed(f"{reason}\n{self._tail(name)}") from error

    async def stop(self, *, timeout: float) -> None:
        """Stop all, tier by tier, and reap them. Completes even if the caller is cancelled."""
        await asyncio.shield(stop_all(self._identities, timeout=timeout))
        for process in self._popen.values():
            process.wait(timeout=KILL_WAIT)
        self._identities.clear()
        (self._directory / RECORD).unlink(missing_ok=True)

    async def stop_one(self, name: str, *, timeout: float) -> None:
        """Stop and reap one component, which may be started again. Cancelling does not stop it."""
        (identity,) = (i for i in self._identities if i.name == name)
        await asyncio.shield(stop_all([identity], timeout=timeout))
        self._popen[name].wait(timeout=KILL_WAIT)
        self._identities.remove(identity)
        self._write_record()

    def log(self, name: str) -> Path:
        return self._directory / f"{name}.log"

    def _write_record(self) -> None:
        record = [attrs.asdict(i) for i in self._identities]
        (self._directory / RECORD).write_text(json.dumps(record, indent=1))

    def _tail(self, name: str) -> str:
        if self._attach_output:
            return "(its log went to stderr)"
        return self.log(name).read_text(errors="replace")[-LOG_TAIL:].strip()


async def stop_recorded(directory: Path, *, timeout: float) -> list[str]:
    """Stop what an earlier program left running in ``directory``; answers the names it stopped."""
    record = directory / RECORD
    if not record.exists():
        return []
    identities = [ProcessIdentity(**entry) for entry in json.loads(record.read_text())]
    running = [i.name for i in identities if i.alive()]
    await stop_all(identities, timeout=timeout)
    record.unlink()
    return running


async def stop_all(identities: Sequence[ProcessIdentity], *, timeout: float) -> None:
    """End every process: SIGTERM, and after ``timeout`` seconds SIGKILL, the highest tier first.

    Tiers matter: an API server whose etcd is gone waits for it before it ends.
    """
    for tier in sorted({i.tier for i in identities}, reverse=True):
        members = [i for i in identities if i.tier == tier]
        for number, patience in ((signal.SIGTERM, timeout), (signal.SIGKILL, KILL_WAIT)):
            for identity in members:
                identity.signal(number)
            try:
                async with asyncio.timeout(patience):
                    # Not our children when they are read from a record: there is nothing to await.
                    while any(i.alive() for i in members):  # noqa: ASYNC110
                        await asyncio.sleep(0.01)
            except TimeoutError:
                continue
            break
