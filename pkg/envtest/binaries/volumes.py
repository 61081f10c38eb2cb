"""The directories that volumes leave on this machine.

kube-controller-manager's host-path provisioner makes one per volume, always in the same place, and
removes it only with the volume. A control plane that is stopped takes no volume away first.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from druid_operator.pkg.client import RestClient, RestConfig, Transport
from druid_operator.pkg.errors import OperatorError
from druid_operator.pkg.scheme import Scheme
from druid_operator.pkg.scheme.builtin import PERSISTENT_VOLUME

# Fixed in the provisioner's source; it does not ask for TMPDIR.
HOME = Path("/tmp/hostpath_pv")
# Seconds that a stop may spend on asking for the volumes.
TIMEOUT = 5.0


async def remove_directories(config: RestConfig) -> None:
    """Remove the directories of the volumes that there are; those that are not empty stay.

    A server that does not answer is no error: empty directories are the least of its trouble.
    """
    transport = Transport(config)
    try:
        async with asyncio.timeout(TIMEOUT):
            volumes = await RestClient(transport, Scheme()).list(PERSISTENT_VOLUME)
    except (OperatorError, TimeoutError):
        return
    finally:
        await transport.close()
    for volume in volumes:
        _remove(Path(volume["spec"].get("hostPath", {}).get("path", "")))


def _remove(path: Path) -> None:
    if path.parent == HOME:
        try:
            path.rmdir()
        except OSError:
            pass  # gone already, or somebody put something there
