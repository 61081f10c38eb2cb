"""The order in which a change reaches the node groups of a cluster, and how far it has come.

A node group waits only while another one, earlier in the order, is taking a change of ours. It
never waits for pods that are merely unready: whoever repairs a coordinator that everybody else
waits for must not be made to wait for everybody else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from druid_operator.pkg.apply import Action, Verb
from druid_operator.pkg.meta import JSON, find_condition


@attrs.frozen(kw_only=True)
class Progress:
    """How far a workload is, as ``kubectl rollout status`` tells it.

    Args:
        desired, ready, updated: pods wanted, ready, and of the newest revision.
        rolling: a change is still on its way to the pods.
        message: what is waited for; empty when all pods are there, new and ready.
    """

    desired: int
    ready: int
    updated: int
    rolling: bool = False
    message: str = ""

    @property
    def complete(self) -> bool:
        return not self.message


def progress_of(workload: JSON) -> Progress:
    """Read a StatefulSet or Deployment. Source: ``kubectl``'s ``polymorphichelpers``."""
    spec, status = workload["spec"], workload.get("status") or {}
    desired: int = spec.get("replicas", 1)
    ready: int = status.get("readyReplicas", 0)
    updated: int = status.get("updatedReplicas", 0)
    generation = workload["metadata"].get("generation", 0)
    observed: int = status.get("observedGeneration", 0)
    if observed < generation:
        # The counts still speak of the spec before. At first there is none: nothing is replaced.
        rolling = observed > 0
        message = f"its controller has not seen generation {generation} yet"
    elif workload["kind"] == "Deployment":
        rolling, message = _deployment_rollout(spec, status, desired, updated)
        rolling = rolling and not _is_first_revision(workload)
    else:
        rolling, message = _stateful_set_rollout(spec, status, desired, updated)
    if not message and ready < desired:
        message = f"{ready} of {desired} pods are ready"
    return Progress(desired=desired, ready=ready, updated=updated, rolling=rolling, message=message)


def _stateful_set_rollout(spec: JSON, status: JSON, desired: int, updated: int) -> tuple[bool, str]:
    strategy = spec.get("updateStrategy") or {}
    if strategy.get("type") == "OnDelete":
        return False, ""  # pods change when somebody deletes them: nothing is on its way
    partition = (strategy.get("rollingUpdate") or {}).get("partition", 0)
    if partition > 0:
        # The revisions never meet: the pods below the partition keep the old one on purpose.
        due = max(desired - partition, 0)
        return (True, f"{updated} of {due} pods are updated") if updated < due else (False, "")
    if status.get("updateRevision") != status.get("currentRevision"):
        return True, f"{updated} of {desired} pods are updated"
    return False, ""


def _deployment_rollout(spec: JSON, status: JSON, desired: int, updated: int) -> tuple[bool, str]:
    if spec.get("paused"):
        return False, "the Deployment is paused"
    progressing = find_condition(status.get("conditions"), "Progressing") or {}
    if progressing.get("reason") == "ProgressDeadlineExceeded":
        return True, str(progressing.get("message") or "the progress deadline is exceeded")
    if updated < desired:
        return True, f"{updated} of {desired} pods are updated"
    old = status.get("replicas", 0) - updated
    if old > 0:
        return True, f"{old} old pods are going"
    available: int = status.get("availableReplicas", 0)
    if available < updated:
        # Once a rollout is complete this reason stands: pods that fail later are no rollout.
        rolling = progressing.get("reason") != "NewReplicaSetAvailable"
        return rolling, f"{available} of {updated} updated pods are available"
    return False, ""


def _is_first_revision(deployment: JSON) -> bool:
    """Its first pods are being made: there are none to be replaced."""
    annotations = deployment["metadata"].get("annotations") or {}
    return bool(annotations.get("deployment.kubernetes.io/revision") == "1")


@attrs.frozen(kw_only=True)
class Group:
    """One node group at the moment of the decision.

    Args:
        key: in ``spec.nodes``.
        action: planned for its workload.
        progress: of the live workload; ``None`` when there is none yet.
    """

    key: str
    action: Action
    progress: Progress | None


@attrs.frozen
class Rollout:
    """Args:
    held: node groups that stay as they are in this pass, each with the group it waits for.
    """

    held: Mapping[str, str] = attrs.field(factory=dict)


def decide_rollout(groups: Sequence[Group], *, ordered: bool) -> Rollout:
    """Choose the node groups that have to wait.

    Args:
        groups: in rollout order.
        ordered: ``spec.rollingDeploy``; false lets every change through at once.

    Guarantees: what does not exist is created at once, all in parallel. A group without a single
    ready pod is never held: waiting would protect nothing, and the change may be its repair.
    """
    held: dict[str, str] = {}
    ahead = ""
    for group in groups if ordered else ():
        if group.progress is None:
            continue
        changes = changes_pods(group.action)
        serves = group.progress.ready > 0
        if changes and ahead and serves:
            held[group.key] = ahead
        elif changes or group.progress.rolling:
            ahead = ahead or group.key
    return Rollout(held)


def changes_pods(action: Action) -> bool:
    """Whether carrying out the action may replace pods.

    A field that we stop sending shows no difference; such a change counts as one of the pods.
    """
    if action.verb not in (Verb.APPLY, Verb.PUT, Verb.TAKE_OVER):
        return False
    if any(_is_in_template(d.path) for d in action.differences):
        return True
    return not action.differences and action.verb is not Verb.TAKE_OVER


def _is_in_template(path: Any) -> bool:
    return str(path).startswith("spec.template")
