"""Wires the ingestion controller to a manager: what it watches, and what each event means to it."""

from __future__ import annotations

from collections.abc import Iterable

from druid_operator.api.v1alpha1 import DRUID, DRUID_INGESTION, KINDS
from druid_operator.api.v1alpha1.keys import (
    APPLIED_ANNOTATION,
    FIELD_MANAGER_INGESTION,
    LABEL_INGESTION,
)
from druid_operator.internal.controller.druidingestion.claims import claim_key, claims_of
from druid_operator.internal.controller.druidingestion.converge import Claimants, Converger
from druid_operator.internal.controller.druidingestion.followers import Followers
from druid_operator.internal.controller.druidingestion.gather import cluster_key
from druid_operator.internal.controller.druidingestion.metrics import IngestionMetrics
from druid_operator.internal.controller.druidingestion.reconciler import (
    DruidIngestionReconciler,
)
from druid_operator.internal.controller.druidingestion.reporter import Reporter
from druid_operator.internal.controller.registry import OperatorSettings
from druid_operator.internal.controller.schema_gate import SchemaGate
from druid_operator.internal.druidconn import Connections
from druid_operator.internal.druidconn.metrics import DruidMetrics
from druid_operator.pkg.apply import Engine
from druid_operator.pkg.builder import new_controller_managed_by
from druid_operator.pkg.cache import StoredObject
from druid_operator.pkg.controller import ControllerOptions
from druid_operator.pkg.event import Object
from druid_operator.pkg.handler import EnqueueMapped
from druid_operator.pkg.manager import Manager
from druid_operator.pkg.meta import JSON, NamespacedName
from druid_operator.pkg.predicate import (
    AnnotationChanged,
    DeletionStarted,
    FinalizersChanged,
    GenerationChanged,
)
from druid_operator.pkg.scheme.builtin import CONFIG_MAP
from druid_operator.pkg.source import Channel

#: Passes wait for Druid more than they compute. Each Druid is given a few of these at most
#: (``druidconn.turnstile``), so it takes many slow ones to occupy them all.
MIN_WORKERS = 32
_BY_CLUSTER = "spec.druidCluster"
_BY_CLAIM = "claim"


def setup(manager: Manager, settings: OperatorSettings) -> None:
    """Add the controller, and the connections to Druid that it uses."""
    druid_changed: Channel[NamespacedName] = Channel("supervisors in Druid")
    followers = Followers(druid_changed.put)
    connections = Connections(
        manager.api_reader,
        manager.clock,
        wake=druid_changed.put,
        overrides=settings.druid_endpoints,
        allowed=settings.allowed_druid_urls,
        on_call=DruidMetrics(manager.metrics.registry).observe,
        poll_seconds=settings.druid_poll,
    )
    connections.on_change(followers.changed)
    manager.add(connections)
    manager.cache.add_index(DRUID_INGESTION, _BY_CLUSTER, _cluster_of)
    manager.cache.add_index(DRUID_INGESTION, _BY_CLAIM, lambda stored: claims_of(stored.to_dict()))

    def claimants(cluster: NamespacedName, claim: str) -> Iterable[JSON]:
        key = claim_key(cluster, claim)
        return [o.to_dict() for o in manager.cache.by_index(DRUID_INGESTION, _BY_CLAIM, key)]

    def ingestions_into(cluster: Object) -> Iterable[NamespacedName]:
        key = f"{cluster.meta.namespace}/{cluster.meta.name}"
        return [o.key for o in manager.cache.by_index(DRUID_INGESTION, _BY_CLUSTER, key)]

    reconciler = _reconciler(manager, settings, connections, followers, claimants)
    gate = SchemaGate(
        KINDS[1], reconciler, manager.api_reader, manager.event_recorder(), manager.clock
    )
    manager.add_readyz_check("crd-druidingestions", gate.check)
    options: ControllerOptions[NamespacedName] = ControllerOptions(
        max_concurrent_reconciles=max(settings.max_concurrent_reconciles, MIN_WORKERS)
    )
    (
        new_controller_managed_by(manager)
        .for_(
            DRUID_INGESTION,
            GenerationChanged() | AnnotationChanged() | FinalizersChanged() | DeletionStarted(),
        )
        .owns(CONFIG_MAP, labels={LABEL_INGESTION: "true"})
        .watches(DRUID, EnqueueMapped(ingestions_into), GenerationChanged())
        .watches_raw_source(druid_changed)
        .with_options(options)
        .complete(gate)
    )


def _reconciler(
    manager: Manager,
    settings: OperatorSettings,
    connections: Connections,
    followers: Followers,
    claimants: Claimants,
) -> DruidIngestionReconciler:
    metrics = IngestionMetrics(manager.metrics.registry)
    reporter = Reporter(manager.client, manager.event_recorder(), metrics, manager.clock)
    return DruidIngestionReconciler(
        client=manager.client,
        converger=Converger(
            engine=Engine(
                manager.client,
                manager.api_reader,
                field_manager=FIELD_MANAGER_INGESTION,
                annotation=APPLIED_ANNOTATION,
            ),
            connections=connections,
            claimants=claimants,
            followers=followers,
            reporter=reporter,
            converter=manager.scheme.converter,
            clock=manager.clock,
        ),
        connections=connections,
        followers=followers,
        reporter=reporter,
        clock=manager.clock,
        reconcile_wait=settings.reconcile_wait,
        deny_namespaces=settings.deny_namespaces,
    )


def _cluster_of(stored: StoredObject) -> Iterable[str]:
    return (str(cluster_key(stored.to_dict())),)
