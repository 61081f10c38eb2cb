"""What to do about a supervisor: one pure decision from what is wanted, there, and known.

The order of questions matters. Whose it is comes before what it says; what the user changed comes
before what somebody else changed; and nothing is sent unless one of the two is true. A POST
restarts tasks, so sending too often is an incident of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from druid_operator.internal.ingestion.compare import baseline_of, differences_from
from druid_operator.internal.ingestion.document import DesiredDocument, stream_of
from druid_operator.internal.ingestion.go_status import same_as_go
from druid_operator.internal.ingestion.marker import Marker, read_marker, with_marker
from druid_operator.internal.ingestion.subset import Difference
from druid_operator.internal.ingestion.verdict import (
    Decision,
    ObservedSupervisor,
    Reason,
    SupervisorMemory,
    SupervisorPolicy,
)
from druid_operator.pkg.meta import JSON


@attrs.frozen
class _Case:
    """Everything that the decision looks at."""

    desired: DesiredDocument
    observed: ObservedSupervisor
    memory: SupervisorMemory
    owner: Marker
    policy: SupervisorPolicy


def decide_supervisor(
    desired: DesiredDocument,
    observed: ObservedSupervisor,
    memory: SupervisorMemory,
    owner: Marker,
    policy: SupervisorPolicy,
) -> Decision:
    """``owner`` is our marker: the object's namespace, name, uid and the desired hash."""
    case = _Case(desired, observed, memory, owner, policy)
    if memory.supervisor_id and memory.supervisor_id != desired.supervisor_id:
        words = (
            f"supervisor {memory.supervisor_id} would be left running: "
            f"the datasource or id became {desired.supervisor_id}"
        )
        if not policy.recreate:
            return Decision("Refuse", "IdentityChangeRequiresRecreate", words)
        reason: Reason = "IdentityChanged"
        return Decision("Recreate", reason, words, target=memory.supervisor_id)
    live = observed.live
    if live is None:
        return _create(case)
    marker = read_marker(live)
    if marker is None:
        return _unmarked(case, live)
    if not marker.same_object_name(owner) or (marker.uid != owner.uid and observed.owner_exists):
        words = f"supervisor {desired.supervisor_id} belongs to {marker.namespace}/{marker.name}"
        return Decision("Conflict", "OwnedByAnother", words)
    return _owned(case, live, marker.spec_hash)


def document_to_submit(desired: DesiredDocument, owner: Marker) -> JSON:
    """What is sent: ``suspended`` always said, because absent means "resume"."""
    return with_marker({**desired.sendable, "suspended": desired.suspended}, owner)


def _create(case: _Case) -> Decision:
    refused = _refused_before(case)
    if refused is not None:
        return refused
    known = bool(case.memory.supervisor_id) or case.memory.go_submitted
    words = f"supervisor {case.desired.supervisor_id} does not exist"
    return Decision(
        "Create",
        "Terminated" if known else "NotCreated",
        f"{words} any more" if known else words,
        submit=document_to_submit(case.desired, case.owner),
    )


def _unmarked(case: _Case, live: JSON) -> Decision:
    """Made by hand, or by the Go operator, which leaves no marker."""
    memory, desired = case.memory, case.desired
    if memory.spec_hash:  # adopted before, in status only: adding a marker would restart tasks
        return _owned(case, live, memory.spec_hash)
    differences = differences_from(desired, live)
    baseline = baseline_of(desired, live)
    if case.policy.adoption == "Never" and not memory.go_submitted:
        words = f"supervisor {desired.supervisor_id} exists and was not made by this object"
        return Decision("Conflict", "PreExisting", words, None, differences)
    if not _counting(differences):
        words = "equivalent to the document"
        return Decision("Adopt", "Adopted", words, None, differences, baseline)
    if memory.go_submitted and same_as_go(desired.raw, memory.go_spec):
        # The user changed nothing since the Go operator; whatever else did is told, and the first
        # sight of a cluster that was taken over posts nothing.
        words = f"taken over as it is: {_shown(differences)}"
        return Decision("Adopt", "TakenOver", words, None, differences, baseline)
    if case.policy.adoption == "Always" or memory.go_submitted:
        return _update(case, live, "SpecChanged", differences)
    words = f"supervisor {desired.supervisor_id} exists and was not made by this object"
    shown = f"{words}: {_shown(differences)}"
    return Decision("Conflict", "PreExistingDiffers", shown, None, differences)


def _owned(case: _Case, live: JSON, applied_hash: str) -> Decision:
    memory, desired = case.memory, case.desired
    if applied_hash != desired.spec_hash:
        differences = differences_from(desired, live)
        return _update(case, live, "SpecChanged", differences)
    baseline = baseline_of(desired, live)
    # A baseline is worth something only for the document it was taken of.
    recorded = memory.live_baseline if memory.spec_hash == applied_hash else ""
    if recorded == baseline and not memory.secrets_changed:
        return _unchanged(case, live, baseline)
    differences = differences_from(desired, live)
    if memory.secrets_changed:
        if _counting(differences):
            return _update(case, live, "SecretChanged", differences)
        recorded = ""
    upgraded = memory.druid_version != case.observed.druid_version
    if (not recorded or upgraded) and not _counting(differences):
        switch = _switch(desired, live, baseline)
        if switch.writes:
            return switch
        why: Reason = "DruidVersionChanged" if recorded else "BaselineRecorded"
        return Decision("Rebaseline", why, "", None, differences, baseline)
    return _drifted(case, live, differences)


def _unchanged(case: _Case, live: JSON, baseline: str) -> Decision:
    switch = _switch(case.desired, live, baseline)
    if switch.writes or read_marker(live) is not None:
        return switch
    # Adopted as it was: what it lacks is not ours to repair, and not ours to hide.
    differences = differences_from(case.desired, live)
    if not _counting(differences):
        return switch
    return Decision("Drift", "TakenOver", _shown(differences), None, differences, baseline)


def _drifted(case: _Case, live: JSON, differences: tuple[Difference, ...]) -> Decision:
    policy, memory = case.policy.drift, case.memory
    if policy == "Correct":
        return _update(case, live, "DriftCorrected", differences)
    switch = _switch(case.desired, live, memory.live_baseline)
    if switch.writes:  # suspension is declared on its own, whatever the spec says
        return switch
    if policy == "Ignore":
        return Decision("InSync", "DriftIgnored", live_baseline=memory.live_baseline)
    return Decision("Drift", "Drifted", _shown(differences), None, differences)


def _update(
    case: _Case, live: JSON, reason: Reason, differences: tuple[Difference, ...]
) -> Decision:
    was, now = stream_of(live), case.desired.stream
    same_type = case.desired.druid_type == live.get("type")
    if same_type and was != now:
        words = (
            f"reads {was}, wanted is {now}: Druid would apply the old offsets to the new stream "
            "and skip data. Suspend, reset and terminate the supervisor first, or consent to it"
        )
        if not case.policy.recreate:
            return Decision("Refuse", "StreamChangeRequiresRecreate", words, None, differences)
        target = case.desired.supervisor_id
        return Decision("Recreate", "StreamChanged", words, target=target, reset=True)
    refused = _refused_before(case)
    if refused is not None:
        return refused
    submit = document_to_submit(case.desired, case.owner)
    return Decision("Update", reason, _shown(differences), submit, differences)


def _refused_before(case: _Case) -> Decision | None:
    """The same document to the same Druid gets the same answer."""
    memory = case.memory
    if memory.secrets_changed:
        return None
    same = bool(memory.rejected_hash) and memory.rejected_hash == case.desired.spec_hash
    if same and memory.rejected_version == case.observed.druid_version:
        return Decision("Refuse", "SpecRejected", memory.rejected_message)
    return None


def _switch(desired: DesiredDocument, live: Mapping[str, Any], baseline: str) -> Decision:
    if (live.get("suspended") is True) == desired.suspended:
        return Decision("InSync", "InSync", live_baseline=baseline)
    if desired.suspended:
        return Decision("Suspend", "SuspendRequested", live_baseline=baseline)
    return Decision("Resume", "ResumeRequested", live_baseline=baseline)


def _counting(differences: tuple[Difference, ...]) -> bool:
    return any(d.counts for d in differences)


def _shown(differences: tuple[Difference, ...]) -> str:
    """The first few, for a condition."""
    counting = [str(d) for d in differences if d.counts]
    more = len(counting) - 5
    return "; ".join(counting[:5]) + (f"; and {more} more" if more > 0 else "")
