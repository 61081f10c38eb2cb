"""The jars and the programs: what names them, where they are looked for, what a failure says."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from druid_operator.cmd.demo.realdruid import nginx
from druid_operator.cmd.demo.realdruid.assets import Versions, ensure_assets, recipe_digest
from druid_operator.cmd.demo.realdruid.java import JavaMissing, find_java
from druid_operator.cmd.demo.realdruid.maven import ResolveFailed, explain
from druid_operator.cmd.demo.realdruid.ports import free_ports


def script(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def machine(tmp_path: Path) -> dict[str, str]:
    """A machine with Java 17 and a Maven that makes the three folders."""
    script(tmp_path / "bin/java", "echo 'openjdk version \"17.0.9\"' >&2")
    script(
        tmp_path / "bin/mvn",
        'for word; do case "$word" in -Ddestination=*) to=${word#*=};; esac; done\n'
        'mkdir -p "$to/lib" "$to/extensions" "$to/kafka"; echo jar > "$to/lib/druid.jar"',
    )
    path = f"{tmp_path / 'bin'}:{os.environ['PATH']}"
    return {"PATH": path, "XDG_CACHE_HOME": str(tmp_path / "cache")}


def test_the_second_time_nothing_is_resolved(machine: dict[str, str], tmp_path: Path) -> None:
    first = ensure_assets(machine)
    script(tmp_path / "bin/mvn", "exit 1")
    assert first == ensure_assets(machine)
    assert first.directory.parent == tmp_path / "cache/druid-operator/druid"
    assert first.sizes() == {"lib": 4, "extensions": 0, "kafka": 0}


def test_a_failed_resolution_leaves_nothing_in_the_cache(
    machine: dict[str, str], tmp_path: Path
) -> None:
    script(tmp_path / "bin/mvn", "echo '[ERROR] no disk'; exit 1")
    with pytest.raises(ResolveFailed, match="no disk"):
        ensure_assets(machine)
    assert [path.name for path in (tmp_path / "cache/druid-operator/druid").iterdir()] == [".lock"]


def test_other_versions_are_other_entries(machine: dict[str, str]) -> None:
    default, other = Versions(), Versions(druid="37.0.0")
    assert recipe_digest(default) != recipe_digest(other)
    assert ensure_assets({**machine, "DRUID_VERSION": "37.0.0"}).versions == other


@pytest.mark.parametrize(
    "line",
    [
        (
            "Could not resolve dependencies for project a:b:pom:1: Could not find artifact "
            "org.apache.druid:druid-services:jar:36.0.0 in central (https://repo.example)"
        ),
        (
            "Could not resolve dependencies for project a:b:pom:1: "
            "org.apache.druid:druid-services:jar:36.0.0 was not found in https://repo.example "
            "during a previous attempt. This failure was cached in the local repository"
        ),
        (
            "Failed to collect dependencies: Could not transfer artifact "
            "org.apache.druid:druid-services:jar:36.0.0 from/to other (https://other.example)"
        ),
        "Failure to find org.apache.druid:druid-services:jar:36.0.0 in https://repo.example",
    ],
)
def test_a_missing_artifact_is_named(line: str) -> None:
    said = explain(["[INFO] Scanning\n", f"[ERROR] {line}\n", "[ERROR] [Help 1]\n"])
    assert said.startswith("Maven could not get org.apache.druid:druid-services:jar:36.0.0:")
    assert "example" not in said


def test_without_maven_the_message_says_so(machine: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "bin/mvn").unlink()
    with pytest.raises(ResolveFailed, match="no `mvn` on PATH"):
        ensure_assets({**machine, "PATH": str(tmp_path / "bin")})


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ("echo 'java version \"1.8.0_402\"' >&2", "is 8"),
        ("echo 'openjdk version \"11.0.2\"' >&2", "is 11"),
        ("exit 1", "is of no version"),
    ],
)
def test_an_old_java_is_refused(tmp_path: Path, answer: str, message: str) -> None:
    script(tmp_path / "java", answer)
    with pytest.raises(JavaMissing, match=message):
        find_java({"PATH": str(tmp_path)})


def test_java_home_goes_before_path(tmp_path: Path) -> None:
    script(tmp_path / "path/java", "echo 'openjdk version \"17.0.1\"' >&2")
    chosen = script(tmp_path / "home/bin/java", "echo 'openjdk version \"21\" 2023' >&2")
    environ = {"PATH": str(tmp_path / "path"), "JAVA_HOME": str(tmp_path / "home")}
    assert chosen == find_java(environ)
    with pytest.raises(JavaMissing, match="there is no `java`"):
        find_java({**environ, "JAVA_HOME": str(tmp_path / "nowhere")})


def test_without_nginx_the_message_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nginx, "_SBIN", (str(tmp_path / "sbin"),))
    with pytest.raises(nginx.NginxMissing, match=r"apt-get install .* nginx-light"):
        nginx.find_nginx({"PATH": str(tmp_path)})
    found = script(tmp_path / "sbin/nginx", "exit 0")
    assert nginx.find_nginx({"PATH": str(tmp_path)}) == found


def test_free_ports_are_distinct_and_below_the_ephemeral_range() -> None:
    ports = free_ports(50)
    with socket.create_server(("127.0.0.1", 0)) as server:
        ephemeral = server.getsockname()[1]
    assert len(set(ports)) == 50
    assert max(ports) < ephemeral
