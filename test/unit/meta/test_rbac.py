"""Permission rules: merged without granting more, in one order."""

import itertools

import pytest

from druid_operator.pkg.meta.rbac import READ, PolicyRule, merge_rules

_RULES = (
    PolicyRule(resources=("services",), verbs=READ),
    PolicyRule(resources=("services", "configmaps"), verbs=("patch", "get")),
    PolicyRule(group="apps", resources=("deployments",), verbs=READ),
    PolicyRule(resources=("configmaps",), verbs=("get",), names=("one",)),
)


def _granted(rules: tuple[PolicyRule, ...]) -> set[tuple[object, ...]]:
    return {
        (rule.group, resource, rule.names, verb)
        for rule in rules
        for resource in rule.resources
        for verb in rule.verbs
    }


def test_merging_grants_exactly_the_same() -> None:
    assert _granted(merge_rules(_RULES)) == _granted(_RULES)


def test_the_order_of_declaration_does_not_matter() -> None:
    assert len({merge_rules(order) for order in itertools.permutations(_RULES)}) == 1


def test_resources_with_the_same_verbs_share_a_rule() -> None:
    same = [PolicyRule(resources=(name,), verbs=READ) for name in ("services", "configmaps")]
    assert merge_rules(same) == (PolicyRule(resources=("configmaps", "services"), verbs=READ),)


@pytest.mark.parametrize("verb", ["*", "impersonate"])
def test_a_wildcard_or_unknown_verb_is_refused(verb: str) -> None:
    with pytest.raises(ValueError, match="not in"):
        PolicyRule(resources=("pods",), verbs=(verb,))


def test_json_has_the_api_s_form() -> None:
    rule = PolicyRule(group="apps", resources=("b", "a"), verbs=("patch", "get"), names=("x",))
    assert rule.to_json() == {
        "apiGroups": ["apps"],
        "resources": ["a", "b"],
        "resourceNames": ["x"],
        "verbs": ["get", "patch"],
    }
