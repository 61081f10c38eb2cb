"""The Deployment controller's decisions: which ReplicaSet has how many replicas.

It looks at ReplicaSets only, never at pods, except for ``Recreate``, which waits until the old
pods are gone. A change of ``replicas`` during a rollout is shared out in proportion.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from druid_operator.pkg.envtest.dataplane import podfacts, rollout
from druid_operator.pkg.envtest.dataplane.deployment_status import made_progress, rollout_status
from druid_operator.pkg.envtest.dataplane.hashing import short_hash
from druid_operator.pkg.envtest.dataplane.plan import Moment, Plan, with_status
from druid_operator.pkg.envtest.dataplane.rollout import Limits
from druid_operator.pkg.meta import JSON, is_controlled_by

# apps/v1's default for spec.revisionHistoryLimit.
HISTORY_LIMIT = 10
# kubectl's record of the last apply does not belong to the ReplicaSet.
NOT_COPIED = (
    "kubectl.kubernetes.io/last-applied-configuration",
    rollout.REVISION,
    rollout.DESIRED,
    rollout.MAXIMUM,
)


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
        rs if is_controlled_by(rs, uid) else podfacts.adopted(rs, deployment)
        for rs in copy.deepcopy(list(replicasets))
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
    numbered = work.new["metadata"]["annotations"].get(rollout.REVISION) if work.new else None
    metadata = deployment["metadata"]
    annotations = metadata.get("annotations") or {}
    written = with_status(deployment, status)
    if numbered and annotations.get(rollout.REVISION) != numbered:
        annotated = {**metadata, "annotations": {**annotations, rollout.REVISION: numbered}}
        written = {**deployment, "metadata": annotated, "status": status}
    return Plan(
        create=work.created,
        update=[rs for rs in owned if rs != before[rs["metadata"]["uid"]]],
        delete=work.deleted,
        status=written,
        progressed=made_progress(deployment.get("status") or {}, status),
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
        equal = [rs for rs in self.all if rollout.template_of(rs) == template]
        return min(equal, key=rollout.age, default=None)

    @property
    def old(self) -> list[JSON]:
        new = self.new
        return sorted((rs for rs in self.owned if rs is not new), key=rollout.age)

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
        active = [rs for rs in self.owned if rollout.replicas(rs)]
        return any(rollout.annotation(rs, rollout.DESIRED) not in ("", wanted) for rs in active)

    def _roll(self) -> None:
        new = self._new_replicaset()
        missing = self.limits.replicas - rollout.replicas(new)
        if missing < 0:
            self._scale(new, self.limits.replicas)
            return
        room = self.limits.maximum - sum(map(rollout.replicas, self.all))
        if missing and room > 0 and not self.created:
            self._scale(new, rollout.replicas(new) + min(missing, room))
            return
        self._scale_down_old(new)

    def _scale_down_old(self, new: JSON) -> None:
        """Old pods that are broken go first; healthy ones as far as availability allows."""
        broken_new = rollout.replicas(new) - rollout.available(new)
        room = sum(map(rollout.replicas, self.all)) - self.limits.min_available - broken_new
        for rs in self.old:
            # A status may lag behind a scale-down and show more available than are wanted.
            gone = max(0, min(room, rollout.replicas(rs) - rollout.available(rs)))
            room -= gone
            if gone:
                self._scale(rs, rollout.replicas(rs) - gone)
        spare = sum(map(rollout.available, self.all)) - self.limits.min_available
        spare = min(spare, room)
        for rs in self.old:
            gone = max(0, min(spare, rollout.replicas(rs)))
            spare -= gone
            if gone:
                self._scale(rs, rollout.replicas(rs) - gone)

    def _recreate(self) -> None:
        active = [rs for rs in self.old if rollout.replicas(rs)]
        for rs in active:
            self._scale(rs, 0)
        new_uid = self.new["metadata"].get("uid") if self.new else None
        left = [p for p in self.pods if not is_controlled_by(p, new_uid or "")]
        if not active and all(map(podfacts.ended, left)):
            new = self._new_replicaset()
            self._scale(new, self.limits.replicas)

    def _scale_in_proportion(self) -> None:
        """``replicas`` changed, perhaps in the middle of a rollout."""
        new = self.new
        active = [rs for rs in self.all if rollout.replicas(rs)]
        if len(active) <= 1:
            only = active[0] if active else new
            if only is not None:
                self._scale(only, self.limits.replicas)
            return
        if new and rollout.replicas(new) == self.limits.replicas == rollout.available(new):
            for rs in self.old:
                self._scale(rs, 0)
            return
        for rs, size in self.limits.shares(active):
            self._scale(rs, size)

    def _new_replicaset(self) -> JSON:
        """The ReplicaSet of the template, numbered as the newest; made if there is none."""
        number = str(max(map(rollout.number, self.old), default=0) + 1)
        new = self.new
        if new is None:
            new = self._made()
            self.created.append(new)
            room = self.limits.maximum - sum(map(rollout.replicas, self.owned))
            recreate = (self.spec.get("strategy") or {}).get("type") == "Recreate"
            size = self.limits.replicas if recreate else min(max(room, 0), self.limits.replicas)
            self._scale(new, size)
        annotations = new["metadata"].setdefault("annotations", {})
        if int(annotations.get(rollout.REVISION, 0)) < int(number):
            annotations[rollout.REVISION] = number
        min_ready = int(self.spec.get("minReadySeconds") or 0)
        if int(new["spec"].get("minReadySeconds") or 0) != min_ready:
            new["spec"]["minReadySeconds"] = min_ready
        return new

    def _made(self) -> JSON:
        metadata, template = self.deployment["metadata"], copy.deepcopy(self.spec["template"])
        collisions = self.deployment.get("status", {}).get("collisionCount")
        digest = short_hash(template, collisions)
        own = template.setdefault("metadata", {})
        own["labels"] = {**(own.get("labels") or {}), rollout.HASH_LABEL: digest}
        selector = copy.deepcopy(self.spec["selector"])
        selector["matchLabels"] = {
            **(selector.get("matchLabels") or {}),
            rollout.HASH_LABEL: digest,
        }
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
        annotations |= {
            rollout.DESIRED: str(self.limits.replicas),
            rollout.MAXIMUM: str(self.limits.maximum),
        }

    def _clean_up(self) -> None:
        """Old ReplicaSets beyond the history limit, once the rollout is complete."""
        limit = int(self.spec.get("revisionHistoryLimit", HISTORY_LIMIT))
        new, idle = (
            self.new,
            [rs for rs in self.old if not rollout.replicas(rs) and not rollout.existing(rs)],
        )
        if new and rollout.available(new) == self.limits.replicas and len(idle) > limit:
            self.deleted += idle[: len(idle) - limit]
