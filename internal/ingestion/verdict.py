"""The terms of the decision about a supervisor: what it is made from, and what it can be."""

from __future__ import annotations

from typing import Literal

import attrs

from druid_operator.internal.ingestion.subset import Difference
from druid_operator.pkg.meta import JSON

Action = Literal[
    "Create",      # POST: there is none
    "Update",      # POST: the user changed the document, or a drift is corrected
    "Recreate",    # suspend, reset (if `reset`) and terminate `target`; a later pass creates
    "Suspend",     # POST .../suspend
    "Resume",      # POST .../resume
    "InSync",      # nothing
    "Rebaseline",  # nothing to Druid: what it makes of the document is recorded anew
    "Adopt",       # nothing to Druid: the supervisor is ours from now on, in our status
    "Drift",       # nothing: somebody changed it, and the policy says to leave it
    "Conflict",    # nothing: it is another object's
    "Refuse",      # nothing: what was asked would lose data, or was refused already
]  # fmt: skip

#: Why, in the words of conditions and events.
Reason = Literal[
    "NotCreated", "Terminated", "SpecChanged", "DriftCorrected", "SuspendRequested",
    "ResumeRequested", "InSync", "BaselineRecorded", "DruidVersionChanged", "Adopted",
    "TakenOver", "DriftIgnored", "Drifted", "OwnedByAnother", "PreExisting", "PreExistingDiffers",
    "StreamChangeRequiresRecreate", "IdentityChangeRequiresRecreate", "SpecRejected",
    "StreamChanged", "IdentityChanged", "SecretChanged",
]  # fmt: skip

AdoptionPolicy = Literal["IfEquivalent", "Always", "Never"]
DriftPolicy = Literal["Correct", "Warn", "Ignore"]


@attrs.frozen
class SupervisorPolicy:
    """What the user allows.

    Attributes:
        recreate: an explicit consent to a change of stream or identity, for this generation.
    """

    adoption: AdoptionPolicy = "IfEquivalent"
    drift: DriftPolicy = "Correct"
    recreate: bool = False


@attrs.frozen
class SupervisorMemory:
    """What our status remembers.

    Attributes:
        supervisor_id: the id that Druid answered last, empty before the first time.
        spec_hash: of the document that Druid took last, or that was adopted.
        live_baseline: hash of what Druid made of it, empty if not recorded.
        druid_version: the version under which the baseline was taken.
        rejected_hash: of a document that Druid refused, for ``rejected_version`` of Druid.
        go_spec: ``currentIngestionSpec.json``, as the Go operator left it.
        go_submitted: its status has an id.
        secrets_changed: a Secret that the document names is not the one that it was sent with.
    """

    supervisor_id: str = ""
    spec_hash: str = ""
    live_baseline: str = ""
    druid_version: str = ""
    rejected_hash: str = ""
    rejected_version: str = ""
    rejected_message: str = ""
    go_spec: str = ""
    go_submitted: bool = False
    secrets_changed: bool = False


@attrs.frozen
class ObservedSupervisor:
    """What was read.

    Attributes:
        live: the stored spec; ``None``: the leader has no such supervisor.
        druid_version: of the leader.
        owner_exists: whether an object with the uid in the marker still exists, asked only when
            the marker names our namespace and name with another uid.
    """

    live: JSON | None = attrs.field(repr=False)
    druid_version: str = ""
    owner_exists: bool = False


@attrs.frozen
class Decision:
    """The verdict.

    Attributes:
        submit: the whole document to POST, for Create and Update.
        differences: what made the difference, for people; secrets are replaced already.
        live_baseline: what to record, for everything that leaves Druid's document in place.
        target: for Recreate, the supervisor that has to go first.
        reset: its offsets are of another stream and must be forgotten.
    """

    action: Action
    reason: Reason
    message: str = ""
    submit: JSON | None = attrs.field(default=None, repr=False)
    differences: tuple[Difference, ...] = ()
    live_baseline: str = ""
    target: str = ""
    reset: bool = False

    @property
    def writes(self) -> bool:
        return self.action in ("Create", "Update", "Recreate", "Suspend", "Resume")
