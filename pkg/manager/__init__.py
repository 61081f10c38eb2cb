"""One process's shared parts and its life."""

from druid_operator.pkg.manager.manager import GraceExceeded, Manager, ManagerOptions
from druid_operator.pkg.manager.runnable import Draining, LeaderElectionRunnable, Runnable

__all__ = [
    "Manager", "ManagerOptions", "GraceExceeded",
    "Runnable", "LeaderElectionRunnable", "Draining",
]  # fmt: skip
