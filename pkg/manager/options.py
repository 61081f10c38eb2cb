"""What a manager can be told."""

from __future__ import annotations

import attrs

from druid_operator.pkg.cache import CacheOptions
from druid_operator.pkg.client import Timeouts
from druid_operator.pkg.controller import ControllerDefaults
from druid_operator.pkg.leaderelection import LeaderElectionOptions
from druid_operator.pkg.manager.endpoints import MetricsOptions


@attrs.frozen(kw_only=True)
class ManagerOptions:
    """Args:
    cache: which namespaces, and the timing of watches.
    leader_election: ``None`` runs without a lease.
    metrics_bind, health_probe_bind, debug_bind: ``host:port``, ``:port``, or ``0`` for none.
    metrics: TLS, authorization and further paths of the metrics address.
    graceful_shutdown_timeout: seconds; 0 waits for nothing, ``None`` for ever.
    drain_fraction: the part of it that running passes may use before they are cancelled.
    controller: defaults of the controllers.
    user_agent: the name in audit logs.
    reporting_controller: who events say they come from: a qualified name (``example.com/name``);
        the user agent by default.
    timeouts: of requests.
    install_signal_handlers: SIGTERM and SIGINT stop the manager; a second one ends the process.
    freeze_heap: once all controllers have started, take what is there by then out of the garbage
        collector's sight: a full collection over 10,000 cached objects stops the loop for half a
        second, after that for nothing. It concerns the whole process, so by default it is done
        where the manager also takes the signals.
    """

    cache: CacheOptions = attrs.field(factory=CacheOptions)
    leader_election: LeaderElectionOptions | None = None
    metrics_bind: str = "0"
    health_probe_bind: str = "0"
    debug_bind: str = "0"
    metrics: MetricsOptions = attrs.field(factory=MetricsOptions)
    graceful_shutdown_timeout: float | None = 30.0
    drain_fraction: float = 2 / 3
    controller: ControllerDefaults = attrs.field(factory=ControllerDefaults)
    user_agent: str = "druid-operator"
    reporting_controller: str = ""
    timeouts: Timeouts = attrs.field(factory=Timeouts)
    install_signal_handlers: bool = True
    freeze_heap: bool | None = None
