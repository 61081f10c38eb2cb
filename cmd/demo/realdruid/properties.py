"""Druid's property files as rendered, and what has to differ on loopback.

The rendered files are used byte for byte. What differs is passed as JVM system properties, which
Druid ranks above its files, so every difference stands on the command line of the process and
in ``OVERRIDES``: where it listens, where its neighbours are, and where files go. Nothing else.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path

import attrs

from druid_operator.cmd.demo.realdruid.ports import HOST
from druid_operator.pkg.errors import OperatorError


class NotPlaceable(OperatorError):
    """The configuration needs something that is not on loopback; the message names the property."""


@attrs.frozen(kw_only=True)
class Placement:
    """Where one process and its neighbours are on loopback.

    Args:
        port, zookeeper, derby: ports on 127.0.0.1: its own, and those of its neighbours.
        extensions: folder of extension folders.
        shared: directory of the cluster: segments, task logs, metadata.
        own: directory of the process.
    """

    port: int
    zookeeper: int
    derby: int
    extensions: Path
    shared: Path
    own: Path


@attrs.frozen
class Override:
    """One property that differs.

    Args:
        value: of the placement and of the rendered value, ``None`` where none is rendered.
        only_rendered: set it only where it is rendered.
    """

    key: str
    value: Callable[[Placement, str | None], str]
    only_rendered: bool = False


def _locations(placement: Placement, rendered: str | None) -> str:
    # Sizes stay as rendered: they decide what Druid loads.
    locations = json.loads(rendered or "[]")
    for index, location in enumerate(locations):
        location["path"] = str(placement.own / f"segment-cache-{index}")
    return json.dumps(locations)


def _task_directories(placement: Placement, rendered: str | None) -> str:
    count = len(json.loads(rendered or "[]"))
    return json.dumps([str(placement.own / f"tasks-{index}") for index in range(count)])


#: Every difference between the rendered configuration and what runs.
OVERRIDES = (
    # Host and bind address. Without bindOnHost Druid listens on every interface of the machine.
    Override("druid.host", lambda place, _: HOST),
    Override("druid.bindOnHost", lambda place, _: "true"),
    # Ports. Druid refuses to start when plaintextPort is there and differs from port.
    Override("druid.port", lambda place, _: str(place.port)),
    Override("druid.plaintextPort", lambda place, _: str(place.port), only_rendered=True),
    # Neighbours: ZooKeeper, and the metadata store, a Derby server inside the Coordinator.
    Override("druid.zk.service.host", lambda place, _: f"{HOST}:{place.zookeeper}"),
    Override(
        "druid.metadata.storage.connector.connectURI",
        lambda place, _: f"jdbc:derby://{HOST}:{place.derby}/{place.shared}/metadata;create=true",
    ),
    Override("druid.metadata.storage.connector.host", lambda place, _: HOST),
    Override("druid.metadata.storage.connector.port", lambda place, _: str(place.derby)),
    # Paths.
    Override("druid.extensions.directory", lambda place, _: str(place.extensions)),
    Override("druid.storage.storageDirectory", lambda place, _: str(place.shared / "segments")),
    Override("druid.indexer.logs.directory", lambda place, _: str(place.shared / "task-logs")),
    Override("druid.worker.baseTaskDirs", _task_directories, only_rendered=True),
    Override(
        "druid.indexer.task.baseTaskDir",
        lambda place, _: str(place.own / "tasks"),
        only_rendered=True,
    ),
    Override("druid.segmentCache.locations", _locations, only_rendered=True),
    # Paths of the JVM, among the options of jvm.config.
    Override("java.io.tmpdir", lambda place, _: str(place.own / "tmp")),
    Override("derby.stream.error.file", lambda place, _: str(place.own / "derby.log")),
)

#: What these must be for OVERRIDES to move it: the others live outside of this machine.
_NEEDED = {
    "druid.metadata.storage.type": "derby",
    "druid.storage.type": "local",
    "druid.indexer.logs.type": "file",
}


def overrides(rendered: Mapping[str, str], placement: Placement) -> dict[str, str]:
    """The system properties that place a process with these properties on loopback.

    Raises:
        NotPlaceable: metadata, segments or task logs are to be elsewhere.
    """
    for key, needed in _NEEDED.items():
        given = rendered.get(key)
        if given != needed:
            raise NotPlaceable(f"{key} must be {needed} to run on loopback, got {given}")
    return {
        override.key: override.value(placement, rendered.get(override.key))
        for override in OVERRIDES
        if override.key in rendered or not override.only_rendered
    }


_CONTINUED = re.compile(r"\\\r?\n[ \t\f]*")
_SEPARATOR = re.compile(r"[ \t\f]*[=:][ \t\f]*|[ \t\f]+")


def parse(text: str) -> dict[str, str]:
    """The properties in a Java property file. Escapes other than a continued line stay as they are:
    none is in what is read here."""
    found: dict[str, str] = {}
    for line in _CONTINUED.sub("", text).splitlines():
        stripped = line.strip(" \t\f")
        if stripped and stripped[0] not in "#!":
            key, *value = _SEPARATOR.split(stripped, maxsplit=1)
            found[key] = value[0] if value else ""
    return found
