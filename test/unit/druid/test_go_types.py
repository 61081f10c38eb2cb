"""The committed table is what the generator prints, and the encoder knows every type in it."""

from __future__ import annotations

import os
import shutil
import subprocess
from importlib.resources import files
from pathlib import Path

import msgspec
import pytest

from druid_operator.internal.druid.go_types import fields_of, is_struct

GENERATOR = Path(__file__).parents[3] / "cmd" / "generate" / "go_fields"
TABLE = files("druid_operator.internal.druid") / "go_fields.json"
WORDS = {"string", "int", "bool", "bytes", "time", "quantity", "intOrString", "raw"}


def test_every_type_in_the_table_is_a_known_word_or_a_struct_of_the_table():
    structs = msgspec.json.decode(TABLE.read_bytes())["structs"]
    for struct in structs:
        for field in fields_of(struct):
            inner = field.type
            while inner[0] in "*[{":
                inner = inner[1:] if inner[0] == "*" else inner[2:]
            assert inner in WORDS or inner in structs
            assert is_struct(inner) == (inner in structs)


def test_the_table_names_the_version_that_the_go_operator_is_built_with():
    assert msgspec.json.decode(TABLE.read_bytes())["source"] == "k8s.io/api v0.27.7"


def test_the_table_is_fresh():
    """Needs Go and its module cache or proxy: asked for with DRUID_GO_FIELDS=1."""
    if not os.environ.get("DRUID_GO_FIELDS"):
        pytest.skip("DRUID_GO_FIELDS is not set: needs Go and the module proxy")
    go = shutil.which("go")
    if go is None:
        pytest.skip("Go is not installed")
    printed = subprocess.run([go, "run", "."], cwd=GENERATOR, capture_output=True, check=True)
    assert printed.stdout == TABLE.read_bytes()
