"""What an operator is put through, and what is measured meanwhile.

Each step answers a flat dictionary of figures; the name of a figure ends with its unit. A figure
that was not reached within the limit of its step is ``None``.
"""

from __future__ import annotations

import asyncio
import math
import random
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

from plane import WEB, Plane
from process import OperatorProcess

from druid_operator.pkg.envtest.eventually import NotReached, eventually
from druid_operator.pkg.envtest.requests import ServerRequest
from druid_operator.pkg.meta import JSON
from druid_operator.pkg.scheme.builtin import CONFIG_MAP

Figures: TypeAlias = dict[str, float | int | dict[str, int] | None]

CONVERGE_LIMIT, FOREIGN_LIMIT, CHANGE_LIMIT = 300.0, 300.0, 30.0
CHANGES, CHANGES_PER_SECOND = 100, 10


class Observer:
    """What the harness sees through its own watches: who is ready, and which message arrived."""

    def __init__(self) -> None:
        self.ready_at: dict[str, float] = {}
        self.web_at: dict[tuple[str, str], float] = {}
        self.config_map_at: dict[tuple[str, str], float] = {}
        self.first_config_map_at: dict[str, float] = {}

    async def follow(self, plane: Plane) -> None:
        await plane.watch(WEB, self._web)
        await plane.watch(CONFIG_MAP, self._config_map)

    def _web(self, event: str, web: JSON, at: float) -> None:
        name, status = web["metadata"]["name"], web.get("status") or {}
        self.web_at.setdefault((name, web["spec"]["message"]), at)
        current = status.get("observedGeneration") == web["metadata"]["generation"]
        if event != "DELETED" and current and status.get("ready"):
            self.ready_at.setdefault(name, at)

    def _config_map(self, event: str, config_map: JSON, at: float) -> None:
        message = (config_map.get("data") or {}).get("message")
        if event != "DELETED" and message is not None:
            name = config_map["metadata"]["name"]
            self.first_config_map_at.setdefault(name, at)
            self.config_map_at.setdefault((name, message), at)


class Measurement:
    """One operator on one plane, step by step."""

    def __init__(self, plane: Plane, command: Sequence[str], name: str) -> None:
        self._plane = plane
        self._command = command
        self._name = name
        self._observer = Observer()
        self._operator: OperatorProcess | None = None

    @property
    def _running(self) -> OperatorProcess:
        assert self._operator is not None
        return self._operator

    async def prepare(self) -> None:
        self._kubeconfig = await self._plane.operator_kubeconfig(self._name)
        await self._observer.follow(self._plane)

    async def stop(self) -> float:
        return await self._running.stop() if self._operator is not None else 0.0

    def _start(self) -> None:
        log = Path(tempfile.gettempdir()) / f"bench-{self._name}.log"
        self._operator = OperatorProcess(self._command, self._kubeconfig, log)

    # --- steps ----------------------------------------------------------------------------------

    async def start_up(self) -> Figures:
        """From the start of the process over one Web that is there already; then at rest."""
        await self._plane.create_web("first")
        self._start()
        await self._all_ready(["first"], 60.0)
        await self._running.quiet()
        return {
            "first_child_seconds": self._since_start(self._observer.first_config_map_at["first"]),
            "ready_seconds": self._since_start(self._observer.ready_at["first"]),
            "cpu_seconds": self._running.cpu_seconds(),
            "idle_rss_mib": self._running.rss_mib(),
        }

    async def converge(self, count: int) -> Figures:
        """Many Webs created at once, until every one of them is ready."""
        names = web_names(count)
        asked, cpu, begun = len(self._plane.requests()), self._running.cpu_seconds(), _now()
        await self._plane.create_webs(names)
        created = _now() - begun
        reached = await self._all_ready(names, CONVERGE_LIMIT)
        ends = [self._observer.ready_at[n] - begun for n in names if n in self._observer.ready_at]
        await self._running.quiet()
        return {
            "webs": count,
            "all_ready_seconds": max(ends) if reached else None,
            "created_seconds": created,
            "cpu_seconds": self._running.cpu_seconds() - cpu,
            "peak_rss_mib": self._running.peak_rss_mib(),
            "rss_mib": self._running.rss_mib(),
            **self._calls_since(asked),
        }

    async def idle(self, seconds: float) -> Figures:
        """With nothing to do."""
        asked, cpu = len(self._plane.requests()), self._running.cpu_seconds()
        await asyncio.sleep(seconds)
        return {
            "seconds": seconds,
            "cpu_seconds": self._running.cpu_seconds() - cpu,
            **self._calls_since(asked),
        }

    async def change(self, count: int, run: int) -> Figures:
        """Messages changed at a steady rate, each until the ConfigMap shows it.

        ``floor``: until the harness's own watch shows the changed Web, which no operator can beat.
        """
        names = random.Random(run).sample(web_names(count), min(CHANGES, count))
        asked, cpu = len(self._plane.requests()), self._running.cpu_seconds()
        sent: dict[tuple[str, str], float] = {}
        begun = _now()
        async with asyncio.TaskGroup() as tasks:
            for index, name in enumerate(names):
                await asyncio.sleep(begun + index / CHANGES_PER_SECOND - _now())
                message = f"change {run}-{index}"
                sent[name, message] = _now()
                tasks.create_task(self._plane.change_web(name, message))
        seen = self._observer.config_map_at
        await _reached(lambda: sent.keys() <= seen.keys(), CHANGE_LIMIT)
        await self._running.quiet(limit=20.0)
        took = [(seen[key] - at) * 1000 for key, at in sent.items() if key in seen]
        floor = [(self._observer.web_at[key] - at) * 1000 for key, at in sent.items()]
        calls = self._calls_since(asked)
        writes = calls["writes"]
        assert isinstance(writes, int)
        return {
            "changes": len(sent),
            "arrived": len(took),
            "p50_ms": percentile(took, 0.50),
            "p99_ms": percentile(took, 0.99),
            "floor_p50_ms": percentile(floor, 0.50),
            "floor_p99_ms": percentile(floor, 0.99),
            "writes_per_change": writes / len(sent),
            "cpu_ms_per_change": (self._running.cpu_seconds() - cpu) * 1000 / len(sent),
            **calls,
        }

    async def restart(self) -> Figures:
        """Over all that is ready; then one change, because standing still looks quiet too."""
        stopped = await self._running.stop()
        asked = len(self._plane.requests())
        self._start()
        # Before its first request it may be quiet only because the machine is not.
        await _reached(lambda: len(self._plane.requests()) > asked, 60.0)
        quiet = await self._running.quiet()
        figures: Figures = {
            "stop_seconds": stopped,
            "quiet_seconds": self._since_start(quiet) if quiet else None,
            "cpu_seconds": self._running.cpu_seconds(),
            "rss_mib": self._running.rss_mib(),
            "peak_rss_mib": self._running.peak_rss_mib(),
            **self._calls_since(asked),
        }
        key, begun = (web_names(1)[0], "after the restart"), _now()
        await self._plane.change_web(*key)
        seen = self._observer.config_map_at
        worked = await _reached(lambda: key in seen, CHANGE_LIMIT)
        figures["change_after_ms"] = (seen[key] - begun) * 1000 if worked else None
        return figures

    async def among_foreign(self, count: int) -> Figures:
        """Start over one Web where the watched kind is full of objects that are nobody's."""
        await self._plane.create_web(self._name)
        asked = len(self._plane.requests())
        self._start()
        reached = await self._all_ready([self._name], FOREIGN_LIMIT)
        cpu = self._running.cpu_seconds()
        if reached:
            await self._running.quiet()
        ready_at = self._observer.ready_at
        return {
            "foreign": count,
            "ready_seconds": self._since_start(ready_at[self._name]) if reached else None,
            "cpu_ready_seconds": cpu,
            "rss_mib": self._running.rss_mib(),
            "peak_rss_mib": self._running.peak_rss_mib(),
            **self._calls_since(asked),
        }

    # --- helpers --------------------------------------------------------------------------------

    async def _all_ready(self, names: Sequence[str], limit: float) -> bool:
        ready, wanted = self._observer.ready_at, set(names)

        def check() -> bool:
            self._running.check()
            return wanted <= ready.keys()

        return await _reached(check, limit)

    def _since_start(self, at: float) -> float:
        return at - self._running.started

    def _calls_since(self, asked: int) -> Figures:
        return count_calls(self._plane.requests()[asked:])


def web_names(count: int) -> list[str]:
    return [f"web-{number:05}" for number in range(count)]


def count_calls(requests: Sequence[ServerRequest]) -> Figures:
    by_kind = Counter(
        f"{r.verb} {'/'.join(filter(None, (r.plural, r.subresource))) or '(discovery)'}"
        for r in requests
    )
    failed = Counter(str(r.status) for r in requests if r.status >= 400)
    return {
        "calls": len(requests),
        "writes": sum(r.is_write for r in requests),
        "calls_by_kind": dict(sorted(by_kind.items())),
        "failed": dict(failed),
    }


def percentile(values: Sequence[float], share: float) -> float | None:
    """Nearest rank: of 100 values, the 99th percentile is the second worst."""
    return sorted(values)[max(0, math.ceil(len(values) * share) - 1)] if values else None


def _now() -> float:
    return time.monotonic()


async def _reached(check, limit: float) -> bool:  # type: ignore[no-untyped-def]
    try:
        await eventually(check, timeout=limit, interval=0.02)
    except NotReached:
        return False
    return True
