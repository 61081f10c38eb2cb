"""Scheduler and kubelet in one: gives pods a node, lets them live, and lets them go.

Keeps in memory what pods' objects are too coarse to tell: since when each is in its present state.
"""

from __future__ import annotations

from typing import Any

import attrs

from druid_operator.pkg.envtest.dataplane import podfacts
from druid_operator.pkg.envtest.dataplane.claims import claims_used_by
from druid_operator.pkg.envtest.dataplane.cluster import Cluster
from druid_operator.pkg.envtest.dataplane.options import DataPlaneOptions
from druid_operator.pkg.envtest.dataplane.plan import Moment
from druid_operator.pkg.envtest.dataplane.podlife import (
    Fate,
    delay,
    fate_of,
    next_step,
    scheduled,
    unschedulable,
)
from druid_operator.pkg.envtest.world import node
from druid_operator.pkg.meta import JSON, NamespacedName
from druid_operator.pkg.scheme.builtin import PERSISTENT_VOLUME_CLAIM


@attrs.define
class Kubelet:
    """All nodes' kubelets.

    Args:
        since: by uid, when the pod entered its state; shared with the controllers, to which it
            tells since when a pod is Ready.
    """

    options: DataPlaneOptions
    since: dict[str, float]
    _states: dict[str, tuple[Any, ...]] = attrs.field(factory=dict)
    _addresses: dict[str, str] = attrs.field(factory=dict)
    _placed: int = 0
    _addressed: int = 1  # 10.0.0.1 is the network's own

    def observe(self, pod: JSON, now: float, *, gone: bool) -> None:
        """Note an event, at the time it happens."""
        uid = pod["metadata"]["uid"]
        if gone:
            for memory in (self.since, self._states, self._addresses):
                memory.pop(uid, None)
            return
        containers = pod.get("status", {}).get("containerStatuses") or ()
        state = (
            podfacts.terminating(pod),
            "nodeName" in pod["spec"],
            podfacts.phase(pod),
            podfacts.ready(pod),
            [c.get("restartCount") for c in containers],
        )
        if self._states.get(uid) != state:
            self._states[uid] = state
            self.since[uid] = now

    def sync(self, cluster: Cluster, pod: JSON, moment: Moment) -> float | None:
        """Do what is due for a pod; answers in how many simulated seconds something is due next."""
        age = moment.age(pod["metadata"]["uid"])
        if podfacts.terminating(pod):
            patience = delay(pod, "delete-after", self.options.delete_after)
            if age < patience:
                return patience - age
            cluster.remove(pod)
            return None
        if "nodeName" not in pod["spec"]:
            self._schedule(cluster, pod, moment)
            return None
        step = next_step(
            pod,
            self.options,
            wall=moment.wall,
            address=self._address(pod),
            awaiting_ready=self._awaiting_ready(pod),
        )
        if step is None:
            return None
        if age < step.after:
            return step.after - age
        cluster.write_status({**pod, "status": {**(pod.get("status") or {}), **step.status}})
        return None

    def _schedule(self, cluster: Cluster, pod: JSON, moment: Moment) -> None:
        namespace = pod["metadata"]["namespace"]
        for name in claims_used_by(pod):
            claim = cluster.get(PERSISTENT_VOLUME_CLAIM, NamespacedName(namespace, name))
            if claim is None:
                reason = f'persistentvolumeclaim "{name}" not found'
            elif (claim.get("status") or {}).get("phase") != "Bound":
                reason = f'persistentvolumeclaim "{name}" is not bound'
            else:
                continue
            message = f"0/{self.options.nodes} nodes are available: {reason}."
            status = unschedulable(pod, message, moment.wall)
            if _message(pod) != message:
                cluster.write_status({**pod, "status": {**(pod.get("status") or {}), **status}})
            return
        chosen = node(self._placed % self.options.nodes)
        self._placed += 1
        bound, status = scheduled(pod, chosen, moment.wall)
        stored = cluster.write(bound)
        if stored is not None:
            cluster.write_status({**stored, "status": status})

    def _address(self, pod: JSON) -> str:
        uid = pod["metadata"]["uid"]
        if uid not in self._addresses:
            self._addressed += 1
            self._addresses[uid] = f"10.0.{self._addressed // 256 % 256}.{self._addressed % 256}"
        return self._addresses[uid]

    def _awaiting_ready(self, pod: JSON) -> bool:
        """Not Ready because we said so when it started; somebody else gives another reason."""
        conditions = pod.get("status", {}).get("conditions") or ()
        waiting = [c for c in conditions if c["type"] == "Ready" and c["status"] == "False"]
        mine = bool(waiting) and waiting[0].get("reason") == "ContainersNotReady"
        return mine and fate_of(pod) is Fate.READY


def _message(pod: JSON) -> str:
    conditions = pod.get("status", {}).get("conditions") or ()
    found = [c for c in conditions if c["type"] == "PodScheduled"]
    return str(found[0].get("message", "")) if found else ""
