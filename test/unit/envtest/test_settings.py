"""The settings of Go's envtest, and the definitions that are installed."""

from __future__ import annotations

from pathlib import Path

import pytest

from druid_operator.pkg.envtest.binaries.options import ControlPlaneOptions
from druid_operator.pkg.envtest.crds import load_crds, served_resources
from druid_operator.pkg.envtest.environment import Environment, default_backend, options_from
from druid_operator.pkg.errors import TerminalError

CRD = """
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.example.com}
spec:
  group: example.com
  scope: Cluster
  names: {kind: Widget, plural: widgets}
  versions: [{name: v1, served: true}, {name: v1beta1, served: false}]
---
apiVersion: v1
kind: ConfigMap
metadata: {name: not-a-definition}
"""


@pytest.mark.parametrize(
    ("value", "backend"),
    [("true", "existing"), ("1", "existing"), ("false", "embedded"), ("", "embedded")],
)
def test_use_existing_cluster_is_read_as_go_reads_it(value: str, backend: str) -> None:
    assert default_backend({"USE_EXISTING_CLUSTER": value}) == backend


def test_a_word_that_is_no_boolean_is_refused() -> None:
    with pytest.raises(TerminalError, match="USE_EXISTING_CLUSTER: 'yes'"):
        default_backend({"USE_EXISTING_CLUSTER": "yes"})


def test_timeouts_are_go_durations() -> None:
    environ = {
        "KUBEBUILDER_CONTROLPLANE_START_TIMEOUT": "1m30s",
        "KUBEBUILDER_CONTROLPLANE_STOP_TIMEOUT": "500ms",
        "KUBEBUILDER_ATTACH_CONTROL_PLANE_OUTPUT": "true",
    }
    options = options_from(environ, ControlPlaneOptions(nodes=7))
    assert (options.start_timeout, options.stop_timeout) == (90.0, 0.5)
    assert (options.attach_output, options.nodes) == (True, 7)
    assert options_from({}, ControlPlaneOptions()) == ControlPlaneOptions()


def test_a_timeout_that_cannot_be_read_names_its_variable() -> None:
    with pytest.raises(TerminalError, match="KUBEBUILDER_CONTROLPLANE_STOP_TIMEOUT"):
        options_from({"KUBEBUILDER_CONTROLPLANE_STOP_TIMEOUT": "20"}, ControlPlaneOptions())


def test_an_existing_cluster_needs_one_kubeconfig_file(tmp_path: Path) -> None:
    environ = {"USE_EXISTING_CLUSTER": "true", "KUBECONFIG": f"{tmp_path}/a:{tmp_path}/b"}
    with pytest.raises(TerminalError, match="one kubeconfig file"):
        Environment(environ=environ)


def test_definitions_come_from_files_folders_and_objects(tmp_path: Path) -> None:
    file = tmp_path / "crd.yaml"
    file.write_text(CRD)
    (one,) = load_crds([file])
    assert load_crds([str(tmp_path), one]) == [one, one]
    (resource,) = served_resources(one)
    assert resource.path() == "/apis/example.com/v1/widgets"
    assert not resource.namespaced


def test_a_path_without_a_definition_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TerminalError, match="no CustomResourceDefinition in"):
        load_crds([tmp_path])
    with pytest.raises(TerminalError, match="no such file"):
        load_crds([tmp_path / "missing.yaml"])
