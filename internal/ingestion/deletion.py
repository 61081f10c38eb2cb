"""What to do when the object is being deleted: Druid is told first, and nothing waits for ever."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import attrs

from druid_operator.internal.ingestion.marker import Marker, read_marker

DeletionAction = Literal[
    "Terminate",  # POST .../terminate, then look again
    "Suspend",    # POST .../suspend, then look again
    "Shutdown",   # POST .../task/{id}/shutdown, then look again
    "Wait",       # Druid cannot be asked, or has not finished
    "Release",    # remove the finalizer
]  # fmt: skip

DeletionReason = Literal[
    "NeverSubmitted", "NotOurs", "Orphaned", "Gone", "Terminating", "Suspended", "Suspending",
    "ShuttingDown", "Finished", "ClusterGone", "ClusterUnreachable", "ReleasedByUser",
]  # fmt: skip

DeletionPolicy = Literal["Terminate", "Suspend", "Orphan"]

#: Seconds that a cluster which is gone or going may stay silent before the object is released: its
#: Druid object is deleted, so nobody will bring it back, but its last pods may still answer.
CLUSTER_GONE_GRACE = 600.0


@attrs.frozen
class DeletionFacts:
    """What was read.

    Attributes:
        submitted: something was sent to Druid for this object, by us or by the Go operator.
        reachable: Druid answered, so ``live`` and ``task_ended`` are facts.
        cluster_exists: the ``Druid`` object exists and is not being deleted.
        unreachable_for: seconds since the deletion during which Druid did not answer.
        live: the supervisor's stored spec, ``None`` if there is none (or it is a task).
        task_ended: whether the run is over; ``None`` if Druid does not know it.
        skip: the user asked to be released without Druid being told.
        adopted: status says that it is ours although it has no marker: the Go operator submitted
            it, or it was adopted as it was.
    """

    submitted: bool
    reachable: bool
    cluster_exists: bool
    unreachable_for: float = 0.0
    live: Mapping[str, Any] | None = attrs.field(default=None, repr=False)
    task_ended: bool | None = None
    skip: bool = False
    adopted: bool = False


@attrs.frozen
class DeletionDecision:
    action: DeletionAction
    reason: DeletionReason
    message: str = ""


def decide_supervisor_deletion(
    facts: DeletionFacts, owner: Marker, policy: DeletionPolicy
) -> DeletionDecision:
    early = _before_asking(facts, policy)
    if early is not None:
        return early
    if facts.live is None:
        return DeletionDecision("Release", "Gone", "the supervisor does not exist")
    marker = read_marker(facts.live)
    foreign = marker is not None and not marker.same_object_name(owner)
    if foreign or (marker is None and not facts.adopted):
        return DeletionDecision("Release", "NotOurs", "the supervisor belongs to another")
    if policy == "Suspend":
        if facts.live.get("suspended") is True:
            return DeletionDecision("Release", "Suspended", "left suspended")
        return DeletionDecision("Suspend", "Suspending")
    return DeletionDecision("Terminate", "Terminating")


def decide_run_deletion(facts: DeletionFacts, policy: DeletionPolicy) -> DeletionDecision:
    """For a task: one that is over is left alone, whatever the policy."""
    early = _before_asking(facts, policy)
    if early is not None:
        return early
    if facts.task_ended is None:
        return DeletionDecision("Release", "Gone", "Druid knows no such task")
    if facts.task_ended:
        return DeletionDecision("Release", "Finished", "the task had ended")
    if policy == "Suspend":  # a task cannot be suspended: it is left to end
        return DeletionDecision("Release", "Orphaned", "the task is left to end by itself")
    return DeletionDecision("Shutdown", "ShuttingDown")


def _before_asking(facts: DeletionFacts, policy: DeletionPolicy) -> DeletionDecision | None:
    if not facts.submitted:
        return DeletionDecision("Release", "NeverSubmitted", "nothing was sent to Druid")
    if facts.skip:
        return DeletionDecision("Release", "ReleasedByUser", "released without telling Druid")
    if policy == "Orphan":
        return DeletionDecision("Release", "Orphaned", "left as it is in Druid")
    if facts.reachable:
        return None
    if facts.cluster_exists:
        return DeletionDecision("Wait", "ClusterUnreachable", "Druid does not answer")
    if facts.unreachable_for < CLUSTER_GONE_GRACE:
        return DeletionDecision("Wait", "ClusterGone", "the cluster is gone; waiting a little")
    return DeletionDecision("Release", "ClusterGone", "the cluster is gone: nobody to tell")
