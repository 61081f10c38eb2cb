"""Every version is reached from every other, through the hub."""

from __future__ import annotations

import pytest

from druid_operator.pkg.errors import BadRequest
from druid_operator.pkg.meta import JSON, GroupVersionKind
from druid_operator.pkg.webhook import CannotConvert, ConversionRegistry, Spoke
from druid_operator.pkg.webhook.conversion import answer_conversion

HUB = GroupVersionKind("example.com", "v2", "Thing")


def renaming(version: str, name: str) -> Spoke:
    """A version whose only field is called ``name`` where the hub calls it ``size``."""

    def to_hub(obj: JSON) -> JSON:
        return {**obj, "spec": {"size": obj["spec"][name]}}

    def from_hub(obj: JSON) -> JSON:
        return {**obj, "spec": {name: obj["spec"]["size"]}}

    return Spoke(version, to_hub, from_hub)


@pytest.fixture
def registry() -> ConversionRegistry:
    found = ConversionRegistry()
    found.register(HUB, renaming("v1", "length"), renaming("v3", "magnitude"))
    return found


def thing(version: str, **spec: int) -> JSON:
    return {
        "apiVersion": f"example.com/{version}", "kind": "Thing",
        "metadata": {"name": "a", "uid": "u"}, "spec": spec,
    }  # fmt: skip


FORMS = [thing("v1", length=3), thing("v2", size=3), thing("v3", magnitude=3)]


@pytest.mark.parametrize("source", FORMS)
@pytest.mark.parametrize("target", FORMS)
def test_each_version_becomes_each_other(registry, source, target) -> None:
    assert registry.convert(source, target["apiVersion"]) == target


@pytest.mark.parametrize(
    ("obj", "wanted"),
    [
        (thing("v9", size=1), "example.com/v2"),
        (thing("v1", length=1), "example.com/v9"),
        (thing("v1", length=1), "other.com/v2"),
        ({**thing("v1", length=1), "kind": "Stranger"}, "example.com/v2"),
    ],
)
def test_unknown_kinds_and_versions_are_refused(registry, obj, wanted) -> None:
    with pytest.raises(CannotConvert):
        registry.convert(obj, wanted)


def test_review_is_answered_with_all_objects_in_order(registry) -> None:
    review = {
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "ConversionReview",
        "request": {"uid": "7", "desiredAPIVersion": "example.com/v2",
                    "objects": [thing("v1", length=1), thing("v3", magnitude=2)]},
    }  # fmt: skip
    assert answer_conversion(registry, review)["response"] == {
        "uid": "7",
        "convertedObjects": [thing("v2", size=1), thing("v2", size=2)],
        "result": {"status": "Success"},
    }


def test_what_is_no_review_is_refused(registry) -> None:
    for document in ([], {"kind": "ConversionReview"}, {"kind": "Other", "request": {}}):
        with pytest.raises(BadRequest):
            answer_conversion(registry, document)


def test_kind_and_versions_are_registered_once(registry) -> None:
    with pytest.raises(ValueError, match="already"):
        registry.register(HUB)
    with pytest.raises(ValueError, match="twice"):
        ConversionRegistry().register(HUB, renaming("v2", "x"))
