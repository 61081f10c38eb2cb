"""What a controller is to the process that runs it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import attrs

from druid_operator.pkg.manager import Manager
from druid_operator.pkg.meta.rbac import PolicyRule


@attrs.frozen(kw_only=True)
class OperatorSettings:
    """What the command line decides for all controllers.

    Args:
        reconcile_wait: seconds after which an object gets a full pass without any event.
        max_concurrent_reconciles: workers of each controller.
        deny_namespaces: objects there are left alone.
        druid_endpoints: (namespace, name) of a ``Druid`` to the URL of its router, in place of its
            Service. For an operator that runs outside of the cluster's network.
        allowed_druid_urls: origins that an ingestion's ``spec.connection.url`` may name.
        druid_poll: seconds between two looks at all supervisors of a cluster; every second look
            compares their specs.
    """

    reconcile_wait: float = 10.0
    max_concurrent_reconciles: int = 1
    deny_namespaces: frozenset[str] = frozenset()
    druid_endpoints: Mapping[tuple[str, str], str] = attrs.field(factory=dict)
    allowed_druid_urls: frozenset[str] = frozenset()
    druid_poll: float = 30.0


@attrs.frozen
class ControllerEntry:
    """Args:
    name: of the controller, its log lines and metrics.
    setup: declares its watches and adds it to the manager.
    rules: what it may do; the roles in ``config/rbac`` are generated from them.
    """

    name: str
    setup: Callable[[Manager, OperatorSettings], None]
    rules: tuple[PolicyRule, ...] = ()
