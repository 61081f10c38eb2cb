"""One process's shared parts and its life."""

from druid_operator.pkg.manager.cluster import Cluster
from druid_operator.pkg.manager.manager import GraceExceeded, Manager
from druid_operator.pkg.manager.options import ManagerOptions
from druid_operator.pkg.manager.runnable import Draining, LeaderElectionRunnable, Runnable

__all__ = [
    "Manager", "ManagerOptions", "GraceExceeded", "Cluster",
    "Runnable", "LeaderElectionRunnable", "Draining",
]  # fmt: skip
