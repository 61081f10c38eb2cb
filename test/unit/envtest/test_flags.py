"""The command lines say nothing that reaches beyond loopback."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from druid_operator.pkg.envtest.binaries import flags
from druid_operator.pkg.envtest.binaries.flags import Layout, Ports

LAYOUT = Layout(Path("/somewhere"), Ports(1, 2, 3, 4, 5, 6))


def every_flag(version: str = "") -> list[str]:
    return [
        *flags.etcd(LAYOUT),
        *flags.kube_apiserver(LAYOUT, audit=True, emulated_version=version),
        *flags.kube_controller_manager(LAYOUT, emulated_version=version),
        *flags.kube_scheduler(LAYOUT, emulated_version=version),
        *flags.kwok(LAYOUT, Path("/somewhere/stages.yaml")),
    ]


def test_every_address_that_is_listened_on_or_advertised_is_loopback() -> None:
    addresses = [
        address
        for flag in every_flag()
        if not flag.startswith(("--cidr", "--service-cluster-ip-range"))
        for address in re.findall(r"\d+\.\d+\.\d+\.\d+", flag)
    ]
    assert len(addresses) > 10
    assert set(addresses) == {"127.0.0.1"}


def test_every_file_is_in_the_directory() -> None:
    paths = [f.partition("=")[2] for f in every_flag() if f.partition("=")[2].startswith("/")]
    assert len(paths) > 20
    assert all(path.startswith("/somewhere/") for path in paths)


@pytest.mark.parametrize("version", ["", "1.36"])
def test_an_emulated_version_is_told_to_all_three_that_know_it(version: str) -> None:
    told = [f for f in every_flag(version) if f.startswith("--emulated-version")]
    assert told == ([f"--emulated-version={version}"] * 3 if version else [])
