"""One pass over a ``DruidIngestion``: gather, resolve, keep the document, act on Druid, status.

A pass starts from what is there now and from nothing else, so it may be repeated, skipped or
cancelled at any ``await``. In an unchanged world it makes no request at all: what Druid says is
read from the view that the cluster's poller keeps.
"""

from __future__ import annotations

from collections.abc import Collection

import attrs

from druid_operator.api.v1alpha1 import DRUID_INGESTION
from druid_operator.api.v1alpha1.keys import IGNORED_ANNOTATION
from druid_operator.internal.controller.druidingestion.converge import (
    Converger,
    comment_of,
    connect,
)
from druid_operator.internal.controller.druidingestion.events import EventReason
from druid_operator.internal.controller.druidingestion.facts import Facts
from druid_operator.internal.controller.druidingestion.finalize import (
    Deletion,
    Step,
    add_finalizer,
    has_finalizer,
)
from druid_operator.internal.controller.druidingestion.followers import Followers
from druid_operator.internal.controller.druidingestion.gather import (
    Observed,
    gather,
    has_own_endpoint,
)
from druid_operator.internal.controller.druidingestion.reasons import ConditionReason as Reason
from druid_operator.internal.controller.druidingestion.reasons import ConditionType
from druid_operator.internal.controller.druidingestion.reporter import Reporter
from druid_operator.internal.controller.druidingestion.status import deleting_status, paused_status
from druid_operator.internal.controller.druidingestion.troubles import Backoffs, trouble_of
from druid_operator.internal.controller.reporting import Event, is_ignored
from druid_operator.internal.druidconn import Connections, Occupied
from druid_operator.pkg.client import Client
from druid_operator.pkg.clock import Clock
from druid_operator.pkg.druidapi.errors import DruidError
from druid_operator.pkg.errors import InvalidObject, LeaderLost, NotFound, OperatorError
from druid_operator.pkg.meta import JSON, NamespacedName, find_condition
from druid_operator.pkg.reconcile import Result

_PAUSED_NOTE = f"annotation {IGNORED_ANNOTATION} is true: nothing is changed until it is removed"


@attrs.frozen(kw_only=True)
class DruidIngestionReconciler:
    """Keeps Druid in the declared state, and says in the status what Druid says.

    Args:
        client: cached reads, own writes visible at once.
        connections: to Druid.
        followers: who is told when a supervisor changes.
        reconcile_wait: seconds after which a pass is made without any event.
        deny_namespaces: objects there are left alone, their deletion included.
    """

    client: Client
    converger: Converger
    connections: Connections
    followers: Followers
    reporter: Reporter
    clock: Clock
    reconcile_wait: float = 10.0
    deny_namespaces: Collection[str] = frozenset()
    _backoffs: Backoffs = attrs.field(factory=Backoffs, init=False)

    async def reconcile(self, request: NamespacedName, /) -> Result | None:
        if request.namespace in self.deny_namespaces:
            return None
        try:
            ingestion = await self.client.get(DRUID_INGESTION, request)
        except NotFound:
            self._forget(request)
            return None
        try:
            if ingestion["metadata"].get("deletionTimestamp"):
                return await self._delete(ingestion)
            if is_ignored(ingestion):
                await self._pause(ingestion)
                return None
            return await self._bring_nearer(ingestion)
        except Occupied:
            # It is woken when there is room; the wait is for the case that nobody does.
            return Result(requeue_after=self.reconcile_wait)

    async def _bring_nearer(self, ingestion: JSON) -> Result:
        key = NamespacedName.of(ingestion)
        ingestion = await add_finalizer(self.client, ingestion)
        wait = self.reconcile_wait
        try:
            facts = await self.converger.converge(await gather(self.client, ingestion))
            self._backoffs.reset(key)
        except (LeaderLost, Occupied):
            raise
        except DruidError as error:
            # An answer of Druid, or none, is a fact to report and no failure of this pass.
            facts = _troubled(error)
            wait = self._backoffs.next(key, error, self.clock.monotonic())
        except OperatorError as error:
            if trouble_of(error) is None:
                raise
            facts = _troubled(error)
        await self.reporter.report(ingestion, facts)
        return Result(requeue_after=facts.requeue_after or wait)

    async def _delete(self, ingestion: JSON) -> Result | None:
        """The first branch: whatever else is wrong with an object, it can be deleted."""
        if not has_finalizer(ingestion):
            self._forget(NamespacedName.of(ingestion))
            return None
        observed = await gather(self.client, ingestion)
        step = await self._deletion_step(observed)
        self.reporter.record(ingestion, step.events)
        if step.done:
            self._forget(observed.key)
            return None
        status = deleting_status(ingestion, message=step.message, now=self.clock.now())
        await self.reporter.write(ingestion, status)
        return Result(requeue_after=step.requeue_after or self.reconcile_wait)

    async def _deletion_step(self, observed: Observed) -> Step:
        connection, why = None, None
        if observed.cluster is not None or has_own_endpoint(observed.ingestion):
            try:
                connection = connect(self.connections, observed)
            except OperatorError as error:
                why = error
        deletion = Deletion(
            client=self.client, observed=observed, connection=connection, why=why,
            clock=self.clock, comment=comment_of(observed.ingestion),
        )  # fmt: skip
        if connection is None:
            return await deletion.step()
        with connection.turnstile.entered(observed.key):
            return await deletion.step()

    async def _pause(self, ingestion: JSON) -> None:
        status = paused_status(ingestion, message=_PAUSED_NOTE, now=self.clock.now())
        before = (ingestion.get("status") or {}).get("conditions")
        if find_condition(before, ConditionType.PAUSED) is None:
            event = Event("Normal", EventReason.PAUSED, "Pause", _PAUSED_NOTE)
            self.reporter.record(ingestion, [event])
        await self.reporter.write(ingestion, status)

    def _forget(self, key: NamespacedName) -> None:
        for cluster, supervisor_id in self.followers.forget(key):
            self.connections.unfollow(cluster, supervisor_id)
        self._backoffs.reset(key)
        self.reporter.metrics.forget(key)


def _troubled(error: OperatorError) -> Facts:
    trouble = trouble_of(error)
    assert trouble is not None
    if isinstance(error, InvalidObject):
        trouble = attrs.evolve(trouble, reason=Reason.INVALID_SPEC)
    return Facts(trouble=trouble, synced=None if trouble.unknown else False)
