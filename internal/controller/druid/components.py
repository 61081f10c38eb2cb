"""The node groups of a cluster as a pass leaves them: what status and rollout speak of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import attrs

from druid_operator.internal.controller.druid.children import WORKLOADS, workload_id
from druid_operator.internal.druid import names
from druid_operator.internal.druid.resolved import ResolvedCluster
from druid_operator.internal.druid.rollout import Group, Progress, Rollout, progress_of
from druid_operator.pkg.apply import Action, ChildId, Verb
from druid_operator.pkg.meta import JSON, NamespacedName
from druid_operator.pkg.scheme.builtin import CONFIG_MAP

_CHANGES = frozenset({Verb.APPLY, Verb.TAKE_OVER, Verb.PUT})

#: How the message of a component begins that waits for its turn.
WAITS_FOR = "waits for "


@attrs.frozen(kw_only=True)
class Component:
    """One node group.

    Args:
        key, node_type: from the spec.
        id: of its workload.
        progress: of its workload; ``None`` while there is none.
        waits_for: the node group whose change has to come first; empty when it waits for none.
    """

    key: str
    node_type: str
    id: ChildId
    progress: Progress | None = None
    waits_for: str = ""

    @property
    def ready(self) -> bool:
        return self.progress is not None and self.progress.complete and not self.waits_for

    @property
    def available(self) -> bool:
        """Somebody can serve, or nobody is wanted."""
        return self.progress is not None and (self.progress.ready > 0 or self.progress.desired == 0)

    @property
    def changing(self) -> bool:
        return bool(self.waits_for) or (self.progress is not None and self.progress.rolling)

    @property
    def message(self) -> str:
        """What it waits for, empty when it is ready."""
        if self.waits_for:
            return f"{WAITS_FOR}{self.waits_for} before it is changed"
        return "does not exist yet" if self.progress is None else self.progress.message


def components_of(
    cluster: ResolvedCluster, children: Mapping[ChildId, JSON], rollout: Rollout
) -> tuple[Component, ...]:
    """The components in rollout order.

    Args:
        children: the live ones, the answers of this pass's writes included.
    """
    found = []
    for node in cluster.nodes:
        id_ = workload_id(cluster, node.key)
        live = children.get(id_)
        found.append(
            Component(
                key=node.key,
                node_type=node.node_type,
                id=id_,
                progress=progress_of(live) if live else None,
                waits_for=rollout.held.get(node.key, ""),
            )
        )
    return tuple(found)


def groups_of(
    cluster: ResolvedCluster, actions: Sequence[Action], children: Mapping[ChildId, JSON]
) -> list[Group]:
    """The node groups with what is planned for them, in rollout order."""
    planned = {action.id: action for action in actions if action.id.resource in WORKLOADS}
    groups = []
    for node in cluster.nodes:
        id_ = workload_id(cluster, node.key)
        live = children.get(id_)
        progress = progress_of(live) if live else None
        groups.append(Group(key=node.key, action=planned[id_], progress=progress))
    return groups


def hold_back(
    cluster: ResolvedCluster, actions: Iterable[Action], rollout: Rollout
) -> tuple[Action, ...]:
    """The actions of this pass: a node group that has to wait keeps its workload and its files.

    Its ConfigMap waits with it, so that a pod that restarts meanwhile finds the files it had. One
    that is missing is made all the same: without it such a pod would not start at all.
    """
    held: dict[ChildId, str] = {}
    for key, ahead in rollout.held.items():
        config = names.node_config_name(cluster.node(key).unique_name)
        note = f"{key} is changed after {ahead}"
        held[workload_id(cluster, key)] = note
        held[ChildId(CONFIG_MAP, NamespacedName(cluster.namespace, config))] = note
    return tuple(a.held(held[a.id]) if a.id in held and a.verb in _CHANGES else a for a in actions)
