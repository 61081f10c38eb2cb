"""The rollout: what counts as a change on its way, and who waits for whom."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from druid_operator.internal.druid.rollout import (
    Group,
    Progress,
    changes_pods,
    decide_rollout,
    progress_of,
)
from druid_operator.pkg.apply import Action, ChildId, Difference, Reason, Verb
from druid_operator.pkg.meta import JSON, NamespacedName
from druid_operator.pkg.scheme.builtin import STATEFUL_SET

Make = Callable[..., JSON]

ON_DELETE = {"type": "OnDelete"}
PARTITION = {"type": "RollingUpdate", "rollingUpdate": {"partition": 2}}

SETS: dict[str, tuple[dict[str, Any], bool, str]] = {
    "complete": ({}, False, ""),
    "spec not seen yet": ({"generation": 3}, True, "its controller has not seen generation 3 yet"),
    "just created": (
        {"generation": 1, "observedGeneration": 0, "readyReplicas": 0}, False,
        "its controller has not seen generation 1 yet",
    ),
    "one pod replaced": (
        {"updateRevision": "c", "updatedReplicas": 1}, True, "1 of 3 pods are updated",
    ),
    "all replaced, last not ready": (
        {"updateRevision": "c", "updatedReplicas": 3, "readyReplicas": 2}, True,
        "3 of 3 pods are updated",
    ),
    "a pod fails later": ({"readyReplicas": 2}, False, "2 of 3 pods are ready"),
    "no pods wanted": ({"replicas": 0, "readyReplicas": 0, "updatedReplicas": 0}, False, ""),
    "on delete, old pods": (
        {"strategy": ON_DELETE, "updateRevision": "c", "updatedReplicas": 0}, False, "",
    ),
    "partition reached": (
        {"strategy": PARTITION, "updateRevision": "c", "updatedReplicas": 1}, False, "",
    ),
    "partition not reached": (
        {"strategy": PARTITION, "updateRevision": "c", "updatedReplicas": 0}, True,
        "0 of 1 pods are updated",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("fields", "rolling", "message"), SETS.values(), ids=SETS)
def test_progress_of_a_stateful_set(
    stateful_set: Make, fields: dict[str, Any], rolling: bool, message: str
) -> None:
    progress = progress_of(stateful_set(**fields))
    assert (progress.rolling, progress.message) == (rolling, message)


DEPLOYMENTS: dict[str, tuple[dict[str, Any], bool, str]] = {
    "complete": ({}, False, ""),
    "spec not seen yet": ({"generation": 3}, True, "its controller has not seen generation 3 yet"),
    "new pods are being made": (
        {"reason": "ReplicaSetUpdated", "updatedReplicas": 1}, True, "1 of 3 pods are updated",
    ),
    "old pods are going": (
        {"reason": "ReplicaSetUpdated", "replicas": 4}, True, "1 old pods are going",
    ),
    "new pods are not available yet": (
        {"reason": "ReplicaSetUpdated", "availableReplicas": 1}, True,
        "1 of 3 updated pods are available",
    ),
    "its first pods": (
        {"reason": "NewReplicaSetCreated", "revision": "1", "availableReplicas": 0}, False,
        "0 of 3 updated pods are available",
    ),
    "a pod fails later": (
        {"availableReplicas": 2, "readyReplicas": 2}, False, "2 of 3 updated pods are available",
    ),
    "deadline exceeded": (
        {"reason": "ProgressDeadlineExceeded"}, True, "the progress deadline is exceeded",
    ),
    "paused": ({"paused": True}, False, "the Deployment is paused"),
}  # fmt: skip


@pytest.mark.parametrize(("fields", "rolling", "message"), DEPLOYMENTS.values(), ids=DEPLOYMENTS)
def test_progress_of_a_deployment(
    deployment: Make, fields: dict[str, Any], rolling: bool, message: str
) -> None:
    """The condition that tells is found by its type, wherever it stands in the list."""
    progress = progress_of(deployment(**fields))
    assert (progress.rolling, progress.message) == (rolling, message)


def action(verb: Verb = Verb.APPLY, *paths: str) -> Action:
    found = tuple(Difference(path, 1, 2) for path in paths)
    id_ = ChildId(STATEFUL_SET, NamespacedName("data", "x"))
    return Action(verb, Reason.INTENT_CHANGED, id_, differences=found)


def group(key: str, *, change: bool = True, ready: int = 2, rolling: bool = False) -> Group:
    verb = Verb.APPLY if change else Verb.NOTHING
    progress = Progress(desired=2, ready=ready, updated=2, rolling=rolling)
    return Group(key=key, action=action(verb), progress=progress)


def new(key: str) -> Group:
    return Group(key=key, action=action(Verb.CREATE), progress=None)


DECISIONS: dict[str, tuple[list[Group], dict[str, str]]] = {
    "a change goes one group at a time": (
        [group("a"), group("b"), group("c")], {"b": "a", "c": "a"},
    ),
    "the next goes when the first has arrived": (
        [group("a", change=False), group("b"), group("c")], {"c": "b"},
    ),
    "an ongoing change is waited for": (
        [group("a", change=False, rolling=True), group("b")], {"b": "a"},
    ),
    "unready pods are not waited for": ([group("a", change=False, ready=1), group("b")], {}),
    "a later rollout holds nobody earlier": (
        [group("a"), group("b", change=False, rolling=True)], {},
    ),
    "what serves nobody is not held": ([group("a"), group("b", ready=0), group("c")], {"c": "a"}),
    "everything is created at once": ([new("a"), new("b"), new("c")], {}),
    "a new group holds nobody": ([new("a"), group("b")], {}),
    "a group whose rollout hangs can be changed again": ([group("a", rolling=True)], {}),
}  # fmt: skip


@pytest.mark.parametrize(("groups", "held"), DECISIONS.values(), ids=DECISIONS)
def test_who_waits_for_whom(groups: list[Group], held: dict[str, str]) -> None:
    assert decide_rollout(groups, ordered=True).held == held


def test_without_order_nobody_waits() -> None:
    assert decide_rollout([group("a"), group("b")], ordered=False).held == {}


@pytest.mark.parametrize(
    ("planned", "expected"),
    [
        (action(Verb.APPLY, "spec.template.spec.containers[name=druid].image"), True),
        (action(Verb.APPLY, "spec.replicas"), False),
        (action(Verb.APPLY), True),
        (action(Verb.PUT), True),
        (action(Verb.TAKE_OVER), False),
        (action(Verb.TAKE_OVER, "spec.template.metadata.labels.a"), True),
        (action(Verb.CREATE), False),
        (action(Verb.NOTHING), False),
    ],
)
def test_what_may_replace_pods(planned: Action, expected: bool) -> None:
    """A field that we stop sending shows no difference, so a change without any is one of pods."""
    assert changes_pods(planned) is expected
