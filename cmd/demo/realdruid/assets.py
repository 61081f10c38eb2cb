"""The jars of Druid and Kafka: resolved once with Maven, then found in the cache.

Versions are settings: ``DRUID_VERSION`` and ``KAFKA_VERSION``. The cache is a folder of
``$XDG_CACHE_HOME/druid-operator/druid`` (by default below ``~/.cache``) named by the digest of the
poms and versions, and is filled in one move: it is complete or not there. ::

    lib/                                      every Druid service, and ZooKeeper
    extensions/druid-kafka-indexing-service/
    kafka/                                    the broker and its tools

``python -m druid_operator.cmd.demo.realdruid.assets`` resolves what is missing and prints the
directory.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Mapping
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

import attrs

from druid_operator.cmd.demo.realdruid.java import JavaMissing, find_java
from druid_operator.cmd.demo.realdruid.maven import Report, ResolveFailed, copy_dependencies
from druid_operator.pkg.envtest.binaries.assets import cache_directory

#: Measured: Druid 183 MB, its Kafka extension 17 MB, Kafka 43 MB, as much again for Maven's copies.
DISK_NEEDED = 600 * 10**6


@attrs.frozen
class Versions:
    """What is resolved.

    Args:
        druid: the newest version of which Maven repositories have every part that is used here.
        kafka: any that speaks to the client in Druid's extension.
    """

    druid: str = "33.0.0"
    kafka: str = "4.1.1"

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> Versions:
        default = cls()
        return cls(
            druid=environ.get("DRUID_VERSION") or default.druid,
            kafka=environ.get("KAFKA_VERSION") or default.kafka,
        )


@attrs.frozen
class DruidAssets:
    """Where the jars are, and the Java to run them with."""

    versions: Versions
    directory: Path
    java: Path

    @property
    def extensions(self) -> Path:
        return self.directory / "extensions"

    def druid_class_path(self) -> str:
        return str(self.directory / "lib" / "*")

    def kafka_class_path(self) -> str:
        return str(self.directory / "kafka" / "*")

    def sizes(self) -> dict[str, int]:
        """Bytes of each folder."""
        folders = ("lib", "extensions", "kafka")
        return {name: _size(self.directory / name) for name in folders}


def ensure_assets(
    environ: Mapping[str, str] = os.environ, report: Report = lambda _: None
) -> DruidAssets:
    """Find the jars, or resolve them.

    Raises:
        JavaMissing: there is no Java to run them.
        ResolveFailed: Maven or one artifact is missing, or the disk is full.
    """
    java = find_java(environ)
    versions = Versions.read(environ)
    destination = _cached(versions, environ)
    destination.parent.mkdir(parents=True, exist_ok=True)
    # One at a time on this machine; the second finds the first one's work done.
    with (destination.parent / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not destination.exists():
            report(f"resolving Druid {versions.druid} and Kafka {versions.kafka} with Maven")
            _resolve(versions, destination, environ, report)
    return DruidAssets(versions, destination, java)


def recipe_digest(versions: Versions) -> str:
    """The name of a result in the cache: equal poms and versions give equal jars."""
    digest = hashlib.sha256()
    parts = [(versions.druid + "/" + versions.kafka).encode()]
    parts += [pom.read_bytes() for pom in _poms()]
    for part in parts:
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return digest.hexdigest()


def _cached(versions: Versions, environ: Mapping[str, str]) -> Path:
    return cache_directory(environ) / "druid" / recipe_digest(versions)


def _poms() -> list[Traversable]:
    folder = resources.files("druid_operator.cmd.demo.realdruid").joinpath("poms")
    return sorted(folder.iterdir(), key=lambda pom: pom.name)


def _resolve(
    versions: Versions, destination: Path, environ: Mapping[str, str], report: Report
) -> None:
    free = shutil.disk_usage(destination.parent).free
    if free < DISK_NEEDED:
        raise ResolveFailed(
            f"{free / 1e6:.0f} MB free at {destination.parent}, resolving needs "
            f"{DISK_NEEDED / 1e6:.0f} MB: free some, or set XDG_CACHE_HOME"
        )
    # Beside the destination, so that the last step is a rename.
    work = Path(tempfile.mkdtemp(prefix=".resolving-", dir=destination.parent))
    try:
        for pom in _poms():
            (work / pom.name).write_bytes(pom.read_bytes())
        properties = {
            "druid.version": versions.druid,
            "kafka.version": versions.kafka,
            "destination": str(work / "jars"),
        }
        copy_dependencies(work / "pom.xml", properties, environ=environ, report=report)
        (work / "jars").rename(destination)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def main() -> int:
    def say(line: str) -> None:
        print(line, file=sys.stderr, flush=True)

    began = time.monotonic()
    try:
        assets = ensure_assets(report=say)
    except (JavaMissing, ResolveFailed) as error:
        say(f"error: {error}")
        return 1
    sizes = ", ".join(f"{name} {size / 1e6:.0f} MB" for name, size in assets.sizes().items())
    versions = f"Druid {assets.versions.druid}, Kafka {assets.versions.kafka}"
    say(f"{versions}: {sizes}, {time.monotonic() - began:.1f} s")
    print(assets.directory)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
