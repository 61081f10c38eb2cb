"""The status: what a reader, kstatus and the Go operator's users conclude from one pass."""

from __future__ import annotations

from typing import Any

import pytest

from druid_operator.internal.controller.druid.components import Component
from druid_operator.internal.controller.druid.events import transition, waiting_events
from druid_operator.internal.controller.druid.reasons import ConditionReason
from druid_operator.internal.controller.druid.status import (
    Facts,
    Failure,
    build_status,
    deleting_status,
    paused_status,
)
from druid_operator.internal.controller.reporting import status_patch
from druid_operator.internal.druid.rollout import Progress
from druid_operator.pkg.apply import ChildId
from druid_operator.pkg.meta import JSON, NamespacedName, kstatus
from druid_operator.pkg.meta.conditions import find_condition
from druid_operator.pkg.scheme.builtin import CONFIG_MAP, PERSISTENT_VOLUME_CLAIM, STATEFUL_SET

EARLIER, NOW = "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"


def id_of(name: str, resource: Any = STATEFUL_SET) -> ChildId:
    return ChildId(resource, NamespacedName("data", name))


def component(
    key: str, *, ready: int = 2, desired: int = 2, rolling: bool = False, waits_for: str = ""
) -> Component:
    message = "" if ready == desired and not rolling else f"{ready} of {desired} pods are ready"
    progress = Progress(
        desired=desired, ready=ready, updated=ready, rolling=rolling, message=message
    )
    return Component(
        key=key, node_type="broker", id=id_of(f"druid-tiny-{key}"), progress=progress,
        waits_for=waits_for,
    )  # fmt: skip


MISSING = Component(key="c", node_type="broker", id=id_of("druid-tiny-c"))


def druid(status: JSON | None = None, *, generation: int = 3) -> JSON:
    return {
        "metadata": {"name": "tiny", "namespace": "data", "generation": generation},
        "status": status,
    }


def after(*components: Component, failure: Failure | None = None, **facts: Any) -> Facts:
    return Facts(components=components, failure=failure, **facts)


READY_BEFORE = build_status(druid(), after(component("a")), now=EARLIER)

SUMMARIES: dict[str, tuple[JSON | None, Facts, str, str]] = {
    "all ready": (None, after(component("a"), component("b")), "ComponentsReady", "Current"),
    "nothing wanted": (
        None, after(component("a", ready=0, desired=0)), "ComponentsReady", "Current",
    ),
    "first pods": (None, after(component("a", ready=0)), "Creating", "InProgress"),
    "a new node group": (READY_BEFORE, after(component("a"), MISSING), "Creating", "InProgress"),
    "rolling": (
        READY_BEFORE, after(component("a", ready=1, rolling=True)), "RollingOut", "InProgress",
    ),
    "waiting for its turn": (
        READY_BEFORE, after(component("a"), component("b", waits_for="a")), "RollingOut",
        "InProgress",
    ),
    "pods fail later": (
        READY_BEFORE, after(component("a", ready=0)), "ComponentsNotReady", "InProgress",
    ),
    "a child refused": (
        READY_BEFORE,
        after(component("a"), failure=Failure(ConditionReason.CHILD_REFUSED, "x", stalled=True)),
        "ChildRefused", "Failed",
    ),
    "the server is away": (
        READY_BEFORE,
        after(component("a"), failure=Failure(ConditionReason.RETRYING, "x", stalled=False)),
        "Retrying", "InProgress",
    ),
    "the spec is wrong": (
        READY_BEFORE,
        Facts(failure=Failure(ConditionReason.INVALID_SPEC, "spec.nodes[a].x: bad", stalled=True)),
        "InvalidSpec", "Failed",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("old", "facts", "reason", "verdict"), SUMMARIES.values(), ids=SUMMARIES)
def test_ready_says_why_and_generic_tools_agree(
    old: JSON | None, facts: Facts, reason: str, verdict: str
) -> None:
    status = build_status(druid(old), facts, now=NOW)
    ready = find_condition(status["conditions"], "Ready")
    assert ready is not None
    assert ready["reason"] == reason
    assert kstatus({**druid(), "status": status}) == verdict
    assert status["observedGeneration"] == 3


def test_the_same_facts_give_the_same_status() -> None:
    facts = after(component("a"), component("b", ready=1))
    first = build_status(druid(), facts, now=EARLIER)
    again = build_status(druid(first), facts, now=NOW)
    assert status_patch(first, again) is None


def test_available_is_not_ready() -> None:
    """A rolling change keeps the cluster available."""
    facts = after(component("a", ready=1, rolling=True), component("b", waits_for="a"))
    conditions = build_status(druid(READY_BEFORE), facts, now=NOW)["conditions"]
    told = {c["type"]: (c["status"], c["message"]) for c in conditions}
    assert told["ComponentsAvailable"][0] == "True"
    assert told["RolloutComplete"] == (
        "False", "a: 1 of 2 pods are ready; b: waits for a before it is changed",
    )  # fmt: skip


def test_what_is_not_known_in_a_pass_keeps_its_last_value() -> None:
    failure = Failure(ConditionReason.INVALID_SPEC, "bad", stalled=True)
    status = build_status(druid(READY_BEFORE), Facts(failure=failure), now=NOW)
    assert status["components"] == READY_BEFORE["components"]
    assert find_condition(status["conditions"], "ComponentsAvailable") is not None


def test_the_go_operators_keys_are_filled() -> None:
    children = {
        id_of("druid-tiny-a"): {}, id_of("b", CONFIG_MAP): {}, id_of("a", CONFIG_MAP): {},
        id_of("data-druid-tiny-a-0", PERSISTENT_VOLUME_CLAIM): {},
    }  # fmt: skip
    pods = ({"metadata": {"name": "druid-tiny-a-0"}},)
    status = build_status(druid(), after(component("a"), children=children, pods=pods), now=NOW)
    assert status["configMaps"] == ["a", "b"]
    assert status["statefulSets"] == ["druid-tiny-a"]
    assert status["persistentVolumeClaims"] == ["data-druid-tiny-a-0"]
    assert status["pods"] == ["druid-tiny-a-0"]
    assert status["druidNodeStatus"] == {
        "druidNode": "All", "druidNodeConditionStatus": "True",
        "druidNodeConditionType": "DruidClusterReady",
        "reason": "All Druid Nodes are in Ready Condition",
    }  # fmt: skip


def test_an_unready_pod_is_named_as_the_go_operator_names_it() -> None:
    unready = {"type": "Ready", "status": "False", "reason": "ContainersNotReady"}
    pod = {"metadata": {"name": "p-0"}, "status": {"conditions": [unready]}}
    status = build_status(druid(), after(component("a", ready=1), pods=(pod,)), now=NOW)
    told = status["druidNodeStatus"]
    assert (told["druidNode"], told["reason"]) == ("p-0", "ContainersNotReady")
    assert told["druidNodeConditionType"] == "DruidNodeErrorState"


def test_a_list_that_became_empty_is_cleared() -> None:
    """Left out of a merge patch it would stay."""
    old = build_status(druid(), after(children={id_of("a", CONFIG_MAP): {}}), now=EARLIER)
    new = build_status(druid(old), after(), now=NOW)
    assert status_patch(old, new) == {"status": {"configMaps": None}}


def test_a_message_names_a_few_and_counts_the_rest() -> None:
    facts = after(*(component(f"n{i}", ready=0) for i in range(8)))
    ready = find_condition(build_status(druid(), facts, now=NOW)["conditions"], "Ready")
    assert ready is not None
    assert ready["message"].endswith("n4: 0 of 2 pods are ready; and 3 more")


def test_paused_and_deleting_add_to_the_last_status() -> None:
    """While paused no newer generation counts as observed."""
    old = {**READY_BEFORE, "observedGeneration": 2}
    paused = paused_status(druid(old), message="m", now=NOW)
    assert find_condition(paused["conditions"], "Paused") is not None
    assert paused["observedGeneration"] == 2
    resumed = build_status(druid(paused), after(component("a")), now=NOW)
    assert find_condition(resumed["conditions"], "Paused") is None
    gone = deleting_status(druid(old), message="m", now=NOW)
    ready = find_condition(gone["conditions"], "Ready")
    assert ready is not None
    assert (ready["status"], ready["reason"]) == ("False", "Deleting")


def test_an_event_is_made_of_news_only() -> None:
    failure = Failure(ConditionReason.INVALID_SPEC, "bad", stalled=True)
    first = build_status(druid(READY_BEFORE), Facts(failure=failure), now=EARLIER)
    again = build_status(druid(first), Facts(failure=failure), now=NOW)
    assert transition(READY_BEFORE, first, "Stalled") is not None
    assert transition(first, again, "Stalled") is None
    waiting = after(component("a", rolling=True, ready=1), component("b", waits_for="a"))
    held = build_status(druid(READY_BEFORE), waiting, now=NOW)
    (event,) = waiting_events(READY_BEFORE, held)
    assert event.note == "b: waits for a before it is changed"
    assert list(waiting_events(held, held)) == []
