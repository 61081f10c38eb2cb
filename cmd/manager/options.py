"""What the operator process is told: flags and environment, under the Go operator's names.

Everything is checked once, at the start, and a mistake names the flag or the variable. A manager
that starts with a value it silently replaced would be found out only when it matters.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping, Sequence

import attrs

from druid_operator.pkg.meta.duration import parse_seconds

#: The Go operator's lease: ours waits until that one is gone, so the two can never fight.
LEASE_NAME = "e6946145.apache.org"


class OptionError(ValueError):
    """A flag or a variable that cannot be used; the message names it."""


@attrs.frozen(kw_only=True)
class Options:
    """The settings of one operator process.

    Args:
        watch_namespaces: the only namespaces to serve; empty means all. ``WATCH_NAMESPACE``.
        deny_namespaces: namespaces to leave alone. ``DENY_LIST``.
        reconcile_wait: seconds after which an object gets a full pass without any event.
            ``RECONCILE_WAIT``, 10 s.
        max_concurrent_reconciles: workers of each controller. ``MAX_CONCURRENT_RECONCILES``, 1 as
            in the Go operator.
        druid_endpoints: (namespace, name) of a ``Druid`` to the URL of its router, for an operator
            that runs outside of the cluster's network. For development.
        druid_poll: seconds between two looks at all supervisors of a Druid.
    """

    kubeconfig: str = ""
    metrics_bind: str = ":8080"
    health_probe_bind: str = ":8081"
    leader_elect: bool = False
    leader_election_namespace: str = ""
    disable_ingestion_controller: bool = False
    log_level: str = "info"
    log_format: str = "auto"
    watch_namespaces: tuple[str, ...] = ()
    deny_namespaces: frozenset[str] = frozenset()
    reconcile_wait: float = 10.0
    max_concurrent_reconciles: int = 1
    druid_endpoints: Mapping[tuple[str, str], str] = attrs.field(factory=dict)
    allowed_druid_urls: frozenset[str] = frozenset()
    druid_poll: float = 30.0


def add_flags(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--kubeconfig", default="", help="path of a kubeconfig; else KUBECONFIG, in-cluster, home")
    add("--metrics-bind-address", default=":8080", help="where /metrics is served; 0 for nowhere")
    add("--health-probe-bind-address", default=":8081", help="where the probes are served")
    add("--leader-elect", nargs="?", const="true", default="false", metavar="BOOL",
        help="run only while holding the lease")  # fmt: skip
    add(
        "--leader-election-namespace", default="", help="namespace of the lease; else the pod's own"
    )
    add("--disable-ingestion-controller", nargs="?", const="true", default="false", metavar="BOOL",
        help="serve Druid objects only")  # fmt: skip
    add("--druid-endpoint", action="append", default=[], metavar="NAMESPACE/NAME=URL",
        help="reach a Druid's router at URL, not at its Service; for development")  # fmt: skip
    add("--druid-poll", default="30s", metavar="DURATION",
        help="time between two looks at all supervisors of a Druid")  # fmt: skip
    add("--allow-druid-url", action="append", default=[], metavar="ORIGIN",
        help="an origin (https://host:port) that spec.connection.url may name")  # fmt: skip
    add("--zap-log-level", default="info", help="debug, info, warn or error")
    add(
        "--zap-encoder", default="auto", choices=("auto", "json", "console"), help="form of the log"
    )
    # Accepted so that a Deployment of the Go operator starts with ours; they change nothing here.
    for name in ("--zap-devel", "--zap-stacktrace-level", "--zap-time-encoding"):
        add(name, nargs="?", const="true", default=None, help=argparse.SUPPRESS)


def read_options(flags: argparse.Namespace, environ: Mapping[str, str] | None = None) -> Options:
    """Combine flags and environment. Raises :class:`OptionError`."""
    env = os.environ if environ is None else environ
    return Options(
        kubeconfig=flags.kubeconfig,
        metrics_bind=_bind("--metrics-bind-address", flags.metrics_bind_address),
        health_probe_bind=_bind("--health-probe-bind-address", flags.health_probe_bind_address),
        leader_elect=_bool("--leader-elect", flags.leader_elect),
        leader_election_namespace=flags.leader_election_namespace,
        disable_ingestion_controller=_bool(
            "--disable-ingestion-controller", flags.disable_ingestion_controller
        ),
        log_level=_level(flags.zap_log_level),
        log_format=flags.zap_encoder,
        watch_namespaces=tuple(sorted(_names(env.get("WATCH_NAMESPACE", "")))),
        deny_namespaces=frozenset(_names(env.get("DENY_LIST", ""))),
        reconcile_wait=_positive("RECONCILE_WAIT", env.get("RECONCILE_WAIT") or "10s"),
        max_concurrent_reconciles=_workers(env.get("MAX_CONCURRENT_RECONCILES") or "1"),
        druid_poll=_positive("--druid-poll", flags.druid_poll),
        allowed_druid_urls=frozenset(_origin(text) for text in flags.allow_druid_url),
        druid_endpoints=dict(_endpoint(text) for text in flags.druid_endpoint),
    )


def _bind(flag: str, text: str) -> str:
    # Imported here: the tools have these flags too, and need no HTTP server.
    from druid_operator.pkg.listen import parse_bind

    try:
        parse_bind(text)
    except ValueError as error:
        raise OptionError(f"{flag}: {error}") from error
    return text


def _names(text: str) -> Sequence[str]:
    # The Go operator did not trim DENY_LIST: "a, b" left b unprotected.
    return [name.strip() for name in text.split(",") if name.strip()]


def _bool(flag: str, text: str) -> bool:
    # The words that Go's strconv.ParseBool takes.
    if text in ("1", "t", "T", "true", "TRUE", "True"):
        return True
    if text in ("0", "f", "F", "false", "FALSE", "False"):
        return False
    raise OptionError(f"{flag}: must be true or false, got {text!r}")


def _level(text: str) -> str:
    levels = {"debug": "debug", "info": "info", "warn": "warning", "warning": "warning",
              "error": "error", "panic": "error"}  # fmt: skip
    if text.isdigit():  # zap takes any number as verbosity
        return "debug"
    if text.lower() not in levels:
        raise OptionError(f"--zap-log-level: must be debug, info, warn or error, got {text!r}")
    return levels[text.lower()]


def _positive(where: str, text: str) -> float:
    try:
        seconds = parse_seconds(text)
    except ValueError as error:
        raise OptionError(f"{where}: {error}") from error
    if seconds <= 0:
        raise OptionError(f"{where}: must be above zero, got {text!r}")
    return seconds


def _workers(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise OptionError(f"MAX_CONCURRENT_RECONCILES: must be a number above zero, got {text!r}")
    return int(text)


def _endpoint(text: str) -> tuple[tuple[str, str], str]:
    who, equals, url = text.partition("=")
    namespace, slash, name = who.partition("/")
    if not (equals and slash and namespace and name and url.startswith(("http://", "https://"))):
        raise OptionError(f"--druid-endpoint: must be NAMESPACE/NAME=URL, got {text!r}")
    return (namespace, name), url.rstrip("/")


def _origin(text: str) -> str:
    scheme, separator, host = text.rstrip("/").partition("://")
    if scheme not in ("http", "https") or not separator or not host or "/" in host or "@" in host:
        raise OptionError(f"--allow-druid-url: must be http(s)://HOST[:PORT], got {text!r}")
    return f"{scheme}://{host}"
