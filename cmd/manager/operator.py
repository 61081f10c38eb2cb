"""The operator process: one manager, the controllers, until a signal or a failure."""

from __future__ import annotations

import asyncio
import gc
import os
import sys
from typing import cast

from druid_operator import __version__
from druid_operator.api.v1alpha1 import KINDS
from druid_operator.cmd.manager.options import LEASE_NAME, Options
from druid_operator.internal.controller import CONTROLLERS, OperatorSettings
from druid_operator.pkg import log
from druid_operator.pkg.cache import CacheOptions
from druid_operator.pkg.client import ConfigError, RestConfig, load_config
from druid_operator.pkg.errors import LeaderLost, OperatorError, TerminalError
from druid_operator.pkg.leaderelection import LeaderElectionOptions, own_namespace
from druid_operator.pkg.manager import GraceExceeded, Manager, ManagerOptions
from druid_operator.pkg.scheme import Scheme

#: Full collections get rare: the caches hold bytes, so there is little for them to find.
_GC_THRESHOLDS = (50_000, 20, 100)
#: Of a process that lost its lease, as controller-runtime's: it is to be started again.
_EXIT_STATUS_LOST = 1


def run_operator(options: Options) -> int:
    """Returns the exit status."""
    log.configure(
        level=cast("log.Level", options.log_level), fmt=cast("log.Format", options.log_format)
    )
    gc.set_threshold(*_GC_THRESHOLDS)
    config = load_config(options.kubeconfig)
    log.logger().info("Starting the operator", version=__version__, host=config.host)
    try:
        asyncio.run(_run(config, options))
    except LeaderLost:
        # asyncio.run waits for threads: one that hangs would keep a deposed leader alive.
        sys.stderr.flush()
        os._exit(_EXIT_STATUS_LOST)
    except OSError as error:
        # An address in use, a file that cannot be read: the words are enough, a trace is noise.
        log.logger().error("Could not start", error=str(error))
        return 1
    except GraceExceeded as error:
        log.logger().error("Stopped late", error=str(error))
        return 1
    except TerminalError:
        raise  # the configuration is wrong: said to whoever typed it, see main
    except OperatorError as error:
        # What the framework raises explains itself, for example caches that never filled.
        log.logger().error("Stopped by a failure", error=str(error))
        return 1
    log.logger().info("Stopped")
    return 0


async def _run(config: RestConfig, options: Options) -> None:
    manager = Manager(
        config,
        Scheme(KINDS),
        ManagerOptions(
            cache=CacheOptions(namespaces=options.watch_namespaces),
            leader_election=_election(options),
            metrics_bind=options.metrics_bind,
            health_probe_bind=options.health_probe_bind,
            reporting_controller="druid.apache.org/druid-operator",
        ),
    )
    settings = OperatorSettings(
        reconcile_wait=options.reconcile_wait,
        max_concurrent_reconciles=options.max_concurrent_reconciles,
        deny_namespaces=options.deny_namespaces,
        druid_endpoints=options.druid_endpoints,
        allowed_druid_urls=options.allowed_druid_urls,
        druid_poll=options.druid_poll,
    )
    for controller in CONTROLLERS:
        if controller.name == "druidingestion" and options.disable_ingestion_controller:
            continue
        controller.setup(manager, settings)
    await manager.run()


def _election(options: Options) -> LeaderElectionOptions | None:
    if not options.leader_elect:
        return None
    try:
        namespace = options.leader_election_namespace or own_namespace()
    except ValueError as error:
        raise ConfigError(f"--leader-election-namespace: {error}") from error
    return LeaderElectionOptions(name=LEASE_NAME, namespace=namespace)
