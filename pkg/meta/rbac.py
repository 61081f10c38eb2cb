"""Permissions as data. A reconciler declares what it needs; the roles are generated from that."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import attrs

READ = ("get", "list", "watch")
WRITE = ("create", "update", "patch", "delete")

#: Every verb there is, in the order in which people read them.
VERBS = (*READ, *WRITE, "deletecollection")


def _sorted(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(values)))


def _sorted_verbs(values: Iterable[str]) -> tuple[str, ...]:
    """Raises ``ValueError`` for a wildcard or an unknown verb: both grant more than was meant."""
    return tuple(sorted(set(values), key=VERBS.index))


@attrs.frozen(kw_only=True)
class PolicyRule:
    """One rule of a Role or ClusterRole.

    Args:
        group: the API group; empty for the core group.
        resources: plural names, with a subresource after a slash (``druids/status``).
        verbs: some of :data:`VERBS`.
        names: only objects with these names; every object when empty. ``list``, ``watch`` and
            ``create`` cannot be limited by name.
    """

    group: str = ""
    resources: tuple[str, ...] = attrs.field(converter=_sorted)
    verbs: tuple[str, ...] = attrs.field(converter=_sorted_verbs)
    names: tuple[str, ...] = attrs.field(default=(), converter=_sorted)

    def to_json(self) -> dict[str, Any]:
        rule: dict[str, Any] = {"apiGroups": [self.group], "resources": list(self.resources)}
        if self.names:
            rule["resourceNames"] = list(self.names)
        return {**rule, "verbs": list(self.verbs)}


def merge_rules(rules: Iterable[PolicyRule]) -> tuple[PolicyRule, ...]:
    """The same permissions in the fewest rules, sorted: one set of verbs per resource, resources
    with equal verbs together. The result does not depend on the order of ``rules``."""
    verbs: dict[tuple[str, str, tuple[str, ...]], set[str]] = {}
    for rule in rules:
        for resource in rule.resources:
            verbs.setdefault((rule.group, resource, rule.names), set()).update(rule.verbs)
    together: dict[tuple[str, tuple[str, ...], tuple[str, ...]], list[str]] = {}
    for (group, resource, names), granted in verbs.items():
        together.setdefault((group, _sorted_verbs(granted), names), []).append(resource)
    merged = [
        PolicyRule(group=group, resources=tuple(resources), verbs=granted, names=names)
        for (group, granted, names), resources in together.items()
    ]
    return tuple(sorted(merged, key=lambda rule: (rule.group, rule.resources, rule.names)))
