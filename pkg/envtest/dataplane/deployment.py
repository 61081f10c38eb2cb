"""The Deployment controller's decisions: which ReplicaSet has how many replicas.

It looks at ReplicaSets only, never at pods, except for ``Recreate``, which waits until the old
pods are gone. A change of ``replicas`` during a rollout is shared out in proportion.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from druid_operator.pkg.envtest.dataplane import podfacts
from druid_operator.pkg.envtest.dataplane.deployment_status import rollout_status
from druid_operator.pkg.envtest.dataplane.hashing import short_hash
from druid_operator.pkg.envtest.dataplane.intstr import scaled
from druid_operator.pkg.envtest.dataplane.plan import Moment, Plan, with_status
from druid_operator.pkg.meta import JSON, is_controlled_by

HASH_LABEL = "pod-template-hash"
REVISION = "deployment.kubernetes.io/revision"
DESIRED = "deployment.kubernetes.io/desired-replicas"
MAXIMUM = "deployment.kubernetes.io/max-replicas"
# apps/v1's defaults, for an object that was stored without them.
DEFAULT_SHARE = "25%"
HISTORY_LIMIT = 10
# kubectl's record of the last apply does not belong to the ReplicaSet.
NOT_COPIED = ("kubectl.kubernetes.io/last-applied-configuration", REVISION, DESIRED, MAXIMUM)


@attrs.frozen
class Limits:
    """How far a rollout may go from ``replicas``, as numbers."""

    replicas: int
    surge: int
    unavailable: int

    @classmethod
    def of(cls, deployment: JSON) -> Limits:
        spec = deployment["spec"]
        replicas = int(spec.get("replicas", 1))
        strategy = spec.get("strategy") or {}
        if strategy.get("type") == "Recreate" or replicas == 0:
            surge = 0 if strategy.get("type") == "Recreate" else _surge(strategy, replicas)
            return cls(replicas, surge, 0)
        rolling = strategy.get("rollingUpdate") or {}
        surge = _surge(strategy, replicas)
        share = rolling.get("maxUnavailable", DEFAULT_SHARE)
        unavailable = scaled(share, replicas, round_up=False)
        if surge == 0 and unavailable == 0:
            unavailable = 1  # both rounded to nothing: a rollout could not move
        return cls(replicas, surge, min(unavailable, replicas))

    @property
    def maximum(self) -> int:
        return self.replicas + self.surge

    @property
    def min_available(self) -> int:
        return self.replicas - self.unavailable


def plan_deployment(
    deployment: JSON, replicasets: Sequence[JSON], pods: Sequence[JSON], moment: Moment
) -> Plan:
    """One pass over a Deployment.

    Args:
        replicasets: those it controls, and orphans that its selector matches: they are adopted.
        pods: of those ReplicaSets.
        moment: ``since`` tells when the Deployment last made progress.
    """
    uid = deployment["metadata"]["uid"]
    owned = [
        copy.deepcopy(rs) if is_controlled_by(rs, uid) else podfacts.adopted(rs, deployment)
        for rs in replicasets
    ]
    work = _Work(deployment, owned, pods, Limits.of(deployment))
    before = {rs["metadata"]["uid"]: rs for rs in replicasets}
    if not podfacts.terminating(deployment):
        work.run()
    status, requeue = rollout_status(
        deployment,
        new=work.new,
        replicasets=work.all,
        min_available=work.limits.min_available,
        moment=moment,
    )
    numbered = work.new["metadata"]["annotations"].get(REVISION) if work.new else None
    metadata = deployment["metadata"]
    annotations = metadata.get("annotations") or {}
    written = with_status(deployment, status)
    if numbered and annotations.get(REVISION) != numbered:
        annotated = {**metadata, "annotations": {**annotations, REVISION: numbered}}
        written = {**deployment, "metadata": annotated, "status": status}
    return Plan(
        create=work.created,
        update=[rs for rs in owned if rs != before[rs["metadata"]["uid"]]],
        delete=work.deleted,
        status=written,
        requeue_after=requeue,
    )


@attrs.define
class _Work:
    """One pass; ReplicaSets are scaled in place, on copies."""

    deployment: JSON
    owned: list[JSON]
    pods: Sequence[JSON]
    limits: Limits
    created: list[JSON] = attrs.field(factory=list)
    deleted: list[JSON] = attrs.field(factory=list)

    @property
    def spec(self) -> Mapping[str, Any]:
        spec: Mapping[str, Any] = self.deployment["spec"]
        return spec

    @property
    def all(self) -> list[JSON]:
        return [*self.owned, *self.created]

    @property
    def new(self) -> JSON | None:
        """The ReplicaSet of the present template; the oldest, should there be several."""
        template = self.spec["template"]
        equal = [rs for rs in self.all if _template_of(rs) == template]
        return min(equal, key=_age, default=None)

    @property
    def old(self) -> list[JSON]:
        new = self.new
        return sorted((rs for rs in self.owned if rs is not new), key=_age)

    def run(self) -> None:
        recreate = (self.spec.get("strategy") or {}).get("type") == "Recreate"
        if self.spec.get("paused") or self._replicas_changed():
            self._scale_in_proportion()
        elif recreate:
            self._recreate()
        else:
            self._roll()
        if not self.spec.get("paused"):
            self._clean_up()

    def _replicas_changed(self) -> bool:
        wanted = str(self.limits.replicas)
        active = [rs for rs in self.owned if _replicas(rs)]
        noted = [(rs["metadata"].get("annotations") or {}).get(DESIRED) for rs in active]
        return any(note is not None and note != wanted for note in noted)

    def _roll(self) -> None:
        new = self._new_replicaset()
        missing = self.limits.replicas - _replicas(new)
        if missing < 0:
            self._scale(new, self.limits.replicas)
            return
        room = self.limits.maximum - sum(map(_replicas, self.all))
        if missing and room > 0 and not self.created:
            self._scale(new, _replicas(new) + min(missing, room))
            return
        self._scale_down_old(new)

    def _scale_down_old(self, new: JSON) -> None:
        """Old pods that are broken go first; healthy ones as far as availability allows."""
        broken_new = _replicas(new) - _available(new)
        room = sum(map(_replicas, self.all)) - self.limits.min_available - broken_new
        for rs in self.old:
            # A status may lag behind a scale-down and show more available than are wanted.
            gone = max(0, min(room, _replicas(rs) - _available(rs)))
            room -= gone
            if gone:
                self._scale(rs, _replicas(rs) - gone)
        spare = sum(map(_available, self.all)) - self.limits.min_available
        spare = min(spare, room)
        for rs in self.old:
            gone = max(0, min(spare, _replicas(rs)))
            spare -= gone
            if gone:
                self._scale(rs, _replicas(rs) - gone)

    def _recreate(self) -> None:
        active = [rs for rs in self.old if _replicas(rs)]
        for rs in active:
            self._scale(rs, 0)
        new_uid = self.new["metadata"].get("uid") if self.new else None
        left = [p for p in self.pods if not is_controlled_by(p, new_uid or "")]
        if not active and all(map(podfacts.ended, left)):
            new = self._new_replicaset()
            self._scale(new, self.limits.replicas)

    def _scale_in_proportion(self) -> None:
        new = self.new
        active = [rs for rs in self.all if _replicas(rs)]
        if len(active) <= 1:
            only = active[0] if active else new
            if only is not None:
                self._scale(only, self.limits.replicas)
            return
        if new and _replicas(new) == self.limits.replicas == _available(new):
            for rs in self.old:
                self._scale(rs, 0)
            return
        allowed = self.limits.maximum if self.limits.replicas else 0
        total = allowed - sum(map(_replicas, active))
        active.sort(key=lambda rs: (-_replicas(rs), _age(rs)), reverse=False)
        sizes, added = [], 0
        for rs in active:
            noted = (rs["metadata"].get("annotations") or {}).get(MAXIMUM)
            before = int(noted) if noted else sum(map(_replicas, active))
            share = round(_replicas(rs) * self.limits.maximum / before) - _replicas(rs)
            left = total - added
            share = min(share, left) if total > 0 else max(share, left)
            added += share
            sizes.append(_replicas(rs) + share)
        sizes[0] = max(0, sizes[0] + total - added)  # what rounding left over
        for rs, size in zip(active, sizes, strict=True):
            self._scale(rs, size)

    def _new_replicaset(self) -> JSON:
        """The ReplicaSet of the template, numbered as the newest; made if there is none."""
        number = str(max(map(_number, self.old), default=0) + 1)
        new = self.new
        if new is None:
            new = self._made()
            self.created.append(new)
            room = self.limits.maximum - sum(map(_replicas, self.owned))
            recreate = (self.spec.get("strategy") or {}).get("type") == "Recreate"
            size = self.limits.replicas if recreate else min(max(room, 0), self.limits.replicas)
            self._scale(new, size)
        annotations = new["metadata"].setdefault("annotations", {})
        if int(annotations.get(REVISION, 0)) < int(number):
            annotations[REVISION] = number
        min_ready = int(self.spec.get("minReadySeconds") or 0)
        if int(new["spec"].get("minReadySeconds") or 0) != min_ready:
            new["spec"]["minReadySeconds"] = min_ready
        return new

    def _made(self) -> JSON:
        metadata, template = self.deployment["metadata"], copy.deepcopy(self.spec["template"])
        collisions = self.deployment.get("status", {}).get("collisionCount")
        digest = short_hash(template, collisions)
        own = template.setdefault("metadata", {})
        own["labels"] = {**(own.get("labels") or {}), HASH_LABEL: digest}
        selector = copy.deepcopy(self.spec["selector"])
        selector["matchLabels"] = {**(selector.get("matchLabels") or {}), HASH_LABEL: digest}
        annotations = metadata.get("annotations") or {}
        return {
            "apiVersion": "apps/v1",
            "kind": "ReplicaSet",
            "metadata": {
                "name": f"{metadata['name']}-{digest}",
                "namespace": metadata["namespace"],
                "labels": dict(own["labels"]),
                "annotations": {k: v for k, v in annotations.items() if k not in NOT_COPIED},
                "ownerReferences": [podfacts.controlled_by(self.deployment)],
            },
            "spec": {"replicas": 0, "selector": selector, "template": template},
        }

    def _scale(self, rs: JSON, replicas: int) -> None:
        rs["spec"]["replicas"] = replicas
        annotations = rs["metadata"].setdefault("annotations", {})
        annotations |= {DESIRED: str(self.limits.replicas), MAXIMUM: str(self.limits.maximum)}

    def _clean_up(self) -> None:
        """Old ReplicaSets beyond the history limit, once the rollout is complete."""
        limit = int(self.spec.get("revisionHistoryLimit", HISTORY_LIMIT))
        new, idle = self.new, [rs for rs in self.old if not _replicas(rs) and not _observed(rs)]
        if new and _available(new) == self.limits.replicas and len(idle) > limit:
            self.deleted += idle[: len(idle) - limit]


def _surge(strategy: Mapping[str, Any], replicas: int) -> int:
    share = (strategy.get("rollingUpdate") or {}).get("maxSurge", DEFAULT_SHARE)
    return scaled(share, replicas, round_up=True)


def _template_of(rs: JSON) -> JSON:
    """The template without the hash label: what the Deployment's is compared with."""
    template = copy.deepcopy(rs["spec"]["template"])
    labels = (template.get("metadata") or {}).get("labels") or {}
    labels.pop(HASH_LABEL, None)
    return dict(template)


def _age(rs: JSON) -> tuple[str, int]:
    """Oldest first; the revision decides within one second."""
    return (rs["metadata"].get("creationTimestamp") or "9999", _number(rs))


def _number(rs: JSON) -> int:
    return int((rs["metadata"].get("annotations") or {}).get(REVISION, 0))


def _replicas(rs: JSON) -> int:
    return int(rs["spec"].get("replicas", 1))


def _available(rs: JSON) -> int:
    return int((rs.get("status") or {}).get("availableReplicas", 0))


def _observed(rs: JSON) -> int:
    return int((rs.get("status") or {}).get("replicas", 0))
