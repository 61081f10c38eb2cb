"""The Druid that the demo's operator talks to: a fake one, or a real one with a real Kafka.

The real one boots from the ConfigMaps that the operator wrote, read back from the API server.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Protocol

import attrs

from druid_operator.cmd.demo.realdruid import assets
from druid_operator.cmd.demo.realdruid.kafka import RealKafka
from druid_operator.cmd.demo.realdruid.launcher import RealDruid
from druid_operator.cmd.demo.realdruid.ports import HOST, free_ports
from druid_operator.cmd.demo.samples import load_sample
from druid_operator.cmd.demo.timeline import Timeline
from druid_operator.pkg.druidapi.fake import FakeDruid
from druid_operator.pkg.meta import JSON

TOPIC = "page-views"
_ROWS = [
    {"time": f"2026-01-01T00:00:{n:02}Z", "page": f"p{n % 3}", "country": "PT", "bytes": n}
    for n in range(30)
]


class DemoDruid(Protocol):
    """What the story needs of a Druid."""

    @property
    def kind(self) -> str:
        """``fake`` or ``real``."""
        ...

    @property
    def url(self) -> str:
        """Of its router, known before it runs."""
        ...

    @property
    def cluster(self) -> str:
        """Name of the ``Druid`` object."""
        ...

    def cluster_object(self) -> JSON: ...

    async def boot(self, children: Sequence[JSON]) -> None:
        """Come up, from what the operator made of the object."""
        ...

    def stream(self, document: JSON) -> JSON:
        """The ingestion of the sample, pointed at the Kafka there is."""
        ...


@attrs.frozen
class _Fake:
    url: str
    kind: str = "fake"
    cluster: str = "example"

    def cluster_object(self) -> JSON:
        return load_sample("druid.yaml")

    async def boot(self, children: Sequence[JSON]) -> None:
        return None

    def stream(self, document: JSON) -> JSON:
        return document


@attrs.define
class _Real:
    url: str
    folder: Path
    ports: Mapping[str, int]
    timeline: Timeline
    stack: AsyncExitStack
    kind: str = "real"
    cluster: str = "loopback"
    kafka: RealKafka | None = None

    def cluster_object(self) -> JSON:
        return load_sample("druid-real.yaml")

    async def boot(self, children: Sequence[JSON]) -> None:
        found = assets.ensure_assets(report=self._report)
        self.kafka = await self.stack.enter_async_context(
            RealKafka(found, self.folder / "kafka", report=self._report)
        )
        await self.kafka.create_topic(TOPIC, partitions=2)
        await self.kafka.produce(TOPIC, _ROWS)
        self.timeline.line("Kafka", f"has {len(_ROWS)} rows in topic {TOPIC}")
        await self.stack.enter_async_context(
            RealDruid(found, children, self.folder / "druid", ports=self.ports, report=self._report)
        )
        self.timeline.line("Druid", "runs", "booted from the ConfigMaps that the operator wrote")

    def stream(self, document: JSON) -> JSON:
        assert self.kafka is not None
        spec = document["spec"]["ingestion"]["nativeSpec"]["spec"]
        spec["ioConfig"]["consumerProperties"]["bootstrap.servers"] = self.kafka.bootstrap
        spec["ioConfig"]["taskDuration"] = "PT1M"
        document["spec"]["druidCluster"] = self.cluster
        return document

    def _report(self, text: str) -> None:
        self.timeline.line("real Druid", text)


@asynccontextmanager
async def demo_druid(kind: str, folder: Path, timeline: Timeline) -> AsyncIterator[DemoDruid]:
    """``kind`` is ``fake`` or ``real``; the real one starts when the story calls ``boot``."""
    if kind == "fake":
        async with FakeDruid() as druid:
            yield _Fake(druid.url)
        return
    async with AsyncExitStack() as stack:
        ports = {"routers-0": free_ports(1)[0]}
        yield _Real(f"http://{HOST}:{ports['routers-0']}", folder, ports, timeline, stack)
