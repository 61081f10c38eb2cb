"""A Kafka broker on loopback, and Kafka's own tools to make topics and fill them."""

from __future__ import annotations

import asyncio
import json
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from druid_operator.cmd.demo.realdruid.assets import DruidAssets
from druid_operator.cmd.demo.realdruid.ports import HOST, free_ports
from druid_operator.cmd.demo.realdruid.readiness import check_port
from druid_operator.pkg.envtest.binaries.processes import Processes, ProcessFailed

BROKER = "kafka"
Report = Callable[[str], None]

# Sixteen bytes in the alphabet that Kafka wants; there is one cluster in each directory.
CLUSTER_ID = urlsafe_b64encode(b"druid-operator-k").decode().rstrip("=")
_JVM = ("-Xmx256m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-XX:-UsePerfData")
_LOG_LEVEL = "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"
# Measured: 3 to 8 s, and a tool 1 to 3 s.
START_TIMEOUT = 120.0
TOOL_TIMEOUT = 60.0
STOP_TIMEOUT = 20.0


class RealKafka:
    """One broker, its own controller (KRaft), in one directory; an async context manager.

    Args:
        directory: for configuration, data and log; made if missing, and kept.

    Raises:
        ProcessFailed: from starting and from the tools, with what they printed.
    """

    def __init__(
        self, assets: DruidAssets, directory: Path, *, report: Report = lambda _: None
    ) -> None:
        self._assets = assets
        self._directory = directory
        self._report = report
        self._port, self._controller_port = free_ports(2)
        self._processes: Processes = Processes(directory)

    async def __aenter__(self) -> RealKafka:
        async with AsyncExitStack() as undo:
            undo.push_async_callback(self._processes.stop, timeout=STOP_TIMEOUT)
            await self._start()
            undo.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._processes.stop(timeout=STOP_TIMEOUT)

    @property
    def bootstrap(self) -> str:
        """``bootstrap.servers`` of its clients."""
        return f"{HOST}:{self._port}"

    def log(self, name: str = BROKER) -> Path:
        return self._processes.log(name)

    def pids(self) -> dict[str, int]:
        return {identity.name: identity.pid for identity in self._processes.identities}

    async def create_topic(self, topic: str, *, partitions: int = 1) -> None:
        await self._tool(
            "org.apache.kafka.tools.TopicCommand",
            "--bootstrap-server", self.bootstrap, "--create",
            "--topic", topic, "--partitions", str(partitions),
        )  # fmt: skip

    async def produce(self, topic: str, rows: Iterable[Mapping[str, Any]]) -> None:
        """Append rows to the topic, one record of JSON each. Returns when all are stored."""
        lines = "".join(json.dumps(row) + "\n" for row in rows)
        await self._tool(
            "org.apache.kafka.tools.ConsoleProducer",
            # Without it a row that cannot be sent is a line in a log, and the tool succeeds.
            "--sync",
            "--bootstrap-server", self.bootstrap, "--topic", topic,
            stdin=lines.encode(),
        )  # fmt: skip

    async def _start(self) -> None:
        self._directory.mkdir(parents=True, exist_ok=True)
        configuration = self._directory / "server.properties"
        settings = self._settings()
        configuration.write_text("".join(f"{key}={value}\n" for key, value in settings.items()))
        formatting = ["format", "--cluster-id", CLUSTER_ID, "--config", str(configuration)]
        await self._tool("kafka.tools.StorageTool", *formatting, "--ignore-formatted")
        self._processes.start(
            BROKER, self._java("kafka.Kafka", str(configuration)), tier=0, cwd=self._directory
        )
        await self._processes.healthy(
            BROKER, lambda: check_port(self._port), timeout=START_TIMEOUT, interval=0.25
        )
        self._report(f"Kafka is ready at {self.bootstrap}")

    def _settings(self) -> dict[str, object]:
        broker, controller = f"{HOST}:{self._port}", f"{HOST}:{self._controller_port}"
        return {
            "process.roles": "broker,controller",
            "node.id": 1,
            "controller.quorum.voters": f"1@{controller}",
            "controller.listener.names": "CONTROLLER",
            "listeners": f"PLAINTEXT://{broker},CONTROLLER://{controller}",
            "advertised.listeners": f"PLAINTEXT://{broker}",
            "log.dirs": self._directory / "data",
            # The internal topics expect three brokers by default.
            "offsets.topic.replication.factor": 1,
            "offsets.topic.num.partitions": 1,
            "transaction.state.log.replication.factor": 1,
            "transaction.state.log.num.partitions": 1,
            "transaction.state.log.min.isr": 1,
            "group.initial.rebalance.delay.ms": 0,
        }

    def _java(self, main: str, *arguments: str) -> list[str]:
        class_path = self._assets.kafka_class_path()
        return [str(self._assets.java), *_JVM, _LOG_LEVEL, "-cp", class_path, main, *arguments]

    async def _tool(self, main: str, *arguments: str, stdin: bytes = b"") -> None:
        name = main.rpartition(".")[2]
        code, output = await _run(self._java(main, *arguments), stdin, self._directory)
        if code != 0:
            raise ProcessFailed(f"{name} ended with code {code}:\n{output.strip()}")


async def _run(argv: Sequence[str], stdin: bytes, cwd: Path) -> tuple[int | None, str]:
    process = await asyncio.create_subprocess_exec(
        *argv,
        cwd=cwd,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(TOOL_TIMEOUT):
            output, _ = await process.communicate(stdin)
    except TimeoutError:
        raise ProcessFailed(f"{argv[-1]}: not done within {TOOL_TIMEOUT:.0f} s") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return process.returncode, output.decode(errors="replace")
