"""The user's policies in the terms of the decisions, and the defaults of what is not said. Pure."""

from __future__ import annotations

from typing import cast

import attrs

from druid_operator.api.v1alpha1.druidingestion_types import DruidIngestionSpec
from druid_operator.internal.ingestion import runs
from druid_operator.internal.ingestion.deletion import DeletionPolicy
from druid_operator.internal.ingestion.verdict import AdoptionPolicy, DriftPolicy, SupervisorPolicy
from druid_operator.pkg.meta import JSON


@attrs.frozen
class Policies:
    """Of one object."""

    adoption: AdoptionPolicy = "IfEquivalent"
    drift: DriftPolicy = "Correct"
    run: runs.RunPolicy = attrs.field(factory=runs.RunPolicy)

    def of_supervisor(self, *, recreate: bool) -> SupervisorPolicy:
        return SupervisorPolicy(self.adoption, self.drift, recreate)


def read_policies(spec: DruidIngestionSpec) -> Policies:
    default = Policies()
    return Policies(
        adoption=cast("AdoptionPolicy", spec.adoption_policy or default.adoption),
        drift=cast("DriftPolicy", spec.drift_policy or default.drift),
        run=_run_policy(spec),
    )


def _run_policy(spec: DruidIngestionSpec) -> runs.RunPolicy:
    given, default = spec.run_policy, runs.RunPolicy()
    again = spec.requests.run_again if spec.requests else None
    request = again.id if again else ""
    if given is None:
        return attrs.evolve(default, request=request)
    return runs.RunPolicy(
        policy=cast("runs.RunPolicyName", given.policy or default.policy),
        backoff_limit=given.backoff_limit or 0,
        allow_append=bool(given.allow_append),
        request=request,
        deadline=float(given.active_deadline_seconds or 0),
        history=given.history_limit or runs.HISTORY,
    )


def deletion_policy(ingestion: JSON) -> DeletionPolicy:
    """Read from the stored object: one that cannot be decoded must be deletable, too."""
    given = (ingestion.get("spec") or {}).get("deletionPolicy")
    return cast("DeletionPolicy", given) if given in ("Suspend", "Orphan") else "Terminate"
