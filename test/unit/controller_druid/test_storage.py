"""Claims: labels alone never make one ours."""

from __future__ import annotations

import pytest

from druid_operator.internal.druid.storage import claims_of_templates, mounted, template_names
from druid_operator.pkg.meta import JSON

DRUID = {
    "metadata": {"name": "tiny"},
    "spec": {
        "volumeClaimTemplates": [{"metadata": {"name": "shared"}}],
        "nodes": {"hot": {"volumeClaimTemplates": [{"metadata": {"name": "data"}}]}, "router": {}},
    },
}
TEMPLATES = {"druid-tiny-hot": frozenset({"data"})}


def claim(name: str, **labels: str) -> JSON:
    given = {"app": "druid", "druid_cr": "tiny", "nodeSpecUniqueStr": "druid-tiny-hot", **labels}
    return {"metadata": {"name": name, "labels": given}}


def pod(*claims: str, phase: str = "Running") -> JSON:
    volumes = [{"name": c, "persistentVolumeClaim": {"claimName": c}} for c in claims]
    return {
        "spec": {"volumes": [{"name": "e", "emptyDir": {}}, *volumes]},
        "status": {"phase": phase},
    }


@pytest.mark.parametrize(
    ("candidate", "ours"),
    [
        (claim("data-druid-tiny-hot-0"), True),
        (claim("data-druid-tiny-hot-12"), True),
        (claim("backup-of-my-data"), False),
        (claim("other-druid-tiny-hot-0"), False),
        (claim("data-druid-tiny-hot-x"), False),
        (claim("data-druid-tiny-hot-0", app="else"), False),
        (claim("data-druid-tiny-hot-0", druid_cr="other"), False),
        (claim("data-druid-tiny-hot-0", nodeSpecUniqueStr="druid-tiny-cold"), False),
        (claim("old-druid-tiny-gone-0", nodeSpecUniqueStr="druid-tiny-gone"), True),
        (claim("data-druid-other-hot-0", nodeSpecUniqueStr="druid-other-hot"), False),
        ({"metadata": {"name": "data-druid-tiny-hot-0"}}, False),
    ],
)
def test_a_claim_is_told_by_labels_and_name(candidate: JSON, ours: bool) -> None:
    assert bool(claims_of_templates("tiny", [candidate], TEMPLATES)) is ours


def test_templates_come_from_the_spec_and_from_what_runs() -> None:
    live = {
        "metadata": {"name": "druid-tiny-hot"},
        "spec": {"volumeClaimTemplates": [{"metadata": {"name": "old"}}]},
    }
    assert template_names(DRUID, [live]) == {
        "druid-tiny-hot": {"shared", "data", "old"}, "druid-tiny-router": {"shared"},
    }  # fmt: skip


@pytest.mark.parametrize("spec", [None, {}, {"nodes": 3}, {"nodes": {"hot": "x"}}, "nonsense"])
def test_a_spec_that_does_not_decode_has_no_templates(spec: object) -> None:
    """Its object must be deletable all the same."""
    names = template_names({"metadata": {"name": "tiny"}, "spec": spec}, [])
    assert all(not templates for templates in names.values())


def test_claims_in_use_are_those_of_pods_that_have_not_ended() -> None:
    claims = [claim("data-druid-tiny-hot-0"), claim("data-druid-tiny-hot-1")]
    pods = [
        pod("data-druid-tiny-hot-1", "foreign"), pod("data-druid-tiny-hot-0", phase="Succeeded")
    ]  # fmt: skip
    assert mounted(claims, pods) == ("data-druid-tiny-hot-1",)
