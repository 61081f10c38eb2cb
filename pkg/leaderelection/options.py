"""How an election is set up, checked before it begins."""

from __future__ import annotations

import os
import socket
import uuid
from collections.abc import Mapping
from pathlib import Path

import attrs

#: The retry period is stretched by up to this factor, so that candidates do not try in step.
#: Source: client-go, ``leaderelection.JitterFactor``.
JITTER = 1.2

#: Where a Pod finds the namespace that it runs in.
NAMESPACE_FILE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")


def _new_identity() -> str:
    return f"{socket.gethostname()}_{uuid.uuid4()}"


@attrs.frozen(kw_only=True)
class LeaderElectionOptions:
    """All times in seconds; the defaults are controller-runtime's.

    Args:
        name: of the Lease. No default: two operators that share one would shut each other out.
        namespace: of the Lease.
        identity: of this candidate: host name and a new uuid, because a host name may come back
            while the old process still runs.
        labels: put on the Lease when we create it.
        lease_duration: how long the others wait after they saw the last renewal.
        renew_deadline: how long the leader goes on trying to renew before it gives up.
        retry_period: time between tries.
        release_on_stop: after a clean stop hand the lease over at once. Safe, because it is given
            back only when all work under it has ended.
        watchdog: end the process when the lease lapses and nobody stopped us. Only a test, or a
            process with other work than the leader's, turns it off.
    """

    name: str
    namespace: str
    identity: str = attrs.field(factory=_new_identity)
    labels: Mapping[str, str] = attrs.field(factory=dict)
    lease_duration: float = 15.0
    renew_deadline: float = 10.0
    retry_period: float = 2.0
    release_on_stop: bool = True
    watchdog: bool = True

    def __attrs_post_init__(self) -> None:
        if not self.name or not self.namespace or not self.identity:
            raise ValueError("leader election needs a lease name, a namespace and an identity")
        # Source: client-go, ``NewLeaderElector``. Without the gap between the first two a leader
        # could still be working when its successor starts.
        if not self.lease_duration > self.renew_deadline > self.retry_period * JITTER > 0:
            raise ValueError(
                f"leader election needs lease_duration > renew_deadline > {JITTER} * retry_period "
                f"> 0, got {self.lease_duration}, {self.renew_deadline}, {self.retry_period}"
            )

    @property
    def request_timeout(self) -> float:
        """Limit of one request: without it one that hangs would eat the whole renew deadline."""
        return max(1.0, self.renew_deadline / 2)


def own_namespace(default: str = "", *, path: Path = NAMESPACE_FILE) -> str:
    """The namespace this process runs in: its Pod's, else ``POD_NAMESPACE``, else ``default``.

    Raises:
        ValueError: none of the three is there, so a lease namespace must be configured.
    """
    try:
        found = path.read_text().strip()
    except OSError:
        found = ""
    found = found or os.environ.get("POD_NAMESPACE", "") or default
    if not found:
        raise ValueError(
            "cannot tell the namespace outside of a cluster: set the leader election namespace"
        )
    return found
