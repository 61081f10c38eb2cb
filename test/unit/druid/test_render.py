"""``druid-operator render``: what it reads, what it prints, how it fails."""

from __future__ import annotations

import argparse
import io
import json
import subprocess
import sys

import attrs
import pytest
import yaml

from druid_operator.cmd.manager import render

DRUID = """
apiVersion: druid.apache.org/v1alpha1
kind: Druid
metadata: {name: tiny}
spec:
  image: apache/druid:33.0.0
  common.runtime.properties: a=b
  nodes:
    brokers:
      nodeType: broker
      druid.port: 8082
      nodeConfigMountPath: /conf/broker
      runtime.properties: ""
"""
EXTRA = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: more}\ndata: {x: 'on'}\n"


@attrs.frozen
class Result:
    status: int
    out: str
    err: str


@pytest.fixture
def run(tmp_path, capsys):
    """Runs the command on texts, each in a file of its own; further arguments as given."""

    def run(*texts, args=()):
        files = []
        for index, text in enumerate(texts):
            file = tmp_path / f"{index}.yaml"
            file.write_text(text)
            files += ["-f", str(file)]
        parser = argparse.ArgumentParser()
        render.add_parser(parser.add_subparsers())
        namespace = parser.parse_args(["render", *files, *args])
        status = namespace.run(namespace)
        captured = capsys.readouterr()
        return Result(status, captured.out, captured.err)

    return run


def test_the_output_is_one_list_in_yaml_or_json(run):
    as_yaml, as_json = (
        run(DRUID, args=["--uid", "u"]),
        run(DRUID, args=["--uid", "u", "-o", "json"]),
    )
    assert (as_yaml.status, as_yaml.err) == (0, "")
    document = json.loads(as_json.out)
    assert yaml.safe_load(as_yaml.out) == document
    assert (document["apiVersion"], document["kind"]) == ("v1", "List")
    assert [obj["kind"] for obj in document["items"]] == ["ConfigMap", "ConfigMap", "StatefulSet"]


def test_defaults_of_the_crd_are_applied(run):
    (stateful_set,) = [
        obj for obj in json.loads(run(DRUID, args=["-o", "json"]).out)["items"]
        if obj["kind"] == "StatefulSet"
    ]  # fmt: skip
    (container,) = stateful_set["spec"]["template"]["spec"]["containers"]
    assert container["command"] == ["/druid.sh", "broker"]
    assert container["readinessProbe"]["httpGet"]["path"] == "/druid/broker/v1/readiness"
    assert stateful_set["metadata"]["namespace"] == "default"


def test_without_uid_it_warns_and_makes_no_owner(run):
    result = run(DRUID)
    assert result.status == 0
    assert result.err.startswith("warning: Druid default/tiny: no uid")
    assert "ownerReferences" not in result.out


def test_a_stored_objects_own_uid_is_used_and_the_flag_wins(run):
    stored = DRUID.replace("{name: tiny}", "{name: tiny, uid: own}")
    assert "uid: own" in run(stored).out
    assert "uid: flag" in run(stored, args=["--uid", "flag"]).out


def test_config_maps_among_the_files_serve_extra_common_config(run):
    druid = DRUID + "  extraCommonConfig: [{name: more}]\n"
    result = run(EXTRA + "---\n---\n" + druid, args=["-o", "json"])
    assert json.loads(result.out)["items"][0]["data"]["x"] == "on"

    missing = run(druid)
    assert missing.status == 2
    assert "spec.extraCommonConfig[0]: ConfigMap default/more does not exist" in missing.err


def test_members_of_lists_count(run):
    items = [yaml.safe_load(DRUID), yaml.safe_load(EXTRA)]
    inner = {"apiVersion": "v1", "kind": "List", "items": items}
    result = run(json.dumps({"apiVersion": "v1", "kind": "List", "items": [inner]}))
    assert result.status == 0


def test_several_clusters_are_rendered_and_every_fault_of_all_is_named(run):
    other = DRUID.replace("name: tiny", "name: other")
    assert run(DRUID, other).out.count("kind: StatefulSet") == 2

    bad = other.replace("druid.port: 8082", "druid.port: 70000")
    wrong = DRUID.replace("nodeType: broker", "nodeType: brokers")
    result = run(bad, wrong)
    assert (result.status, result.out) == (2, "")
    assert "error: Druid default/other: spec.nodes[brokers].druid.port: 70000" in result.err
    assert "Druid default/tiny: spec.nodes.brokers.nodeType" in result.err


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (DRUID.replace("8082", "'8082'"), "spec.nodes.brokers.druid.port: "),
        (DRUID.replace("8082", "08082"), "spec.nodes.brokers.druid.port: "),
        (DRUID.replace("  common.runtime.properties: a=b\n", ""), "common.runtime.properties"),
        (DRUID.replace("v1alpha1", "v2"), "apiVersion: must be druid.apache.org/v1alpha1"),
        (EXTRA, "there is no Druid among the objects"),
        (DRUID + "---\n" + EXTRA.replace("'on'", "1"), "ConfigMap default/more: data[x]"),
        ("just text", "must be an object with apiVersion and kind"),
        ("kind: Druid\nmetadata: {}\n", "metadata.name"),
        ("a: [", "0.yaml: line 2, column 1"),
        (DRUID + "spec: {}\n", "key 'spec' is given twice"),
    ],
)
def test_bad_input_is_named_and_exits_with_2(run, text, message):
    result = run(text)
    assert (result.status, result.out) == (2, "")
    assert result.err.startswith("error: ")
    assert message in result.err


def test_one_uid_fits_one_cluster(run):
    assert "one uid given for 2" in run(DRUID, DRUID.replace("tiny", "b"), args=["--uid", "u"]).err


def test_unknown_fields_are_named_and_ignored(run):
    result = run(DRUID + "  imagee: x\n")
    assert result.status == 0
    assert "warning: Druid default/tiny: spec.imagee: unknown field, ignored" in result.err


def test_a_missing_file_is_named(run, tmp_path):
    result = run(args=["-f", str(tmp_path / "nope.yaml")])
    assert result.status == 2
    assert "nope.yaml: No such file" in result.err


def test_standard_input_and_a_directory_are_read(run, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO(DRUID))
    assert run(args=["-f", "-"]).status == 0
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "a.yml").write_text(DRUID)
    (folder / "notes.txt").write_text("not: [read")
    assert run(args=["-f", str(folder)]).status == 0


def test_kinds_that_it_does_not_read_need_no_name(run):
    kustomization = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n"
    assert run(kustomization, DRUID).status == 0


def test_rendering_needs_no_client_and_no_event_loop():
    """It is a pure function: the 40 MiB of the client would be its slowest part."""
    check = (
        "import sys; import druid_operator.cmd.manager.render; "
        "sys.exit(bool({'kubernetes_asyncio', 'aiohttp', 'asyncio'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0
