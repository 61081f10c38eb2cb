"""How far a rollout may go, and what Deployments note on their ReplicaSets."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import attrs

from druid_operator.pkg.envtest.dataplane.intstr import scaled
from druid_operator.pkg.meta import JSON

HASH_LABEL = "pod-template-hash"
REVISION = "deployment.kubernetes.io/revision"
DESIRED = "deployment.kubernetes.io/desired-replicas"
MAXIMUM = "deployment.kubernetes.io/max-replicas"
# apps/v1's default for maxSurge and maxUnavailable.
DEFAULT_SHARE = "25%"


@attrs.frozen
class Limits:
    """How many pods there may be beyond ``replicas``, and how many may be missing."""

    replicas: int
    surge: int
    unavailable: int

    @classmethod
    def of(cls, deployment: JSON) -> Limits:
        spec = deployment["spec"]
        replicas = int(spec.get("replicas", 1))
        strategy = spec.get("strategy") or {}
        if strategy.get("type") == "Recreate":
            return cls(replicas, 0, 0)
        rolling = strategy.get("rollingUpdate") or {}
        surge = scaled(rolling.get("maxSurge", DEFAULT_SHARE), replicas, round_up=True)
        missing = scaled(rolling.get("maxUnavailable", DEFAULT_SHARE), replicas, round_up=False)
        if surge == 0 and missing == 0:
            missing = 1  # both rounded to nothing: a rollout could not move
        return cls(replicas, surge, min(missing, replicas))

    @property
    def maximum(self) -> int:
        return self.replicas + self.surge

    @property
    def min_available(self) -> int:
        return self.replicas - self.unavailable

    def shares(self, replicasets: Sequence[JSON]) -> list[tuple[JSON, int]]:
        """Share the pods that may be there out among ReplicaSets, in proportion to their sizes.

        What rounding leaves over goes to the largest; among equals to the newest when there is
        something to add, to the oldest when there is something to take.
        """
        sizes = [replicas(rs) for rs in replicasets]
        change = (self.maximum if self.replicas else 0) - sum(sizes)
        ordered = sorted(replicasets, key=age, reverse=change > 0)
        ordered.sort(key=replicas, reverse=True)
        shares: list[tuple[JSON, int]] = []
        left = change
        for rs in ordered:
            noted = annotation(rs, MAXIMUM)
            before = int(noted) if noted else sum(sizes)
            share = round(replicas(rs) * self.maximum / before) - replicas(rs)
            share = min(share, left) if change > 0 else max(share, left)
            left -= share
            shares.append((rs, replicas(rs) + share))
        largest, size = shares[0]
        shares[0] = (largest, max(0, size + left))
        return shares


def annotation(rs: JSON, name: str) -> str:
    return str((rs["metadata"].get("annotations") or {}).get(name, ""))


def number(rs: JSON) -> int:
    """Its revision; 0 when it has none."""
    return int(annotation(rs, REVISION) or 0)


def replicas(rs: JSON) -> int:
    """How many are wanted."""
    return int(rs["spec"].get("replicas", 1))


def available(rs: JSON) -> int:
    return int((rs.get("status") or {}).get("availableReplicas", 0))


def existing(rs: JSON) -> int:
    return int((rs.get("status") or {}).get("replicas", 0))


def age(rs: JSON) -> tuple[str, int]:
    """Sorts the oldest first; the revision decides within one second."""
    return (rs["metadata"].get("creationTimestamp") or "9999", number(rs))


def template_of(rs: JSON) -> JSON:
    """The template without the hash label: what the Deployment's is compared with."""
    template = copy.deepcopy(rs["spec"]["template"])
    labels = (template.get("metadata") or {}).get("labels") or {}
    labels.pop(HASH_LABEL, None)
    return dict(template)
