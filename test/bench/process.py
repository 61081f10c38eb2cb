"""An operator under measurement: one process, its CPU and its memory, from /proc."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
#: Quiet: less than this share of a core, for that many seconds.
QUIET_SHARE, QUIET_SECONDS = 0.03, 3.0
STOP_SECONDS = 20.0


class OperatorEnded(Exception):
    """The operator ended by itself; the message has the end of its log."""


class OperatorProcess:
    """Started at once; ``started`` is the monotonic time just before."""

    def __init__(self, command: Sequence[str], kubeconfig: Path, log: Path) -> None:
        self._log = log
        with log.open("wb") as out:
            self.started = time.monotonic()
            self._process = subprocess.Popen(
                command,
                env={**os.environ, "KUBECONFIG": str(kubeconfig)},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
            )

    def check(self) -> None:
        if self._process.poll() is not None:
            tail = self._log.read_text(errors="replace")[-3000:]
            raise OperatorEnded(f"exit code {self._process.returncode}:\n{tail}")

    def cpu_seconds(self) -> float:
        """User and system, of all its threads."""
        stat = Path(f"/proc/{self._process.pid}/stat").read_text()
        user, system = stat.rpartition(")")[2].split()[11:13]
        return (int(user) + int(system)) / _TICKS

    def rss_mib(self) -> float:
        return self._memory("VmRSS")

    def peak_rss_mib(self) -> float:
        return self._memory("VmHWM")

    def _memory(self, field: str) -> float:
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        found = re.search(rf"{field}:\s+(\d+) kB", status)
        assert found is not None
        return int(found[1]) / 1024

    async def quiet(self, *, limit: float = 120.0) -> float | None:
        """The monotonic time from which it was quiet, once that has lasted. ``None``: never."""
        deadline = time.monotonic() + limit
        since, used = time.monotonic(), self.cpu_seconds()
        while time.monotonic() < deadline:
            await asyncio.sleep(0.1)
            self.check()
            now, cpu = time.monotonic(), self.cpu_seconds()
            if cpu - used > QUIET_SHARE * QUIET_SECONDS:
                since, used = now, cpu
            elif now - since >= QUIET_SECONDS:
                return since
        return None

    async def stop(self) -> float:
        """SIGTERM, and SIGKILL after a while. Seconds that it took."""
        begun = time.monotonic()
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            while self._process.poll() is None:
                if time.monotonic() - begun > STOP_SECONDS:
                    self._process.kill()
                await asyncio.sleep(0.01)
        return time.monotonic() - begun
