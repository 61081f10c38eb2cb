"""``druid-operator diff-spec``: its exit status is the answer."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from druid_operator.cmd.manager.main import main

JSON = dict[str, Any]


@pytest.fixture
def diff(tmp_path: Path) -> Callable[..., int]:
    def run(desired: Any, live: Any) -> int:
        paths = []
        for name, content in (("desired.json", desired), ("live.json", live)):
            path = tmp_path / name
            path.write_text(content if isinstance(content, str) else json.dumps(content))
            paths.append(str(path))
        return main(["diff-spec", *paths])

    return run


def test_what_druid_made_of_it_is_no_difference(diff, kafka, as_druid_says, capsys) -> None:
    assert diff(kafka, as_druid_says(kafka, "37.0.0")) == 0
    assert capsys.readouterr().out == ""


def test_differences_are_printed_with_their_path(diff, kafka, as_druid_says, capsys) -> None:
    live = as_druid_says(kafka)
    live["spec"]["tuningConfig"]["maxRowsInMemory"] = 7
    assert diff(kafka, live) == 1
    assert capsys.readouterr().out == "spec.tuningConfig.maxRowsInMemory: 7 instead of 50000\n"


@pytest.mark.parametrize(
    ("desired", "live", "status"),
    [({}, {}, 0), ({"suspended": True}, {}, 1), ({}, {"suspended": True}, 1),
     ({"suspended": False}, {}, 0), ({"suspended": True}, {"suspended": True}, 0)],
)  # fmt: skip
def test_suspended_counts_and_absent_is_false(
    diff, kafka, as_druid_says, desired, live, status
) -> None:
    stored = {k: v for k, v in as_druid_says(kafka).items() if k != "suspended"}
    assert diff({**kafka, **desired}, {**stored, **live}) == status


def test_the_marker_never_counts_and_an_id_only_if_it_was_given(diff, kafka, as_druid_says) -> None:
    marked = {**as_druid_says(kafka, "37.0.0"), "context": {"k8sOwner": "druid.apache.org/a/b/c"}}
    assert diff(kafka, marked) == 0
    assert diff({**kafka, "id": "wiki"}, marked) == 0
    assert diff({**kafka, "id": "other"}, marked) == 1


def test_keys_that_druid_does_not_know_are_told_and_do_not_count(
    diff, kafka, as_druid_says, capsys
) -> None:
    live = as_druid_says(kafka)
    written = copy.deepcopy(kafka)
    written["spec"]["tuningConfig"]["maxRowsInMemroy"] = 1
    assert diff(written, live) == 0
    assert "maxRowsInMemroy: Druid does not know this key" in capsys.readouterr().err


@pytest.mark.parametrize("desired", ["{", "[]", ""])
def test_bad_input_is_its_own_status(diff, desired, capsys) -> None:
    assert diff(desired, {}) == 2
    assert "desired.json" in capsys.readouterr().err


def test_a_missing_file_is_bad_input(tmp_path: Path) -> None:
    assert main(["diff-spec", str(tmp_path / "no.json"), str(tmp_path / "no.json")]) == 2
