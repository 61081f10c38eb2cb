"""One pass over a ``DruidIngestion``: gather, resolve, keep the document, act on Druid, status.

A pass starts from what is there now and from nothing else, so it may be repeated, skipped or
cancelled at any ``await``. In an unchanged world it makes no request at all: what Druid says is
read from the view that the cluster's poller keeps.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

import attrs

from druid_operator.api.v1alpha1 import DRUID_INGESTION, DruidIngestion
from druid_operator.api.v1alpha1.keys import (
    APPLIED_ANNOTATION,
    FIELD_MANAGER_INGESTION,
    IGNORED_ANNOTATION,
)
from druid_operator.internal.controller.druidingestion.batch import BatchPass
from druid_operator.internal.controller.druidingestion.config_map import build_config_map
from druid_operator.internal.controller.druidingestion.events import EventReason
from druid_operator.internal.controller.druidingestion.facts import Facts, Trouble
from druid_operator.internal.controller.druidingestion.finalize import Deletion, add_finalizer
from druid_operator.internal.controller.druidingestion.followers import Followers
from druid_operator.internal.controller.druidingestion.gather import (
    Observed,
    gather,
    older_claimant,
)
from druid_operator.internal.controller.druidingestion.reasons import ConditionReason as Reason
from druid_operator.internal.controller.druidingestion.reasons import ConditionType
from druid_operator.internal.controller.druidingestion.status import (
    build_status,
    deleting_status,
    paused_status,
)
from druid_operator.internal.controller.druidingestion.streaming import StreamingPass
from druid_operator.internal.controller.druidingestion.troubles import Backoffs, trouble_of
from druid_operator.internal.controller.druidingestion.work import Work
from druid_operator.internal.controller.reporting import Event, is_ignored, status_patch
from druid_operator.internal.druidconn import Connection, Connections
from druid_operator.internal.ingestion.compatibility import check_against
from druid_operator.internal.ingestion.document import DesiredDocument, build_document
from druid_operator.internal.ingestion.marker import Marker
from druid_operator.pkg.apply import Engine, plan
from druid_operator.pkg.client import Client, merge_patch
from druid_operator.pkg.clock import Clock
from druid_operator.pkg.druidapi.errors import DruidError
from druid_operator.pkg.errors import InvalidObject, LeaderLost, NotFound, OperatorError
from druid_operator.pkg.meta import JSON, NamespacedName, find_condition
from druid_operator.pkg.reconcile import Result
from druid_operator.pkg.recorder import EventRecorder
from druid_operator.pkg.scheme import Converter

_PAUSED_NOTE = f"annotation {IGNORED_ANNOTATION} is true: nothing is changed until it is removed"


@attrs.frozen(kw_only=True)
class DruidIngestionReconciler:
    """Keeps Druid in the declared state, and says in the status what Druid says.

    Args:
        client: cached reads, own writes visible at once.
        engine: writes the ConfigMap with the document.
        connections: to Druid.
        followers: who is told when a supervisor changes.
        recorder, converter, clock: shared parts of the process.
        reconcile_wait: seconds after which a pass is made without any event.
        deny_namespaces: objects there are left alone, their deletion included.
    """

    client: Client
    engine: Engine
    connections: Connections
    followers: Followers
    recorder: EventRecorder
    converter: Converter
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
        if ingestion["metadata"].get("deletionTimestamp"):
            return await self._delete(ingestion)
        if is_ignored(ingestion):
            await self._pause(ingestion)
            return None
        return await self._bring_nearer(ingestion)

    # --- the usual pass -------------------------------------------------------------------------

    async def _bring_nearer(self, ingestion: JSON) -> Result:
        key = NamespacedName.of(ingestion)
        ingestion = await add_finalizer(self.client, ingestion)
        wait = self.reconcile_wait
        try:
            facts = await self._pass(await gather(self.client, ingestion))
            self._backoffs.reset(key)
        except LeaderLost:
            raise
        except DruidError as error:
            # An answer of Druid, or none, is a fact to report and no failure of this pass.
            facts = await self._troubled(ingestion, error)
            wait = self._backoffs.next(key, error)
        except OperatorError as error:
            if trouble_of(error) is None:
                raise
            facts = await self._troubled(ingestion, error)
        await self._report(ingestion, facts)
        return Result(requeue_after=facts.requeue_after or wait)

    async def _pass(self, observed: Observed) -> Facts:
        desired = self._resolve(observed.ingestion)
        await self._keep_document(observed, desired)
        if observed.cluster is None:
            name = observed.ingestion["spec"]["druidCluster"]
            words = f"spec.druidCluster: there is no Druid {name!r} in this namespace"
            trouble = Trouble(Reason.CLUSTER_NOT_FOUND, words, unknown=True)
            return Facts(desired=desired, trouble=trouble)
        connection = self._connect(observed)
        connection.breaker.check()
        if desired.runs == "supervisor":
            return await self._stream(observed, desired, connection)
        if desired.runs == "task":
            await self._check_druid(desired, connection)
            return await BatchPass(self._work(observed, desired, connection)).run()
        words = f"spec.ingestion.type: {desired.type} is not supported yet"
        return Facts(desired=desired, trouble=Trouble(Reason.UNSUPPORTED_TYPE, words, stalled=True))

    def _resolve(self, ingestion: JSON) -> DesiredDocument:
        """Raises ``InvalidObject`` with the JSON path of every fault."""
        typed = self.converter.decode(DruidIngestion, ingestion)
        return build_document(typed.spec.ingestion, suspend=typed.spec.suspend)

    async def _keep_document(self, observed: Observed, desired: DesiredDocument) -> None:
        """The ConfigMap is there before Druid is told: it says what was meant, whatever follows."""
        uid = observed.ingestion["metadata"]["uid"]
        actions = plan(
            [build_config_map(observed.ingestion, desired)],
            observed.children,
            owner_uid=uid,
            annotation=APPLIED_ANNOTATION,
            settled=self.engine.settled,
        )
        for outcome in await self.engine.execute(actions, owner_uid=uid):
            if outcome.error is not None:
                raise outcome.error

    async def _stream(
        self, observed: Observed, desired: DesiredDocument, connection: Connection
    ) -> Facts:
        older = await older_claimant(self.client, observed.ingestion, desired)
        if older:
            words = f"supervisor {desired.supervisor_id} belongs to the older object {older}"
            trouble = Trouble(Reason.CONFLICT, words, stalled=True)
            return Facts(desired=desired, trouble=trouble, synced=False)
        self.followers.follow(connection.key.cluster, desired.supervisor_id, observed.key)
        await self._check_druid(desired, connection)
        return await StreamingPass(self._work(observed, desired, connection)).run()

    async def _check_druid(self, desired: DesiredDocument, connection: Connection) -> None:
        """Raises ``InvalidObject`` for what this Druid is known not to run."""
        able = await connection.capabilities()
        errors = list(check_against(
            desired, major=able.major, modules=able.modules, sql_tasks=able.sql_tasks
        ))  # fmt: skip
        if errors:
            raise InvalidObject(errors)

    def _work(self, observed: Observed, desired: DesiredDocument, connection: Connection) -> Work:
        meta = observed.ingestion["metadata"]

        async def remember(fields: JSON) -> None:
            await self._patch_status(observed.ingestion, {"status": fields})

        return Work(
            desired=desired,
            status=observed.ingestion.get("status") or {},
            owner=Marker(meta["namespace"], meta["name"], meta["uid"], desired.spec_hash),
            comment=comment_of(observed.ingestion),
            connection=connection,
            remember=remember,
            clock=self.clock,
        )

    def _connect(self, observed: Observed) -> Connection:
        """Raises ``NoEndpoint`` or ``CredentialsError``; asks nobody."""
        assert observed.cluster is not None
        return self.connections.connect(
            observed.cluster, (observed.ingestion.get("spec") or {}).get("auth")
        )

    async def _troubled(self, ingestion: JSON, error: OperatorError) -> Facts:
        trouble = trouble_of(error)
        assert trouble is not None
        if isinstance(error, InvalidObject):
            trouble = attrs.evolve(trouble, reason=Reason.INVALID_SPEC)
        return Facts(trouble=trouble, synced=None if trouble.unknown else False)

    # --- other passes ---------------------------------------------------------------------------

    async def _delete(self, ingestion: JSON) -> Result | None:
        """The first branch: whatever else is wrong with an object, it can be deleted."""
        observed = await gather(self.client, ingestion)
        connection, why = None, None
        if observed.cluster is not None:
            try:
                connection = self._connect(observed)
            except OperatorError as error:
                why = error
        step = await Deletion(
            client=self.client, observed=observed, connection=connection, why=why,
            clock=self.clock, comment=comment_of(ingestion),
        ).step()  # fmt: skip
        self._record(ingestion, step.events)
        if step.done:
            self._forget(observed.key)
            return None
        status = deleting_status(ingestion, message=step.message, now=self.clock.now())
        await self._write_status(ingestion, status)
        return Result(requeue_after=step.requeue_after or self.reconcile_wait)

    async def _pause(self, ingestion: JSON) -> None:
        status = paused_status(ingestion, message=_PAUSED_NOTE, now=self.clock.now())
        before = (ingestion.get("status") or {}).get("conditions")
        if find_condition(before, ConditionType.PAUSED) is None:
            event = Event("Normal", EventReason.PAUSED, "Pause", _PAUSED_NOTE)
            self._record(ingestion, [event])
        await self._write_status(ingestion, status)

    def _forget(self, key: NamespacedName) -> None:
        self.followers.forget(key)
        self._backoffs.reset(key)

    # --- what is told ---------------------------------------------------------------------------

    async def _report(self, ingestion: JSON, facts: Facts) -> None:
        # Status written on the way (an id before its use) is part of what is compared.
        current = await self._current(ingestion)
        status = build_status(current, facts, now=self.clock.now())
        self._record(ingestion, [*facts.events, *_news(current.get("status"), status, facts)])
        await self._write_status(current, status)

    async def _current(self, ingestion: JSON) -> JSON:
        try:
            found = await self.client.get(DRUID_INGESTION, NamespacedName.of(ingestion))
        except NotFound:
            return ingestion
        # Only its status may be newer: the pass decided on the spec it was given.
        return {**ingestion, "status": found.get("status")}

    async def _write_status(self, ingestion: JSON, status: JSON) -> None:
        """One write per pass, none when nothing changed. Its only writer needs no version."""
        body = status_patch(ingestion.get("status"), status)
        if body is not None:
            await self._patch_status(ingestion, body)

    async def _patch_status(self, ingestion: JSON, body: JSON) -> None:
        try:
            await self.client.patch(
                DRUID_INGESTION, NamespacedName.of(ingestion), merge_patch(body),
                subresource="status", field_owner=FIELD_MANAGER_INGESTION,
            )  # fmt: skip
        except NotFound:
            return  # deleted meanwhile: nobody is left to read it

    def _record(self, ingestion: JSON, events: Iterable[Event]) -> None:
        for event in events:
            self.recorder.event(ingestion, event.type, event.reason, event.action, event.note)


def comment_of(ingestion: JSON) -> str:
    """On whose behalf we act, in Druid's audit log."""
    meta = ingestion["metadata"]
    generation = meta.get("generation", 0)
    return f"DruidIngestion/{meta['namespace']}/{meta['name']} gen={generation}"


def _news(old: JSON | None, new: JSON, facts: Facts) -> Iterable[Event]:
    """A trouble is told once, when its reason or its words are new, and not with every pass."""
    trouble = facts.trouble
    if trouble is None or not trouble.stalled or facts.events:
        return
    before = find_condition((old or {}).get("conditions"), ConditionType.STALLED)
    if before and (before.get("reason"), before.get("message")) == (
        trouble.reason, trouble.message,
    ):  # fmt: skip
        return
    known: dict[str, EventReason] = {
        Reason.INVALID_SPEC: EventReason.INVALID,
        Reason.CONFLICT: EventReason.CONFLICT,
    }
    reason = known.get(trouble.reason, EventReason.OPERATION_FAILED)
    yield Event("Warning", reason, "Reconcile", trouble.message)
