"""Declares a controller: what it is for, what it owns, what else it watches.

::

    new_controller_managed_by(mgr)
        .for_(DRUID, GenerationChanged() | AnnotationChanged())
        .owns(STATEFUL_SET, labels={"app": "druid"})
        .watches(CONFIG_MAP, EnqueueMapped(clusters_using))
        .with_options(ControllerOptions(max_concurrent_reconciles=4))
        .complete(reconciler)
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from druid_operator.pkg.cache import label_scope
from druid_operator.pkg.client import Scope
from druid_operator.pkg.controller import Controller, ControllerOptions
from druid_operator.pkg.handler import EnqueueForObject, EnqueueForOwner, EventHandler
from druid_operator.pkg.manager import Manager
from druid_operator.pkg.meta import Labels, NamespacedName, Resource
from druid_operator.pkg.predicate import Predicate
from druid_operator.pkg.reconcile import Reconciler, Result
from druid_operator.pkg.scheme.scheme import Kind as KindName
from druid_operator.pkg.source import Kind, Source


class Builder:
    """Collects the parts; :meth:`complete` makes the controller and adds it to the manager.

    Kinds are named by their model or their resource.
    """

    def __init__(self, manager: Manager) -> None:
        self._manager = manager
        self._for: Resource | None = None
        self._name = ""
        self._options: ControllerOptions[NamespacedName] = ControllerOptions()
        self._sources: list[Source[NamespacedName]] = []
        self._kinds: list[Kind[NamespacedName]] = []
        self._filters: tuple[Predicate, ...] = ()
        self._log_context: Callable[[NamespacedName], dict[str, str]] | None = None

    def for_(self, kind: KindName, *predicates: Predicate) -> Builder:
        """The kind that is reconciled. Exactly once."""
        if self._for is not None:
            raise ValueError(f"for_ was called twice: {self._for}, {kind}")
        self._for = self._manager.scheme.resource_for(kind)
        return self._watch(self._for, EnqueueForObject(), predicates, None)

    def owns(
        self,
        kind: KindName,
        *predicates: Predicate,
        labels: Labels = None,
        only_controller: bool = True,
        only_metadata: bool = False,
    ) -> Builder:
        """A kind whose objects it makes: their changes reconcile the owner.

        Args:
            labels: watch only objects that carry them; others cost no memory and are not seen.
            only_controller: follow only the reference with ``controller: true``.
            only_metadata: keep no more of them, where nobody reads more.
        """
        if self._for is None:
            raise ValueError("call for_ before owns")
        handler = EnqueueForOwner(self._for, only_controller)
        scope = label_scope(labels) if labels else None
        resource = self._manager.scheme.resource_for(kind)
        return self._watch(resource, handler, predicates, scope, only_metadata)

    def watches(
        self,
        kind: KindName,
        handler: EventHandler[NamespacedName],
        *predicates: Predicate,
        scope: Scope | None = None,
        only_metadata: bool = False,
    ) -> Builder:
        """Any other kind whose changes matter, with a handler that says to which objects."""
        resource = self._manager.scheme.resource_for(kind)
        return self._watch(resource, handler, predicates, scope, only_metadata)

    def watches_raw_source(self, source: Source[NamespacedName]) -> Builder:
        """A source of one's own; ``with_event_filter`` does not concern it."""
        self._sources.append(source)
        return self

    def with_event_filter(self, *predicates: Predicate) -> Builder:
        """Predicates for every kind watched."""
        self._filters += predicates
        return self

    def with_options(self, options: ControllerOptions[NamespacedName]) -> Builder:
        self._options = options
        return self

    def with_log_constructor(self, fields: Callable[[NamespacedName], dict[str, str]]) -> Builder:
        """What a pass's log lines say of its key; by default ``namespace`` and ``name``."""
        self._log_context = fields
        return self

    def named(self, name: str) -> Builder:
        """The kind in lower case by default."""
        self._name = name
        return self

    def complete(
        self,
        reconciler: Reconciler[NamespacedName]
        | Callable[[NamespacedName], Awaitable[Result | None] | Result | None],
    ) -> Controller[NamespacedName]:
        """Make it, with an object that has a ``reconcile`` method, or with a function.

        One that is no coroutine function is run in threads. Raises ``ValueError`` when nothing is
        watched or the name is taken.
        """
        if self._for is None and not self._name:
            raise ValueError("a controller without for_ needs a name")
        if not self._kinds and not self._sources:
            raise ValueError("nothing to watch: call for_, watches or watches_raw_source")
        name = self._name or (self._for.kind.lower() if self._for else "")
        for kind in self._kinds:
            kind.predicates = (*self._filters, *kind.predicates)
        controller: Controller[NamespacedName] = Controller(
            name,
            reconciler,
            [*self._kinds, *self._sources],
            metrics=self._manager.metrics,
            options=self._options,
            defaults=self._manager.options.controller,
            kind=self._for.gvk if self._for else None,
            log_context=self._log_context,
            clock=self._manager.clock,
        )
        self._manager.add_controller(controller)
        return controller

    def _watch(
        self,
        resource: Resource,
        handler: EventHandler[NamespacedName],
        predicates: tuple[Predicate, ...],
        scope: Scope | None,
        only_metadata: bool = False,
    ) -> Builder:
        self._kinds.append(
            Kind(self._manager.cache, resource, handler, predicates, scope, only_metadata)
        )
        return self


def new_controller_managed_by(manager: Manager) -> Builder:
    return Builder(manager)
