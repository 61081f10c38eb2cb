"""One pass over a ``Druid``: gather, resolve, build, plan, apply, status.

A pass starts from what is there now and from nothing else, so it may be repeated, skipped or
cancelled at any ``await``. In an unchanged world it makes no request at all.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

import attrs

from druid_operator.api.v1alpha1 import DRUID, Druid
from druid_operator.api.v1alpha1.keys import (
    APPLIED_ANNOTATION,
    FIELD_MANAGER_DRUID,
    IGNORED_ANNOTATION,
)
from druid_operator.internal.controller.druid.adopt import carried_config_sha
from druid_operator.internal.controller.druid.children import PRUNABLE, children_of
from druid_operator.internal.controller.druid.components import (
    components_of,
    groups_of,
    hold_back,
)
from druid_operator.internal.controller.druid.events import (
    EventReason,
    events_of,
    transition,
    waiting_events,
)
from druid_operator.internal.controller.druid.failures import failure_from, failure_of, to_retry
from druid_operator.internal.controller.druid.finalize import align_finalizer, finalize
from druid_operator.internal.controller.druid.gather import Observed, gather
from druid_operator.internal.controller.druid.reasons import ConditionType
from druid_operator.internal.controller.druid.references import ConfigMapReader
from druid_operator.internal.controller.druid.status import (
    Facts,
    build_status,
    deleting_status,
    paused_status,
)
from druid_operator.internal.controller.reporting import Event, is_ignored, status_patch
from druid_operator.internal.druid.build import build
from druid_operator.internal.druid.resolve import extra_config_refs, resolve
from druid_operator.internal.druid.resolved import ResolvedCluster
from druid_operator.internal.druid.rollout import decide_rollout
from druid_operator.pkg.apply import ChildId, Engine, Outcome, Result, plan
from druid_operator.pkg.client import Client, merge_patch
from druid_operator.pkg.clock import Clock, rfc3339
from druid_operator.pkg.errors import LeaderLost, NotFound, OperatorError, TerminalError
from druid_operator.pkg.log import logger
from druid_operator.pkg.meta import JSON, NamespacedName, is_controlled_by
from druid_operator.pkg.reconcile import Result as PassResult
from druid_operator.pkg.recorder import EventRecorder
from druid_operator.pkg.scheme import Converter

_PAUSED_NOTE = f"annotation {IGNORED_ANNOTATION} is true: nothing is changed until it is removed"


@attrs.frozen
class _Pass:
    """What a pass found out, for the status; ``error`` is raised once the status is written."""

    facts: Facts
    events: tuple[Event, ...] = ()
    error: OperatorError | None = None


@attrs.frozen(kw_only=True)
class DruidReconciler:
    """Brings the children of a ``Druid`` to what its spec asks for, and says so in its status.

    Args:
        client: cached reads, own writes visible at once.
        engine: writes the children.
        references: reads the ConfigMaps that a spec refers to.
        recorder, converter, clock: shared parts of the process.
        reconcile_wait: seconds after which a pass is made without any event.
        deny_namespaces: objects there are left alone, their deletion included.
    """

    client: Client
    engine: Engine
    references: ConfigMapReader
    recorder: EventRecorder
    converter: Converter
    clock: Clock
    reconcile_wait: float = 10.0
    deny_namespaces: Collection[str] = frozenset()

    async def reconcile(self, request: NamespacedName, /) -> PassResult | None:
        if request.namespace in self.deny_namespaces:
            return None
        try:
            druid = await self.client.get(DRUID, request)
        except NotFound:
            self.references.forget(request)
            return None
        if druid["metadata"].get("deletionTimestamp"):
            return await self._delete(druid)
        if is_ignored(druid):
            await self._pause(druid)
            return None
        return await self._bring_nearer(druid)

    async def _bring_nearer(self, druid: JSON) -> PassResult:
        try:
            druid = await align_finalizer(self.client, druid)
            done = await self._apply(await gather(self.client, druid))
        except LeaderLost:
            raise
        except OperatorError as error:
            done = _Pass(Facts(failure=failure_from(error)), error=error)
        # What merely lost a race is repeated at once: the last status stands until then.
        if done.error is None or done.facts.failure or done.facts.components is not None:
            await self._report(druid, done)
        if done.error is not None:
            raise done.error
        return PassResult(requeue_after=self.reconcile_wait)

    async def _apply(self, observed: Observed) -> _Pass:
        cluster = await self._resolve(observed)
        carried = carried_config_sha(cluster, observed.children)
        manifests = build(cluster.with_config_sha(carried))
        actions = plan(
            children_of(cluster, manifests, carried),
            observed.children,
            owner_uid=cluster.uid,
            annotation=APPLIED_ANNOTATION,
            prunable=PRUNABLE,
            settled=self.engine.settled,
        )
        groups = groups_of(cluster, actions, observed.children)
        ordered = observed.druid["spec"].get("rollingDeploy", True) is not False
        rollout = decide_rollout(groups, ordered=ordered)
        outcomes = await self.engine.execute(
            hold_back(cluster, actions, rollout), owner_uid=cluster.uid
        )
        _log_changes(outcomes)
        children = _after(observed.children, outcomes)
        ours = {id_: obj for id_, obj in children.items() if is_controlled_by(obj, cluster.uid)}
        facts = Facts(
            components=components_of(cluster, ours, rollout),
            children={**ours, **_claims(children)},
            pods=observed.pods,
            failure=failure_of(outcomes),
        )
        return _Pass(facts, tuple(events_of(outcomes)), to_retry(outcomes))

    async def _resolve(self, observed: Observed) -> ResolvedCluster:
        """Raises ``InvalidObject`` with the JSON path of every fault."""
        druid = self.converter.decode(Druid, observed.druid)
        extra = await self.references.read(observed.key, extra_config_refs(druid))
        return resolve(druid, extra)

    async def _delete(self, druid: JSON) -> PassResult | None:
        """The first branch: whatever else is wrong with an object, it can be deleted."""
        self.references.forget(NamespacedName.of(druid))
        try:
            step = await finalize(self.client, await gather(self.client, druid))
        except LeaderLost:
            raise
        except OperatorError as error:
            if failure_from(error):
                failed = Event("Warning", EventReason.FINALIZER_FAILED, "Finalize", str(error))
                self._record(druid, [failed])
            raise
        self._record(druid, step.events)
        if step.done:
            return None
        now = rfc3339(self.clock.now())
        await self._write_status(druid, deleting_status(druid, message=step.message, now=now))
        return PassResult(requeue_after=self.reconcile_wait)

    async def _pause(self, druid: JSON) -> None:
        now = rfc3339(self.clock.now())
        status = paused_status(druid, message=_PAUSED_NOTE, now=now)
        if transition(druid.get("status"), status, ConditionType.PAUSED):
            self._record(druid, [Event("Normal", EventReason.PAUSED, "Pause", _PAUSED_NOTE)])
        await self._write_status(druid, status)

    async def _report(self, druid: JSON, done: _Pass) -> None:
        old = druid.get("status")
        status = build_status(druid, done.facts, now=rfc3339(self.clock.now()))
        self._record(druid, [*done.events, *waiting_events(old, status)])
        stalled = transition(old, status, ConditionType.STALLED)
        if stalled and isinstance(done.error, TerminalError):
            note = stalled["message"]
            self._record(druid, [Event("Warning", EventReason.INVALID_SPEC, "Resolve", note)])
        await self._write_status(druid, status)

    async def _write_status(self, druid: JSON, status: JSON) -> None:
        """One write per pass, none when nothing changed. Its only writer needs no version."""
        body = status_patch(druid.get("status"), status)
        if body is None:
            return
        key = NamespacedName.of(druid)
        try:
            await self.client.patch(
                DRUID, key, merge_patch(body), subresource="status",
                field_owner=FIELD_MANAGER_DRUID,
            )  # fmt: skip
        except NotFound:
            return  # deleted meanwhile: nobody is left to read it

    def _record(self, druid: JSON, events: Iterable[Event]) -> None:
        for event in events:
            self.recorder.event(druid, event.type, event.reason, event.action, event.note)


def _log_changes(outcomes: Iterable[Outcome]) -> None:
    """One line per write, none in a quiet pass. Errors are the worker loop's to log."""
    for outcome in outcomes:
        if outcome.wrote:
            action = outcome.action
            logger().info(
                "Wrote child",
                kind=action.id.resource.kind,
                object=str(action.id.key),
                action=action.verb.value,
                reason=action.reason.value,
            )


def _after(children: Mapping[ChildId, JSON], outcomes: Iterable[Outcome]) -> dict[ChildId, JSON]:
    """The children once the outcomes are in: what was written is known from its answer."""
    after = dict(children)
    for outcome in outcomes:
        if outcome.result is Result.DELETED:
            after.pop(outcome.action.id, None)
        elif outcome.obj is not None:
            after[outcome.action.id] = outcome.obj
    return after


def _claims(children: Mapping[ChildId, JSON]) -> dict[ChildId, JSON]:
    """Claims of pods have no owner, and belong to the cluster by their labels."""
    return {
        id_: obj for id_, obj in children.items() if id_.resource.kind == "PersistentVolumeClaim"
    }
