"""What kind of control plane is started, and how patient the start is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeAlias

import attrs

from druid_operator.pkg.meta import JSON

# How much is written of a write; of a read it is never more than its metadata.
AuditLevel: TypeAlias = Literal["None", "Metadata", "RequestResponse"]


@attrs.frozen(kw_only=True)
class ControlPlaneOptions:
    """What kind of control plane, and how patient to be.

    Args:
        nodes: how many simulated nodes, when there is something to make pods.
        audit: what of each request goes to ``audit.log`` in the directory.
        emulated_version: ``1.36``: behave as that older minor.
        volume_binding: ``Immediate`` or ``WaitForFirstConsumer``, of the StorageClass.
        start_timeout: seconds for each component to become healthy.
        stop_timeout: seconds from SIGTERM to SIGKILL.
        attach_output: components log to our stderr instead of files.
        apiserver_args: further flags of kube-apiserver.
    """

    nodes: int = 3
    audit: AuditLevel = "None"
    emulated_version: str = ""
    volume_binding: str = "Immediate"
    # Go's envtest allows 20 s, for two processes; five on a busy machine of two cores took 8.
    start_timeout: float = 60.0
    stop_timeout: float = 20.0
    attach_output: bool = False
    apiserver_args: Sequence[str] = ()


def audit_policy(level: AuditLevel) -> JSON:
    """The policy file: ``level`` for writes, metadata for everything else."""
    writes = ["create", "update", "patch", "delete", "deletecollection"]
    return {
        "apiVersion": "audit.k8s.io/v1",
        "kind": "Policy",
        "omitStages": ["RequestReceived"],
        "rules": [{"level": level, "verbs": writes}, {"level": "Metadata"}],
    }
