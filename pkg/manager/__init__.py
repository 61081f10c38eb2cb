"""One process's shared parts and its life."""

from druid_operator.pkg.manager.cluster import Cluster
from druid_operator.pkg.manager.endpoints import MetricsOptions
from druid_operator.pkg.manager.groups import GraceExceeded
from druid_operator.pkg.manager.manager import Manager
from druid_operator.pkg.manager.options import ManagerOptions
from druid_operator.pkg.manager.run import run
from druid_operator.pkg.manager.runnable import Draining, LeaderElectionRunnable, Runnable

__all__ = [
    "Manager", "ManagerOptions", "MetricsOptions", "GraceExceeded", "Cluster", "run",
    "Runnable", "LeaderElectionRunnable", "Draining",
]  # fmt: skip
