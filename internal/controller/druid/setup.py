"""Wires the Druid controller to a manager: what it watches, and what each event means to it."""

from __future__ import annotations

from collections.abc import Iterable

from druid_operator.api.v1alpha1 import DRUID, KINDS
from druid_operator.api.v1alpha1.keys import (
    APP_VALUE,
    APPLIED_ANNOTATION,
    FIELD_MANAGER_DRUID,
    LABEL_APP,
    LABEL_CLUSTER,
)
from druid_operator.internal.controller.druid.children import PRUNABLE
from druid_operator.internal.controller.druid.reconciler import DruidReconciler
from druid_operator.internal.controller.druid.references import ReferencedConfigMaps
from druid_operator.internal.controller.registry import OperatorSettings
from druid_operator.internal.controller.schema_gate import SchemaGate
from druid_operator.pkg.apply import Engine
from druid_operator.pkg.builder import new_controller_managed_by
from druid_operator.pkg.cache import label_scope
from druid_operator.pkg.controller import ControllerOptions
from druid_operator.pkg.event import Object
from druid_operator.pkg.handler import EnqueueMapped
from druid_operator.pkg.manager import Manager
from druid_operator.pkg.meta import NamespacedName
from druid_operator.pkg.predicate import (
    AnnotationChanged,
    DeletionStarted,
    FinalizersChanged,
    GenerationChanged,
)
from druid_operator.pkg.scheme.builtin import PERSISTENT_VOLUME_CLAIM, POD
from druid_operator.pkg.source import Channel

#: The Go operator's field manager: the name of its binary.
GO_FIELD_MANAGER = "manager"

#: Every child carries it; other objects are never seen and cost no memory.
CHILD_LABELS = {LABEL_APP: APP_VALUE}


def setup(manager: Manager, settings: OperatorSettings) -> None:
    """Add the controller. Own status writes do not wake it; every other change does."""
    references_changed: Channel[NamespacedName] = Channel("referenced ConfigMaps")
    reconciler = DruidReconciler(
        client=manager.client,
        engine=Engine(
            manager.client,
            manager.api_reader,
            field_manager=FIELD_MANAGER_DRUID,
            annotation=APPLIED_ANNOTATION,
            predecessors={GO_FIELD_MANAGER},
        ),
        references=ReferencedConfigMaps(manager.cache, manager.api_reader, references_changed),
        recorder=manager.event_recorder(),
        converter=manager.scheme.converter,
        clock=manager.clock,
        reconcile_wait=settings.reconcile_wait,
        deny_namespaces=settings.deny_namespaces,
    )
    builder = new_controller_managed_by(manager).for_(
        DRUID,
        GenerationChanged() | AnnotationChanged() | FinalizersChanged() | DeletionStarted(),
    )
    for resource in PRUNABLE:
        builder.owns(resource, labels=CHILD_LABELS)
    # Neither pods nor the claims made for them are owned by the cluster: their label tells.
    for resource in (PERSISTENT_VOLUME_CLAIM, POD):
        builder.watches(resource, EnqueueMapped(clusters_of), scope=label_scope(CHILD_LABELS))
    options: ControllerOptions[NamespacedName] = ControllerOptions(
        max_concurrent_reconciles=settings.max_concurrent_reconciles
    )
    gate = SchemaGate(
        KINDS[0], reconciler, manager.api_reader, manager.event_recorder(), manager.clock
    )
    manager.add_readyz_check("crd-druids", gate.check)
    builder.watches_raw_source(references_changed).with_options(options).complete(gate)


def clusters_of(obj: Object) -> Iterable[NamespacedName]:
    """The cluster that an object's label names."""
    cluster = obj.meta.label(LABEL_CLUSTER)
    return (NamespacedName(obj.meta.namespace or "", cluster),) if cluster else ()
