"""What a Lease says, and what a candidate may do about it. Pure: moments are arguments.

Only durations on our own monotonic clock decide. Times that others wrote into the Lease are shown
to people and never compared, so a wrong wall clock neither loses nor steals a lease.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime
from typing import TypeAlias

import attrs

from druid_operator.pkg.clock import rfc3339_micro
from druid_operator.pkg.leaderelection.options import LeaderElectionOptions
from druid_operator.pkg.meta import JSON
from druid_operator.pkg.scheme.builtin import LEASE


@attrs.frozen
class Record:
    """The ``spec`` of a Lease, as far as an election goes; an absent field is Go's zero value."""

    holder: str = ""
    duration: int = 0
    acquired: str = ""
    renewed: str = ""
    transitions: int = 0

    @classmethod
    def of(cls, lease: JSON) -> Record:
        spec = lease.get("spec") or {}
        return cls(
            holder=spec.get("holderIdentity") or "",
            duration=spec.get("leaseDurationSeconds") or 0,
            acquired=spec.get("acquireTime") or "",
            renewed=spec.get("renewTime") or "",
            transitions=spec.get("leaseTransitions") or 0,
        )


@attrs.frozen
class Seen:
    """A Lease, and when we first saw it in this state (monotonic seconds)."""

    lease: JSON
    record: Record
    at: float

    @property
    def lapses_at(self) -> float:
        return self.at + self.record.duration


@attrs.frozen
class Held:
    """Somebody else leads; not to be tried before ``until``."""

    holder: str
    until: float


@attrs.frozen
class Free:
    """Nobody leads, or we do: we may write ourselves into the Lease."""


Verdict: TypeAlias = Held | Free


def see(lease: JSON, before: Seen | None, now: float) -> Seen:
    """Take note of a Lease that was read. Its clock restarts only when the record has changed."""
    record = Record.of(lease)
    unchanged = before is not None and before.record == record
    return Seen(lease, record, before.at if before and unchanged else now)


def decide_claim(seen: Seen, identity: str, now: float) -> Verdict:
    """May ``identity`` write itself into the Lease?"""
    holder = seen.record.holder
    if holder in ("", identity) or now >= seen.lapses_at:
        return Free()
    return Held(holder, seen.lapses_at)


def build_claim(before: Seen | None, options: LeaderElectionOptions, now: datetime) -> JSON:
    """The Lease that makes us its holder: taken, or renewed when we are that already.

    What we do not know of in an existing Lease stays in it.
    """
    moment = rfc3339_micro(now)
    spec: JSON = {
        "holderIdentity": options.identity,
        # Rounded up: the others must not wait less than we rely on.
        "leaseDurationSeconds": math.ceil(options.lease_duration),
        "acquireTime": moment,
        "renewTime": moment,
        "leaseTransitions": 0,
    }
    if before is None:
        return _new_lease(options, spec)
    if before.record.holder == options.identity:
        spec["acquireTime"] = before.record.acquired or moment
        spec["leaseTransitions"] = before.record.transitions
    else:
        spec["leaseTransitions"] = before.record.transitions + 1
    return _with_spec(before.lease, spec)


def build_release(before: Seen, now: datetime) -> JSON:
    """The Lease without a holder.

    The duration of one second is for candidates that go by the time and not by the holder.
    """
    moment = rfc3339_micro(now)
    return _with_spec(
        before.lease,
        {
            "holderIdentity": "",
            "leaseDurationSeconds": 1,
            "acquireTime": moment,
            "renewTime": moment,
            "leaseTransitions": before.record.transitions,
        },
    )


def _new_lease(options: LeaderElectionOptions, spec: JSON) -> JSON:
    metadata: JSON = {"name": options.name, "namespace": options.namespace}
    if options.labels:
        metadata["labels"] = dict(options.labels)
    return {
        "apiVersion": LEASE.api_version,
        "kind": LEASE.kind,
        "metadata": metadata,
        "spec": spec,
    }


def _with_spec(lease: JSON, changed: Mapping[str, object]) -> JSON:
    return {**lease, "spec": {**(lease.get("spec") or {}), **changed}}
