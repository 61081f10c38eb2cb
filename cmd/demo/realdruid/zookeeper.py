"""A ZooKeeper server of one, from the jars that Druid's own client brings along."""

from __future__ import annotations

from pathlib import Path

from druid_operator.cmd.demo.realdruid.assets import DruidAssets
from druid_operator.cmd.demo.realdruid.ports import HOST

_FLAGS = (
    "-Xmx64m",
    "-XX:TieredStopAtLevel=1",
    "-XX:+UseSerialGC",
    "-XX:-UsePerfData",
    # It would listen on port 8080 of every interface.
    "-Dzookeeper.admin.enableServer=false",
    "-Dzookeeper.jmx.log4j.disable=true",
)


def command(assets: DruidAssets, directory: Path, port: int) -> list[str]:
    """Write ``zoo.cfg`` into ``directory`` and answer the command line."""
    settings = {
        "tickTime": 2000,
        "initLimit": 5,
        "syncLimit": 2,
        "dataDir": directory / "data",
        "clientPort": port,
        "clientPortAddress": HOST,
        "maxClientCnxns": 0,  # all of Druid connects from one address
    }
    configuration = directory / "zoo.cfg"
    configuration.write_text("".join(f"{key}={value}\n" for key, value in settings.items()))
    return [
        str(assets.java),
        *_FLAGS,
        "-cp",
        assets.druid_class_path(),
        "org.apache.zookeeper.server.quorum.QuorumPeerMain",
        str(configuration),
    ]
