"""``config/rbac``: the operator's roles from what its controllers declare, and roles for people."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from druid_operator.cmd.generate.yaml_text import to_yaml
from druid_operator.internal.controller import CONTROLLERS
from druid_operator.pkg.meta import JSON
from druid_operator.pkg.meta.rbac import READ, VERBS, WRITE, PolicyRule, merge_rules
from druid_operator.pkg.schema import CustomResource

CONTROLLER_RULES = tuple(rule for controller in CONTROLLERS for rule in controller.rules)

#: Is the served CRD the one that this release writes?
STARTUP_RULES = (
    PolicyRule(
        group="apiextensions.k8s.io", resources=("customresourcedefinitions",), verbs=("get",)
    ),
)

#: In the operator's own namespace only.
LEADER_ELECTION_RULES = (
    PolicyRule(
        group="coordination.k8s.io",
        resources=("leases",),
        verbs=("get", "create", "update"),
    ),
    PolicyRule(group="events.k8s.io", resources=("events",), verbs=("create", "patch")),
)

#: What people may do with the objects. The status is the operator's, so people only read it. Each
#: role joins the built-in one of the same rank, which itself joins the next.
_PEOPLE = {
    "viewer": (READ, "view"),
    "editor": ((*READ, *WRITE), "edit"),
    "admin": (VERBS, "admin"),
}


def role_files(kinds: Iterable[CustomResource]) -> dict[str, str]:
    """Path in the repository to content."""
    operator = _role("ClusterRole", "manager-role", (*CONTROLLER_RULES, *STARTUP_RULES))
    election = _role("Role", "leader-election-role", LEADER_ELECTION_RULES)
    result = {
        "config/rbac/role.yaml": to_yaml(operator),
        "config/rbac/leader_election_role.yaml": to_yaml(election),
    }
    for kind in kinds:
        name = kind.resource.kind.lower()
        for role in _PEOPLE:
            path = f"config/rbac/{name}_{role}_role.yaml"
            result[path] = to_yaml(_role_for_people(kind, role))
    return result


def _role(kind: str, name: str, rules: Iterable[PolicyRule], **metadata: Any) -> JSON:
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": kind,
        "metadata": {"name": name, **metadata},
        "rules": [rule.to_json() for rule in merge_rules(rules)],
    }


def _role_for_people(kind: CustomResource, role: str) -> JSON:
    verbs, joins = _PEOPLE[role]
    resource = kind.resource
    rules = [
        PolicyRule(group=resource.group, resources=(resource.plural,), verbs=verbs),
        PolicyRule(group=resource.group, resources=(f"{resource.plural}/status",), verbs=("get",)),
    ]
    name = f"{resource.kind.lower()}-{role}-role"
    labels = {f"rbac.authorization.k8s.io/aggregate-to-{joins}": "true"}
    return _role("ClusterRole", name, rules, labels=labels)
