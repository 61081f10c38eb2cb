"""A simulated data plane: workloads become pods that become Ready, on the embedded API server.

Decisions are pure functions in the modules named after the controllers; ``dataplane`` runs them.
"""

from druid_operator.pkg.envtest.dataplane.dataplane import DataPlane
from druid_operator.pkg.envtest.dataplane.options import DataPlaneOptions

__all__ = ["DataPlane", "DataPlaneOptions"]
