"""The recordings of the Go operator, as fixtures."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest

from druid_operator.api.v1alpha1 import KINDS, Druid
from druid_operator.cmd.manager import render
from druid_operator.pkg.meta import NamespacedName
from druid_operator.pkg.meta.yaml import load_all
from druid_operator.pkg.scheme import Scheme

RECORDINGS = Path(__file__).parent / "go-operator"


@attrs.frozen
class Recording:
    """One cluster: the stored object, its children by kind and name, and the file it came from."""

    druid: dict[str, Any]
    children: dict[tuple[str, str], dict[str, Any]]
    manifest: Path

    @property
    def typed(self) -> Druid:
        decoded: Druid = Scheme(KINDS).decode(Druid, self.druid)
        return decoded


@pytest.fixture
def recording() -> Callable[[str], Recording]:
    def load(name: str) -> Recording:
        folder = RECORDINGS / name
        children = json.loads((folder / "children.json").read_text())
        return Recording(
            druid=json.loads((folder / "druid.json").read_text()),
            children={(c["kind"], c["metadata"]["name"]): c for c in children},
            manifest=folder / "cr.yaml",
        )

    return load


@pytest.fixture
def render_command(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Runs ``druid-operator render`` and returns what it printed."""

    def run(*arguments: str) -> str:
        parser = argparse.ArgumentParser()
        render.add_parser(parser.add_subparsers())
        args = parser.parse_args(["render", *arguments])
        assert args.run(args) == 0
        return capsys.readouterr().out

    return run


@pytest.fixture
def extra_one_file() -> Path:
    return RECORDINGS / "extra-one.yaml"


@pytest.fixture
def extra_config(extra_one_file: Path) -> dict[NamespacedName, dict[str, str]]:
    (config_map,) = load_all(extra_one_file.read_text())
    return {NamespacedName.of(config_map): config_map["data"]}
