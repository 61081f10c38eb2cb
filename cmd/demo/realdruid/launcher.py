"""A real Druid on loopback, from the objects that the operator made for it.

Each pod becomes a process: its ConfigMaps are written out as the kubelet mounts them and stand on
the class path, ``jvm.config`` gives the JVM's options, and ``properties.OVERRIDES`` is all that
differs. Every socket is on 127.0.0.1.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path

from druid_operator.cmd.demo.realdruid import zookeeper
from druid_operator.cmd.demo.realdruid.assets import DruidAssets
from druid_operator.cmd.demo.realdruid.pods import Pod, read_pods
from druid_operator.cmd.demo.realdruid.ports import HOST, free_ports
from druid_operator.cmd.demo.realdruid.properties import Placement, overrides
from druid_operator.cmd.demo.realdruid.readiness import (
    WORKER_SERVICES,
    Prober,
    check_port,
    ready_paths,
)
from druid_operator.pkg.envtest.binaries.processes import Processes
from druid_operator.pkg.meta import JSON

Report = Callable[[str], None]

ZOOKEEPER = "zookeeper"

#: What Druid's own ``bin/run-java`` adds on Java 17.
MODULE_FLAGS = (
    "--add-exports=java.base/jdk.internal.misc=ALL-UNNAMED",
    "--add-exports=java.base/jdk.internal.ref=ALL-UNNAMED",
    "--add-opens=java.base/java.nio=ALL-UNNAMED",
    "--add-opens=java.base/sun.nio.ch=ALL-UNNAMED",
    "--add-opens=java.base/jdk.internal.ref=ALL-UNNAMED",
    "--add-opens=java.base/java.io=ALL-UNNAMED",
    "--add-opens=java.base/java.lang=ALL-UNNAMED",
    "--add-opens=jdk.management/com.sun.management.internal=ALL-UNNAMED",
)

# Started first, and alone: it holds the metadata store, and two cores start one JVM after the other
# sooner than seven at once (measured: 13 s against 16 s for a whole cluster).
_FIRST = ("coordinator", "overlord")
# Measured: 10 to 25 s for a whole cluster on two cores, several times that on a busy machine.
START_TIMEOUT = 180.0
# A worker waits for its tasks to end.
STOP_TIMEOUT = 20.0
_PROBE_INTERVAL = 0.25


class RealDruid:
    """One Druid cluster in one directory; an async context manager that boots and ends it.

    Processes have the names of node group and ordinal: ``brokers-0``. ``zookeeper`` is one too.
    What a killed program left running is ended by ``stop_recorded(directory)`` of
    ``pkg.envtest.binaries.processes``.

    Args:
        children: objects of the cluster: at least its ConfigMaps, StatefulSets and Deployments.
        directory: for everything that the processes write; made if missing, and kept.
        ports: of processes whose address is told to others before they run; the rest is chosen.
        report: told what becomes ready, for progress.

    Raises:
        NotADruid, NotPlaceable: the objects cannot be run on loopback.
        ProcessFailed: from booting; a process ended or was not ready in time. The message ends with
            the tail of its log, and nothing is left running.
    """

    def __init__(
        self,
        assets: DruidAssets,
        children: Iterable[JSON],
        directory: Path,
        *,
        ports: Mapping[str, int] | None = None,
        report: Report = lambda _: None,
    ) -> None:
        self._assets = assets
        self._directory = directory
        self._report = report
        self._pods: Mapping[str, Pod] = {pod.name: pod for pod in read_pods(children)}
        self._processes = Processes(directory)
        names = [ZOOKEEPER, "derby", *self._pods]
        self._ports = {**dict(zip(names, free_ports(len(names)), strict=True)), **(ports or {})}
        self._commands = {
            name: self._command(pod, overrides(pod.properties, self._placement(name)))
            for name, pod in self._pods.items()
        }

    async def __aenter__(self) -> RealDruid:
        async with AsyncExitStack() as undo:
            undo.push_async_callback(self._stop_all)
            await self._boot()
            undo.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stop_all()

    @property
    def names(self) -> tuple[str, ...]:
        """Every process, ZooKeeper first."""
        return (ZOOKEEPER, *self._pods)

    @property
    def router_url(self) -> str:
        return self.url_of("router")

    @property
    def coordinator_url(self) -> str:
        return self.url_of("coordinator")

    @property
    def broker_url(self) -> str:
        return self.url_of("broker")

    def url(self, name: str) -> str:
        """Of one process."""
        return f"http://{HOST}:{self._ports[name]}"

    def url_of(self, service: str) -> str:
        """Of the first process of a service. Raises ``KeyError`` where there is none."""
        for name, pod in self._pods.items():
            if pod.service == service:
                return self.url(name)
        raise KeyError(service)

    def log(self, name: str) -> Path:
        return self._processes.log(name)

    def pids(self) -> dict[str, int]:
        """Of the processes that were started and not stopped."""
        return {identity.name: identity.pid for identity in self._processes.identities}

    async def start(self, name: str) -> None:
        """Start a stopped process, on the port and data that it had, and wait until it is ready."""
        async with Prober() as prober:
            self._launch(name)
            await self._ready(name, prober)

    async def stop(self, name: str) -> None:
        """Stop one process: SIGTERM, and after ``STOP_TIMEOUT`` SIGKILL."""
        await self._processes.stop_one(name, timeout=STOP_TIMEOUT)

    async def _boot(self) -> None:
        began = time.monotonic()
        for name, pod in self._pods.items():
            _write(self._home(name), pod)
        home = self._home(ZOOKEEPER)
        home.mkdir(parents=True, exist_ok=True)
        command = zookeeper.command(self._assets, home, self._ports[ZOOKEEPER])
        self._processes.start(ZOOKEEPER, command, tier=0, cwd=home)
        await self._processes.healthy(
            ZOOKEEPER, lambda: check_port(self._ports[ZOOKEEPER]), timeout=START_TIMEOUT
        )
        first = [name for name, pod in self._pods.items() if pod.service in _FIRST]
        async with Prober() as prober:
            for wave in (first, [name for name in self._pods if name not in first]):
                for name in wave:
                    self._launch(name)
                await self._all_ready(wave, prober)
            await self._workers_found(prober)
        self._report(f"Druid is ready after {time.monotonic() - began:.1f} s")

    async def _all_ready(self, names: Sequence[str], prober: Prober) -> None:
        try:
            async with asyncio.TaskGroup() as waiting:
                for name in names:
                    waiting.create_task(self._ready(name, prober))
        except ExceptionGroup as failures:
            # The first to fail is the cause; the others were cancelled or follow from it.
            raise failures.exceptions[0] from None

    async def _ready(self, name: str, prober: Prober) -> None:
        pod, began = self._pods[name], time.monotonic()
        paths = ready_paths(pod.service, pod.properties)
        await self._processes.healthy(
            name,
            lambda: prober.check(self.url(name), paths),
            timeout=START_TIMEOUT,
            interval=_PROBE_INTERVAL,
        )
        self._report(f"{name} is ready after {time.monotonic() - began:.1f} s")

    async def _workers_found(self, prober: Prober) -> None:
        workers = [name for name, pod in self._pods.items() if pod.service in WORKER_SERVICES]
        services = {pod.service for pod in self._pods.values()}
        overlord = self.url_of("overlord" if "overlord" in services else "coordinator")
        if workers:
            await self._processes.healthy(
                workers[-1],
                lambda: prober.check_workers(overlord, len(workers)),
                timeout=START_TIMEOUT,
                interval=_PROBE_INTERVAL,
            )

    async def _stop_all(self) -> None:
        await self._processes.stop(timeout=STOP_TIMEOUT)

    def _launch(self, name: str) -> None:
        # The store that all others need ends after them.
        tier = 1 if self._pods[name].service in _FIRST else 2
        self._processes.start(name, self._commands[name], tier=tier, cwd=self._home(name))

    def _command(self, pod: Pod, properties: Mapping[str, str]) -> list[str]:
        home = self._home(pod.name)
        class_path = [*(str(home / folder) for folder in pod.folders)]
        class_path.append(self._assets.druid_class_path())
        return [
            str(self._assets.java),
            *MODULE_FLAGS,
            *pod.jvm_options,
            # The last of two equal options wins, so these are last.
            *(f"-D{key}={value}" for key, value in properties.items()),
            "-cp",
            ":".join(class_path),
            "org.apache.druid.cli.Main",
            "server",
            pod.service,
        ]

    def _placement(self, name: str) -> Placement:
        return Placement(
            port=self._ports[name],
            zookeeper=self._ports[ZOOKEEPER],
            derby=self._ports["derby"],
            extensions=self._assets.extensions,
            shared=self._directory,
            own=self._home(name),
        )

    def _home(self, name: str) -> Path:
        return self._directory / name


def _write(home: Path, pod: Pod) -> None:
    for path, content in pod.files.items():
        file = home / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
    (home / "tmp").mkdir(exist_ok=True)
