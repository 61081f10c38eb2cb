"""One leader among several replicas, by a Lease; see :mod:`.elector` for what is guaranteed."""

from druid_operator.pkg.leaderelection.elector import LeaderElector
from druid_operator.pkg.leaderelection.options import LeaderElectionOptions, own_namespace
from druid_operator.pkg.leaderelection.watchdog import Watchdog

__all__ = ["LeaderElector", "LeaderElectionOptions", "Watchdog", "own_namespace"]
