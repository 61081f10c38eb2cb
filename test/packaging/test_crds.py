"""The committed CRDs: fresh, small enough, served by a real API server, kind to stored objects."""

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import attrs
import pytest
import yaml

from druid_operator.api.v1alpha1 import KINDS
from druid_operator.cmd.generate.crds import MAX_BYTES, crd_files
from druid_operator.cmd.generate.main import generate, main, stale
from druid_operator.cmd.generate.reference import models_below
from druid_operator.pkg.schema import (
    CustomResource,
    apply_defaults,
    coerce,
    marker_of,
    prune,
    validate,
)

_ROOT = Path(__file__).parents[2]
_BASES = files("druid_operator") / "config" / "crd" / "bases"
_GO_OBJECTS = sorted((Path(__file__).parent / "testdata" / "go_objects").glob("*.json"))
_SAMPLES = sorted((_ROOT / "config" / "samples").glob("druid*.yaml"))


def _crd(kind: CustomResource) -> dict[str, Any]:
    file = _BASES / f"{kind.resource.group}_{kind.resource.plural}.yaml"
    crd: dict[str, Any] = yaml.load(file.read_text(), Loader=yaml.CSafeLoader)
    return crd


_CRDS = {kind.resource.kind: _crd(kind) for kind in KINDS}
_SCHEMAS = {
    kind: crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"] for kind, crd in _CRDS.items()
}


def test_every_generated_file_is_fresh() -> None:
    differing = stale(_ROOT, generate())
    assert not differing, "\n".join(differing.values())


def test_a_changed_or_missing_file_is_named_with_its_diff(tmp_path: Path) -> None:
    (tmp_path / "same.yaml").write_text("a\n")
    (tmp_path / "changed.yaml").write_text("old\n")
    wanted = {"same.yaml": "a\n", "changed.yaml": "new\n", "missing.yaml": "b\n"}
    found = stale(tmp_path, wanted)
    assert sorted(found) == ["changed.yaml", "missing.yaml"]
    assert "-old\n+new" in found["changed.yaml"]


def test_the_check_fails_where_a_file_is_stale_and_writes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "pyproject.toml").touch()
    assert main(["--check", "--root", str(tmp_path)]) == 1
    assert "config/rbac/role.yaml is stale" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["pyproject.toml"]
    assert main(["--root", str(tmp_path)]) == 0
    assert main(["--check", "--root", str(tmp_path)]) == 0


def test_generating_twice_gives_the_same_bytes() -> None:
    assert crd_files(KINDS) == crd_files(KINDS)


@pytest.mark.parametrize("kind", sorted(_CRDS))
def test_a_crd_fits_the_annotation_of_client_side_apply(kind: str) -> None:
    assert len(json.dumps(_CRDS[kind])) < MAX_BYTES


@pytest.mark.parametrize("file", _GO_OBJECTS, ids=lambda file: file.stem)
def test_what_the_go_operator_stored_is_valid_and_kept(file: Path) -> None:
    """Objects read from a cluster of the Go operator survive unchanged, status included."""
    stored = json.loads(file.read_text())
    schema = _SCHEMAS[stored["kind"]]
    pruned, dropped = prune(schema, stored)
    assert dropped == []
    assert pruned == stored
    assert validate(schema, stored) == []


@pytest.mark.parametrize("file", _GO_OBJECTS, ids=lambda file: file.stem)
def test_defaults_add_nothing_to_what_the_go_operator_stored(file: Path) -> None:
    stored = json.loads(file.read_text())
    spec = apply_defaults(_SCHEMAS[stored["kind"]], stored)["spec"]
    # The field is younger than the release that stored these objects; its default is "off".
    spec.pop("disablePVCAnnotationUpdate", None)
    assert spec == stored["spec"]


@pytest.mark.parametrize("file", _SAMPLES, ids=lambda file: file.stem)
def test_samples_are_valid_and_misspell_nothing(file: Path) -> None:
    sample = yaml.safe_load(file.read_text())
    coerced = coerce(_SCHEMAS[sample["kind"]], sample)
    assert coerced.dropped == ()
    assert validate(_SCHEMAS[sample["kind"]], coerced.obj) == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"druid.port": "8082"}, "must be of type integer"),
        ({"druid.port": None}, "Required value"),
        ({"nodeType": "brocker"}, "Unsupported value"),
        ({"replicas": -1}, "should be greater than or equal to 0"),
        ({"env": {"A": "b"}}, "must be of type array"),
    ],
)
def test_a_mistake_in_a_node_is_refused_with_its_path(change: dict[str, Any], message: str) -> None:
    sample = yaml.safe_load((_ROOT / "config" / "samples" / "druid.yaml").read_text())
    sample["spec"]["nodes"]["brokers"].update(change)
    (field,) = change
    errors = validate(_SCHEMAS["Druid"], coerce(_SCHEMAS["Druid"], sample).obj)
    assert [error.path for error in errors] == [f"spec.nodes.brokers.{field}"]
    assert message in errors[0].message


def test_a_port_out_of_range_is_left_to_a_condition() -> None:
    """The Go operator's CRD has no range: a stored object must stay writable."""
    sample = yaml.safe_load((_ROOT / "config" / "samples" / "druid.yaml").read_text())
    sample["spec"]["nodes"]["brokers"]["druid.port"] = 70000
    assert validate(_SCHEMAS["Druid"], sample) == []


@pytest.mark.parametrize("kind", sorted(_CRDS))
def test_a_new_object_does_not_look_finished(kind: str) -> None:
    """kstatus takes an object without status for a current one."""
    fresh = apply_defaults(_SCHEMAS[kind], {"spec": {}})
    assert fresh["status"] == {"observedGeneration": -1}


def test_no_category_is_the_name_of_a_kind() -> None:
    """kubectl looks for categories first: ``kubectl get druids NAME`` would then fail."""
    names = {
        name
        for crd in _CRDS.values()
        for name in (crd["spec"]["names"]["plural"], crd["spec"]["names"]["singular"])
    }
    assert all(not names & set(kind.categories) for kind in KINDS)


def test_every_field_of_ours_says_what_it_is() -> None:
    silent = [
        f"{model.__name__}.{field.name}"
        for kind in KINDS
        for model in models_below(kind.model)
        for field in attrs.fields(model)
        if not marker_of(field).description and field.name != "metadata"
    ]
    assert silent == []
