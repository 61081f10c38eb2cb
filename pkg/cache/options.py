"""What a cache can be told, in general and for one kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal, TypeAlias

import attrs

from druid_operator.pkg.cache.timing import ReflectorOptions
from druid_operator.pkg.client import Scope
from druid_operator.pkg.meta import JSON, Labels, Resource, label_selector

#: Changes an object before it is stored, and answers it. It must give the same result when it is
#: applied twice, and leave the metadata's identity and version alone.
Transform: TypeAlias = Callable[[JSON], JSON]
Shape = Literal["full", "metadata"]
WatchErrorHandler: TypeAlias = Callable[[Resource, Exception], None]

#: Seconds between resyncs. Source: controller-runtime ``defaultSyncPeriod``.
RESYNC_PERIOD = 10 * 3600.0


@attrs.frozen(kw_only=True)
class ByObject:
    """What is different for one kind; ``None`` is as the cache.

    Args:
        namespaces: the only ones to look into; empty is all.
        labels, fields: watch only what they select.
        transform: before storing.
        shape: ``metadata`` keeps no more than that, and asks the server for no more.
        resync_period: seconds; 0 is never.
        on_watch_error: told of failed lists and watches.
    """

    namespaces: tuple[str, ...] | None = None
    labels: Labels = None
    fields: Mapping[str, str] | None = None
    transform: Transform | None = None
    shape: Shape = "full"
    resync_period: float | None = None
    on_watch_error: WatchErrorHandler | None = None


@attrs.frozen(kw_only=True)
class CacheOptions:
    """Args:
    namespaces: the only namespaces to look into; empty means all. Cluster-scoped kinds are seen
        whole.
    reflector: timing of lists and watches.
    by_object: what is different for some kinds.
    transform: of every kind that has none of its own. ``managedFields`` is stripped in any case.
    resync_period: seconds between showing every listener every object as it is, at low priority;
        spread by a tenth. It repairs what a reconciler forgot, not what a watch missed. 0 is never.
    fail_on_missing_informer: a cached client's read of a kind without informer is an error, not a
        request.
    on_watch_error: told of failed lists and watches of every kind.
    """

    namespaces: tuple[str, ...] = ()
    reflector: ReflectorOptions = attrs.field(factory=ReflectorOptions)
    by_object: Mapping[Resource, ByObject] = attrs.field(factory=dict)
    transform: Transform | None = None
    resync_period: float = RESYNC_PERIOD
    fail_on_missing_informer: bool = False
    on_watch_error: WatchErrorHandler | None = None

    def of(self, resource: Resource) -> ByObject:
        """The options of one kind, with the cache's own where it has none."""
        own = self.by_object.get(resource) or ByObject()
        period = self.resync_period if own.resync_period is None else own.resync_period
        return attrs.evolve(
            own,
            namespaces=self.namespaces if own.namespaces is None else own.namespaces,
            transform=own.transform or self.transform,
            resync_period=period,
            on_watch_error=own.on_watch_error or self.on_watch_error,
        )

    def scopes(self, resource: Resource, asked: Scope | None) -> list[Scope]:
        """What to watch for a kind: as asked, or as the options say; one for each namespace.

        A selection by ``metadata.namespace`` becomes the namespace itself: a list of one namespace
        needs no rights on the others.
        """
        own = self.of(resource)
        scope = asked
        if scope is None:
            terms = (f"{path}={value}" for path, value in sorted((own.fields or {}).items()))
            scope = Scope(labels=str(label_selector(own.labels)), fields=",".join(terms))
        scope = _namespace_of_fields(scope)
        if not resource.namespaced:
            return [attrs.evolve(scope, namespace="")]
        if scope.namespace or not own.namespaces:
            return [scope]
        return [attrs.evolve(scope, namespace=namespace) for namespace in own.namespaces]


def _namespace_of_fields(scope: Scope) -> Scope:
    terms = [term for term in scope.fields.split(",") if term]
    named = [term for term in terms if term.startswith("metadata.namespace=")]
    if not named:
        return scope
    namespace = named[0].removeprefix("metadata.namespace=").removeprefix("=")
    rest = ",".join(term for term in terms if term not in named)
    return attrs.evolve(scope, namespace=namespace, fields=rest)
