"""The probes of a Druid container: the user's, or those that fit the service.

Historicals and brokers answer ``/status/health`` long before they can serve: a historical first
maps its segments, a broker first learns where all segments are. Their readiness has its own
endpoint, and a historical's start may take ``180 + 20 * 30`` seconds before it is killed.
"""

from __future__ import annotations

from typing import Final

from druid_operator.internal.druid.resolved import ResolvedProbes
from druid_operator.pkg.meta import JSON

_HEALTH: Final = "/status/health"
_READINESS: Final = {
    "historical": "/druid/historical/v1/readiness",
    "broker": "/druid/broker/v1/readiness",
}

# The numbers are the Go operator's: another one in a pod template restarts the pods.
_PATIENCE: Final = 10
_LONG_PATIENCE: Final = 20


def default_probes(node_type: str, port: int) -> ResolvedProbes:
    path = _READINESS.get(node_type, _HEALTH)
    failures = _LONG_PATIENCE if node_type in _READINESS else _PATIENCE
    slow_start = node_type == "historical"
    return ResolvedProbes(
        liveness=_probe(_HEALTH, port, failures=_PATIENCE),
        readiness=_probe(path, port, failures=failures),
        startup=_probe(path, port, delay=180, timeout=10, period=30, failures=failures)
        if slow_start
        else _probe(path, port, failures=failures),
    )


def with_port(probe: JSON, port: int) -> JSON:
    """The probe with the Druid port where its HTTP request names none (or 0); a copy if changed."""
    request = probe.get("httpGet")
    if request is None or request.get("port"):
        return probe
    return {**probe, "httpGet": {**request, "port": port}}


def _probe(
    path: str, port: int, *, failures: int, delay: int = 5, timeout: int = 5, period: int = 10
) -> JSON:
    return {
        "httpGet": {"path": path, "port": port},
        "initialDelaySeconds": delay,
        "timeoutSeconds": timeout,
        "periodSeconds": period,
        "successThreshold": 1,
        "failureThreshold": failures,
    }
