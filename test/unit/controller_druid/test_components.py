"""What a held node group keeps, and what is made for it all the same."""

from __future__ import annotations

import attrs

from druid_operator.internal.controller.druid.components import hold_back
from druid_operator.internal.druid.resolved import ResolvedCluster, ResolvedNode, ResolvedPod
from druid_operator.internal.druid.rollout import Rollout
from druid_operator.pkg.apply import Action, ChildId, Reason, Verb
from druid_operator.pkg.meta import NamespacedName, Resource
from druid_operator.pkg.scheme.builtin import CONFIG_MAP, SERVICE, STATEFUL_SET

NODE = ResolvedNode(
    key="brokers", unique_name="druid-tiny-brokers", node_type="broker", kind="StatefulSet",
    port=8082, replicas=1, labels={}, config={}, config_mount_path="/", pod_management_policy="",
    pod=ResolvedPod(image="druid:1", command=()),
)  # fmt: skip
CLUSTER = ResolvedCluster(
    name="tiny", namespace="data", uid="u", common_config={}, common_config_mount_path="/",
    keeps_claims=False, nodes=(NODE,),
)  # fmt: skip


def change(resource: Resource, name: str, verb: Verb = Verb.APPLY) -> Action:
    return Action(verb, Reason.INTENT_CHANGED, ChildId(resource, NamespacedName("data", name)))


def test_a_held_group_keeps_its_workload_and_its_files() -> None:
    actions = (
        change(CONFIG_MAP, "tiny-druid-common-config"),
        change(CONFIG_MAP, "druid-tiny-brokers-config"),
        change(SERVICE, "druid-tiny-brokers"),
        change(STATEFUL_SET, "druid-tiny-brokers"),
    )
    held = hold_back(CLUSTER, actions, Rollout({"brokers": "hot"}))
    assert [a.verb for a in held] == [Verb.APPLY, Verb.WAIT, Verb.APPLY, Verb.WAIT]
    assert held[3].note == "brokers is changed after hot"
    assert hold_back(CLUSTER, actions, Rollout()) == actions


def test_what_is_missing_is_made_while_its_group_is_held() -> None:
    """A pod that restarts could not mount a ConfigMap that is not there."""
    missing = change(CONFIG_MAP, "druid-tiny-brokers-config", Verb.CREATE)
    quiet = attrs.evolve(change(STATEFUL_SET, "druid-tiny-brokers"), verb=Verb.NOTHING)
    actions = (missing, quiet)
    assert hold_back(CLUSTER, actions, Rollout({"brokers": "hot"})) == actions
