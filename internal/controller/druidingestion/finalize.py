"""Deletion of an ingestion, under its finalizer: Druid is told first, then the object goes.

Everything here reads the object as it is stored: one whose document does not parse must be
deletable too. Nothing waits for ever: a cluster that is gone releases the object after a grace.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import attrs

from druid_operator.api.v1alpha1 import DRUID_INGESTION
from druid_operator.api.v1alpha1.keys import (
    FIELD_MANAGER_INGESTION,
    INGESTION_FINALIZER,
    RELEASE_ANNOTATION,
)
from druid_operator.internal.controller.druidingestion.events import EventReason
from druid_operator.internal.controller.druidingestion.gather import Observed
from druid_operator.internal.controller.druidingestion.policies import deletion_policy
from druid_operator.internal.controller.reporting import Event
from druid_operator.internal.druidconn import Connection, CredentialsError
from druid_operator.internal.ingestion.deletion import (
    DeletionDecision,
    DeletionFacts,
    decide_run_deletion,
    decide_supervisor_deletion,
)
from druid_operator.internal.ingestion.marker import Marker
from druid_operator.internal.ingestion.redact import redact_text
from druid_operator.pkg.client import Client, merge_patch
from druid_operator.pkg.clock import Clock, parse_rfc3339
from druid_operator.pkg.druidapi import errors
from druid_operator.pkg.errors import NotFound, OperatorError
from druid_operator.pkg.meta import JSON, NamespacedName

#: Seconds until the next look after Druid was told to end something.
LOOK_AGAIN = 0.3


@attrs.frozen
class Step:
    """How far a deletion has come.

    Args:
        done: our finalizer is gone; the object may be too.
        message: what is waited for.
        requeue_after: seconds until the next step; ``None``: the usual wait.
    """

    done: bool
    message: str = ""
    requeue_after: float | None = None
    events: tuple[Event, ...] = ()


def is_released(ingestion: JSON) -> bool:
    """Whether the user wants the object gone without Druid being told, by exactly this text."""
    annotations = ingestion["metadata"].get("annotations") or {}
    return bool(annotations.get(RELEASE_ANNOTATION) == "true")


def has_finalizer(ingestion: JSON) -> bool:
    return INGESTION_FINALIZER in (ingestion["metadata"].get("finalizers") or ())


async def add_finalizer(client: Client, ingestion: JSON) -> JSON:
    """Before the first side effect. Returns the object as it is then."""
    if has_finalizer(ingestion):
        return ingestion
    return await _set_finalizer(client, ingestion, present=True)


async def _release(client: Client, ingestion: JSON) -> None:
    try:
        await _set_finalizer(client, ingestion, present=False)
    except NotFound:
        pass  # it is gone already, which is what taking the finalizer off was for


async def _set_finalizer(client: Client, ingestion: JSON, *, present: bool) -> JSON:
    """Raises ``Conflict`` when somebody else changed the object meanwhile: the list is replaced
    whole, and another's finalizer must not get lost."""
    metadata = ingestion["metadata"]
    others = [f for f in metadata.get("finalizers") or () if f != INGESTION_FINALIZER]
    body = {
        "metadata": {
            "resourceVersion": metadata["resourceVersion"],
            "finalizers": [*others, INGESTION_FINALIZER] if present else others or None,
        }
    }
    return await client.patch(
        DRUID_INGESTION,
        NamespacedName.of(ingestion),
        merge_patch(body),
        field_owner=FIELD_MANAGER_INGESTION,
    )


@attrs.frozen(kw_only=True)
class Deletion:
    """The deletion of one object.

    Args:
        connection: ``None`` when the cluster cannot even be addressed; ``why`` then says why.
    """

    client: Client
    observed: Observed
    connection: Connection | None
    why: OperatorError | None
    clock: Clock
    comment: str

    async def step(self) -> Step:
        """Take the next step. May be repeated at any point. Raises what the API server raises."""
        ingestion = self.observed.ingestion
        if not has_finalizer(ingestion):
            return Step(done=True)
        status: JSON = ingestion.get("status") or {}
        supervisor = _supervisor_id(ingestion, status)
        try:
            decision = await self._decide(status, supervisor)
            return await self._carry_out(decision, status, supervisor)
        except (errors.DruidError, CredentialsError) as error:
            # Not answered, or answered badly: nothing is released because of that. And nothing
            # announces a Secret that comes back, so the object is looked at again and again.
            note = f"Druid could not be told: {redact_text(str(error))}"
            event = Event("Warning", EventReason.SHUT_DOWN_FAILED, "Delete", note)
            delay = error.backoff.first if isinstance(error, errors.DruidError) else None
            return Step(False, note, delay, (event,))

    async def _decide(self, status: JSON, supervisor: str) -> DeletionDecision:
        facts = await self._facts(status, supervisor)
        policy = deletion_policy(self.observed.ingestion)
        if supervisor:
            return decide_supervisor_deletion(facts, self._owner(), policy)
        return decide_run_deletion(facts, policy)

    async def _facts(self, status: JSON, supervisor: str) -> DeletionFacts:
        base = DeletionFacts(
            submitted=bool(supervisor or status.get("taskId")),
            reachable=False,
            cluster_exists=not self.observed.cluster_is_going,
            unreachable_for=self._since_deletion(),
            skip=is_released(self.observed.ingestion),
            adopted=bool(status.get("specHash") or status.get("taskId")),
        )
        if not base.submitted or base.skip or self.connection is None:
            return base
        try:
            await self.connection.ensure_ready()
            if supervisor:
                view, api = self.connection.view, self.connection.api
                live = await view.refresh(api, supervisor, self.clock.monotonic())
                return attrs.evolve(base, reachable=True, live=live.spec)
            ended = await self._task_ended(str(status["taskId"]))
            return attrs.evolve(base, reachable=True, task_ended=ended)
        except (errors.NotReady, errors.Timeout):
            return base
        except (errors.AuthFailed, errors.ProxyDisabled, CredentialsError):
            if base.cluster_exists:
                raise
            return base  # whoever could mend it is going too

    async def _task_ended(self, task_id: str) -> bool | None:
        assert self.connection is not None
        try:
            return (await self.connection.api.task_status(task_id)).ended
        except errors.NotFound:
            return None

    async def _carry_out(self, decision: DeletionDecision, status: JSON, supervisor: str) -> Step:
        words = decision.message or decision.reason
        if decision.action == "Release":
            await _release(self.client, self.observed.ingestion)
            if self.connection is not None and supervisor:
                self.connection.view.unfollow(supervisor)
            note = f"Released: {words}{_leftovers(status)}"
            event = Event("Normal", EventReason.RELEASED, "Delete", note)
            return Step(True, words, None, (event,))
        if decision.action == "Wait":
            why = f": {self.why}" if self.why else ""
            return Step(False, f"{words}{why}")
        assert self.connection is not None
        api = self.connection.api
        if decision.action == "Shutdown":
            task_id = str(status["taskId"])
            await api.shutdown_task(task_id, comment=self.comment)
            note = f"Shut down task {task_id}"
        elif decision.action == "Suspend":
            await api.suspend_supervisor(supervisor, comment=self.comment)
            note = f"Suspended supervisor {supervisor}"
        else:
            await _terminate(api, supervisor, self.comment)
            note = f"Terminated supervisor {supervisor}"
        event = Event("Normal", EventReason.SHUT_DOWN, "Delete", note)
        return Step(False, note, LOOK_AGAIN, (event,))

    def _owner(self) -> Marker:
        meta = self.observed.ingestion["metadata"]
        return Marker(meta["namespace"], meta["name"], meta["uid"], "")

    def _since_deletion(self) -> float:
        stamp = self.observed.ingestion["metadata"].get("deletionTimestamp")
        started: datetime = parse_rfc3339(stamp) if stamp else self.clock.now()
        return (self.clock.now() - started).total_seconds()


async def _terminate(api: Any, supervisor: str, comment: str) -> None:
    try:
        await api.terminate_supervisor(supervisor, comment=comment)
    except errors.NotFound:
        pass  # it is gone already


def _leftovers(status: JSON) -> str:
    """Rules and compaction belong to the rows, which stay: nothing is dropped silently."""
    settings = status.get("dataSourceSettings") or {}
    names = [name for name in ("rules", "compaction") if settings.get(name)]
    return f"; {' and '.join(names)} of {settings['dataSource']} stay" if names else ""


def _supervisor_id(ingestion: JSON, status: JSON) -> str:
    """The supervisor to end; empty for a batch, or when there never was one."""
    if status.get("supervisorId"):
        return str(status["supervisorId"])
    kind = ((ingestion.get("spec") or {}).get("ingestion") or {}).get("type")
    if kind in ("kafka", "kinesis", "rabbit", "autocompact") and status.get("taskId"):
        return str(status["taskId"])  # the Go operator keeps the supervisor's id there
    return ""
