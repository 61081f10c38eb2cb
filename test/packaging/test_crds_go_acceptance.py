"""Our CRDs accept and keep whatever the Go operator's CRDs accept and keep.

A stored object that became invalid could not even lose its finalizer, and one that lost a field
would change a running cluster. ``DRUID_GO_CRDS`` names a folder with the Go operator's CRDs, as
``<plural>.<release>.yaml``; they are read there and not part of this repository.
"""

import os
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import yaml

_FOLDER = os.environ.get("DRUID_GO_CRDS", "")
_THEIRS = sorted(Path(_FOLDER).glob("*.yaml")) if _FOLDER else []

_needs_theirs = pytest.mark.skipif(
    not _FOLDER, reason="DRUID_GO_CRDS does not name a folder with the Go operator's CRDs"
)

_PRESERVE = "x-kubernetes-preserve-unknown-fields"
_INT_OR_STRING = "x-kubernetes-int-or-string"

#: A fresh object must not look finished before the first pass; a status is never a user's intent.
_NEW_DEFAULTS = {"status"}


def _schema(text: str) -> dict[str, Any]:
    crd = yaml.load(text, Loader=yaml.CSafeLoader)
    (version,) = crd["spec"]["versions"]
    schema: dict[str, Any] = version["schema"]["openAPIV3Schema"]
    return schema


def _pairs(
    theirs: dict[str, Any], ours: dict[str, Any], path: str = ""
) -> Iterator[tuple[str, dict[str, Any], dict[str, Any] | None]]:
    """Each node of their schema with ours at the same place; None where ours has none."""
    yield path, theirs, ours
    keep_all = ours.get(_PRESERVE) is True
    children = [
        (f"{path}.{key}".lstrip("."), value, (ours.get("properties") or {}).get(key))
        for key, value in (theirs.get("properties") or {}).items()
    ]
    for key, suffix in (("items", "[]"), ("additionalProperties", "{}")):
        if isinstance(theirs.get(key), dict):
            children.append((path + suffix, theirs[key], ours.get(key)))
    for where, value, found in children:
        if found is not None:
            yield from _pairs(value, found, where)
        elif not keep_all:
            yield where, value, None


def _narrower(theirs: dict[str, Any], ours: dict[str, Any]) -> Iterator[str]:
    """Why ``ours`` refuses, drops or changes something that ``theirs`` keeps."""
    if ours.get("type") != theirs.get("type") and ("type" in ours or not ours.get(_PRESERVE)):
        yield f"type {theirs.get('type')} became {ours.get('type')}"
    for keep in (_PRESERVE, _INT_OR_STRING):
        if theirs.get(keep) and not ours.get(keep):
            yield f"{keep} is lost"
    added = set(ours.get("required") or ()) - set(theirs.get("required") or ())
    if added:
        yield f"newly required: {sorted(added)}"
    yield from _tighter_bounds(theirs, ours)
    if "enum" in ours and not set(theirs.get("enum") or ["?"]) <= set(ours["enum"]):
        yield f"enum {theirs.get('enum')} became {ours['enum']}"
    widened = (theirs.get("format"), ours.get("format")) == ("int32", "int64")
    for same in ("pattern", "format", "x-kubernetes-validations"):
        if same in ours and ours[same] != theirs.get(same) and not widened:
            yield f"{same} {theirs.get(same)} became {ours[same]}"
    if ours.get("x-kubernetes-list-type") in ("set", "map"):
        for same in ("x-kubernetes-list-type", "x-kubernetes-list-map-keys"):
            if ours.get(same) != theirs.get(same):
                yield f"{same} {theirs.get(same)} became {ours.get(same)}"


def _tighter_bounds(theirs: dict[str, Any], ours: dict[str, Any]) -> Iterator[str]:
    for low in ("minimum", "minLength", "minItems", "minProperties"):
        if low in ours and ours[low] > theirs.get(low, float("-inf")):
            yield f"{low} {theirs.get(low)} became {ours[low]}"
    for high in ("maximum", "maxLength", "maxItems", "maxProperties"):
        if high in ours and ours[high] < theirs.get(high, float("inf")):
            yield f"{high} {theirs.get(high)} became {ours[high]}"


@_needs_theirs
@pytest.mark.parametrize("file", _THEIRS, ids=lambda file: file.stem)
def test_nothing_is_narrowed_lost_or_defaulted_otherwise(file: Path) -> None:
    plural = file.name.partition(".")[0]
    base = files("druid_operator") / f"config/crd/bases/druid.apache.org_{plural}.yaml"
    theirs, ours = _schema(file.read_text()), _schema(base.read_text())
    faults: list[str] = []
    for path, their, our in _pairs(theirs, ours):
        if our is None:
            faults.append(f"{path}: not in our schema")
            continue
        faults += [f"{path}: {why}" for why in _narrower(their, our)]
        if their.get("default") != our.get("default") and path not in _NEW_DEFAULTS:
            faults.append(f"{path}: default {their.get('default')} became {our.get('default')}")
    assert not faults, "\n".join(faults)


@_needs_theirs
def test_all_four_crds_were_compared() -> None:
    plurals = {file.name.partition(".")[0] for file in _THEIRS}
    assert plurals == {"druids", "druidingestions"}
    assert len(_THEIRS) >= 4


@pytest.mark.parametrize(
    ("theirs", "ours", "fault"),
    [
        ({"type": "string"}, {"type": "integer"}, "type string became integer"),
        ({"type": "string"}, {}, "type string became None"),
        ({"type": "string"}, {_PRESERVE: True}, None),
        ({_PRESERVE: True}, {}, f"{_PRESERVE} is lost"),
        ({"required": ["a"]}, {"required": ["a", "b"]}, "newly required: ['b']"),
        ({"required": ["a", "b"]}, {"required": ["a"]}, None),
        ({}, {"maximum": 65535}, "maximum None became 65535"),
        ({"minimum": 1}, {"minimum": 0}, None),
        ({}, {"enum": ["a"]}, "enum None became ['a']"),
        ({"enum": ["a"]}, {"enum": ["a", "b"]}, None),
        ({}, {"pattern": "^a$"}, "pattern None became ^a$"),
        ({"format": "int32"}, {"format": "int64"}, None),
        ({}, {"x-kubernetes-list-type": "set"}, "x-kubernetes-list-type None became set"),
    ],
)
def test_the_comparison_sees_what_is_narrower(
    theirs: dict[str, Any], ours: dict[str, Any], fault: str | None
) -> None:
    assert list(_narrower(theirs, ours)) == ([fault] if fault else [])


def test_the_comparison_sees_what_is_missing() -> None:
    theirs = {"properties": {"a": {"items": {"properties": {"b": {}}}}, "c": {}}}
    ours = {"properties": {"a": {"items": {}}}}
    missing = [path for path, _, found in _pairs(theirs, ours) if found is None]
    assert missing == ["a[].b", "c"]
