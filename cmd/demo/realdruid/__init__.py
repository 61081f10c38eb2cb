"""A real Druid and a real Kafka on loopback, for the demo and the tests.

The operator itself never imports this room. ::

    assets = ensure_assets(report=print)
    async with RealKafka(assets, directory / "kafka") as kafka:
        async with RealDruid(assets, children, directory / "druid") as druid:
            ...

``children`` are the objects that the operator made, read from an API server or rendered.
"""

from druid_operator.cmd.demo.realdruid.assets import DruidAssets, Versions, ensure_assets
from druid_operator.cmd.demo.realdruid.java import JavaMissing
from druid_operator.cmd.demo.realdruid.kafka import RealKafka
from druid_operator.cmd.demo.realdruid.launcher import RealDruid
from druid_operator.cmd.demo.realdruid.maven import ResolveFailed
from druid_operator.cmd.demo.realdruid.pods import NotADruid
from druid_operator.cmd.demo.realdruid.properties import OVERRIDES, NotPlaceable
from druid_operator.cmd.demo.realdruid.sample import rendered_sample, sample

__all__ = [
    "ensure_assets", "DruidAssets", "Versions", "JavaMissing", "ResolveFailed",
    "RealDruid", "OVERRIDES", "NotADruid", "NotPlaceable",
    "RealKafka",
    "sample", "rendered_sample",
]  # fmt: skip
