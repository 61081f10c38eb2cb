"""The StatefulSet controller's decisions, of Kubernetes 1.37.

Pods have an ordinal and are replaced in place. ``OrderedReady`` moves one pod at a time and stops
at the first that is not Ready; that includes a broken update that was reverted, whose broken pod
must be deleted by hand. ``Parallel`` moves all at once. A rolling update goes from the highest
ordinal down to the partition, within ``maxUnavailable``; since 1.37 ``Parallel`` first takes every
old pod that is unavailable anyway.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from druid_operator.pkg.envtest.dataplane import podfacts
from druid_operator.pkg.envtest.dataplane.claims import claim_volumes, claims_for
from druid_operator.pkg.envtest.dataplane.intstr import scaled
from druid_operator.pkg.envtest.dataplane.plan import Moment, Plan, with_status
from druid_operator.pkg.envtest.dataplane.revisions import (
    Revisions,
    expired,
    find_revisions,
    template_of,
)
from druid_operator.pkg.meta import JSON, is_controlled_by


def plan_statefulset(
    sts: JSON,
    pods: Sequence[JSON],
    history: Sequence[JSON],
    claims: Mapping[str, JSON],
    moment: Moment,
) -> Plan:
    """One pass over a set.

    Args:
        pods: those it controls, and orphans that its selector and name match: they are adopted.
        history: its controller revisions, and orphans with the template's labels.
        claims: the claims of the namespace, by name.
        moment: ``since`` tells when pods became Ready.
    """
    revisions = find_revisions(sts, history)
    uid = sts["metadata"]["uid"]
    orphans = [podfacts.adopted(p, sts) for p in pods if not is_controlled_by(p, uid)]
    work = _Work(sts, revisions, claims, moment, list(pods))
    if not podfacts.terminating(sts):
        work.run()
    waits = [
        work.min_ready - moment.age(p["metadata"]["uid"])
        for p in pods
        if podfacts.ready(p) and not podfacts.available(p, work.min_ready, moment)
    ]
    return Plan(
        create=[*revisions.create, *work.created],
        update=[*revisions.changed, *orphans],
        delete=[*work.deleted, *expired(sts, history, revisions, pods)],
        status=with_status(sts, work.status()),
        requeue_after=min(waits, default=None),
    )


@attrs.define
class _Work:
    """One pass: ``pods`` is the world it leads to, ``created`` and ``deleted`` the way there."""

    sts: JSON
    revisions: Revisions
    claims: Mapping[str, JSON]
    moment: Moment
    pods: list[JSON]
    created: list[JSON] = attrs.field(factory=list)
    deleted: list[JSON] = attrs.field(factory=list)

    @property
    def spec(self) -> Mapping[str, Any]:
        spec: Mapping[str, Any] = self.sts["spec"]
        return spec

    @property
    def min_ready(self) -> int:
        return int(self.spec.get("minReadySeconds") or 0)

    @property
    def ordered(self) -> bool:
        return bool(self.spec.get("podManagementPolicy", "OrderedReady") == "OrderedReady")

    @property
    def replicas(self) -> int:
        return int(self.spec.get("replicas", 1))

    @property
    def start(self) -> int:
        return int((self.spec.get("ordinals") or {}).get("start", 0))

    @property
    def rolling(self) -> Mapping[str, Any]:
        return (self.spec.get("updateStrategy") or {}).get("rollingUpdate") or {}

    @property
    def _partition(self) -> int:
        """The first ordinal that a rolling update may touch."""
        return self.start + int(self.rolling.get("partition", 0))

    def run(self) -> None:
        """Scaling comes before updating: nothing is rolled while a replica is missing."""
        wanted = range(self.start, self.start + self.replicas)
        by_ordinal = {podfacts.ordinal(p): p for p in self.pods}
        beyond = sorted((n for n in by_ordinal if n >= 0 and n not in wanted), reverse=True)
        condemned = [by_ordinal[n] for n in beyond]
        living = [by_ordinal[i] for i in wanted if i in by_ordinal]
        first_broken = next(filter(self._unavailable, [*living, *reversed(condemned)]), None)
        for number in wanted:
            if self._keep(number, by_ordinal.get(number)) and self.ordered:
                return
        for pod in condemned:
            if self._scale_down(pod, first_broken) and self.ordered:
                return
        strategy = (self.spec.get("updateStrategy") or {}).get("type", "RollingUpdate")
        if strategy == "RollingUpdate" and not self.created:
            self._roll(living)

    def _keep(self, number: int, pod: JSON | None) -> bool:
        """See to one replica; true when an ordered set must stop here."""
        if pod is not None and podfacts.ended(pod):
            if not podfacts.terminating(pod):
                self.deleted.append(pod)
            return True
        if pod is None:
            claims = claims_for(self.sts, number)
            if any(podfacts.terminating(c) for c in self._existing(claims)):
                return True  # the old claim must be gone before its name can be claimed again
            self.created += self._missing(claims)
            self.created.append(self._pod(number))
            self.pods.append(self.created[-1])
            return True
        if podfacts.phase(pod) == "Pending":
            self.created += self._missing(claims_for(self.sts, number))
        return self._unavailable(pod)

    def _scale_down(self, pod: JSON, first_broken: JSON | None) -> bool:
        """See to one pod too many; true when an ordered set must stop here."""
        if podfacts.terminating(pod):
            return True
        if self.ordered and self._unavailable(pod) and pod is not first_broken:
            return True
        self.deleted.append(pod)
        return True

    def _roll(self, living: Sequence[JSON]) -> None:
        missing = self.replicas - len(living)
        unavailable = missing + sum(map(self._unavailable, living))
        budget = scaled(self.rolling.get("maxUnavailable", 1), self.replicas, round_up=False)
        budget = max(budget, 1) - unavailable
        old = [
            pod
            for pod in reversed(living)
            if podfacts.ordinal(pod) >= self._partition
            and podfacts.revision(pod) != self._name("update")
            and not podfacts.terminating(pod)
        ]
        if not self.ordered:
            broken = [pod for pod in old if self._unavailable(pod)]
            if budget > 0 or broken:
                self.deleted += broken
            old = [pod for pod in old if not self._unavailable(pod)]
        self.deleted += old[: max(budget, 0)]

    def status(self) -> JSON:
        """The fields that the real controller stores; three of its counters leave out a zero."""
        living = [p for p in self.pods if not podfacts.terminating(p)]
        available = sum(podfacts.available(p, self.min_ready, self.moment) for p in self.pods)
        gone = {p["metadata"]["uid"] for p in self.deleted if "uid" in p["metadata"]}

        def at(which: str) -> int:
            kept = (p for p in living if p["metadata"].get("uid") not in gone)
            return sum(podfacts.revision(p) == self._name(which) for p in kept)

        counts = {
            "readyReplicas": sum(map(podfacts.ready, self.pods)),
            "currentReplicas": at("current"),
            "updatedReplicas": at("update"),
        }
        current, replicas = self._name("current"), len(self.pods)
        if counts["updatedReplicas"] == counts["readyReplicas"] == replicas == self.replicas:
            current, counts["currentReplicas"] = self._name("update"), replicas
        before = self.sts.get("status") or {}
        return {
            "observedGeneration": self.sts["metadata"].get("generation", 1),
            "replicas": replicas,
            **{name: count for name, count in counts.items() if count},
            "currentRevision": current,
            "updateRevision": self._name("update"),
            "collisionCount": before.get("collisionCount", 0),
            "availableReplicas": available,
        }

    def _pod(self, number: int) -> JSON:
        """Below the partition a pod is made from the current revision, else from the new one."""
        which = "current" if number < self._partition else "update"
        source: JSON = getattr(self.revisions, which)
        pod = podfacts.pod_from_template(template_of(source), self.sts)
        metadata, name = pod["metadata"], f"{self.sts['metadata']['name']}-{number}"
        metadata["name"] = name
        metadata["labels"] = {
            **(metadata.get("labels") or {}),
            "apps.kubernetes.io/pod-index": str(number),
            "statefulset.kubernetes.io/pod-name": name,
            podfacts.REVISION_LABEL: source["metadata"]["name"],
        }
        claimed = claim_volumes(self.sts, number)
        names = {volume["name"] for volume in claimed}
        others = [v for v in pod["spec"].get("volumes") or () if v["name"] not in names]
        pod["spec"]["hostname"] = name
        if self.spec.get("serviceName"):
            pod["spec"]["subdomain"] = self.spec["serviceName"]
        if claimed or others:
            pod["spec"]["volumes"] = [*claimed, *others]
        return pod

    def _name(self, which: str) -> str:
        return str(getattr(self.revisions, which)["metadata"]["name"])

    def _unavailable(self, pod: JSON) -> bool:
        return podfacts.terminating(pod) or not podfacts.available(pod, self.min_ready, self.moment)

    def _existing(self, wanted: Sequence[JSON]) -> list[JSON]:
        names = [c["metadata"]["name"] for c in wanted]
        return [self.claims[name] for name in names if name in self.claims]

    def _missing(self, wanted: Sequence[JSON]) -> list[JSON]:
        return [c for c in wanted if c["metadata"]["name"] not in self.claims]
