"""Flags and environment: the Go operator's names and values, and a mistake names where it is."""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Mapping

import pytest

from druid_operator.cmd.manager.options import OptionError, Options, add_flags, read_options


def read(*flags: str, env: Mapping[str, str] | None = None) -> Options:
    parser = argparse.ArgumentParser()
    add_flags(parser)
    return read_options(parser.parse_args(flags), env or {})


def test_defaults_are_those_of_the_class() -> None:
    assert read() == Options()


def test_a_deployment_of_the_go_operator_starts_with_ours() -> None:
    given = read(
        "--health-probe-bind-address=:8081", "--metrics-bind-address=127.0.0.1:8080",
        "--leader-elect", "--zap-devel", "--zap-stacktrace-level=error", "--zap-log-level=2",
    )  # fmt: skip
    assert given.leader_elect
    assert given.metrics_bind == "127.0.0.1:8080"
    assert given.log_level == "debug"


def test_lists_of_namespaces_are_trimmed() -> None:
    given = read(env={"WATCH_NAMESPACE": "b, a,", "DENY_LIST": " c ,d"})
    assert given.watch_namespaces == ("a", "b")
    assert given.deny_namespaces == {"c", "d"}


def test_an_endpoint_is_a_cluster_and_a_url() -> None:
    given = read("--druid-endpoint", "ns/tiny=http://127.0.0.1:8888/")
    assert given.druid_endpoints == {("ns", "tiny"): "http://127.0.0.1:8888"}


def test_zero_turns_an_endpoint_off() -> None:
    assert read("--metrics-bind-address=0").metrics_bind == "0"


@pytest.mark.parametrize(
    "flag",
    [
        "--metrics-bind-address=banana",
        "--metrics-bind-address=:70000",
        "--health-probe-bind-address=8081",
        "--leader-elect=maybe",
        "--disable-ingestion-controller=2",
        "--druid-poll=30",
        "--druid-poll=0s",
        "--druid-endpoint=tiny=http://x",
        "--druid-endpoint=ns/tiny=ftp://x",
        "--zap-log-level=loud",
    ],
)
def test_a_wrong_flag_is_named(flag: str) -> None:
    name = flag.partition("=")[0]
    with pytest.raises(OptionError, match=f"^{name}: "):
        read(flag)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("RECONCILE_WAIT", "soon"), ("RECONCILE_WAIT", "-1s"),
        ("MAX_CONCURRENT_RECONCILES", "0"), ("MAX_CONCURRENT_RECONCILES", "two"),
    ],
)  # fmt: skip
def test_a_wrong_variable_is_named(name: str, value: str) -> None:
    with pytest.raises(OptionError, match=f"^{name}: "):
        read(env={name: value})


def test_a_mistake_ends_the_command_with_2_and_no_traceback() -> None:
    run = subprocess.run(
        [sys.executable, "-m", "druid_operator", "--metrics-bind-address=banana"],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert run.returncode == 2
    assert "Traceback" not in run.stderr
    assert run.stderr.splitlines()[-1].startswith("druid-operator: error: --metrics-bind-address:")
