"""Writes every generated file, or proves that the committed ones are fresh.

    python -m druid_operator.cmd.generate.main            write
    python -m druid_operator.cmd.generate.main --check    exit 1 with a diff if a file is stale

Needs the development dependencies and a checkout: an installed package has no sources to write.
"""

from __future__ import annotations

import argparse
import difflib
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from druid_operator.api.v1alpha1 import KINDS
from druid_operator.cmd.generate.builtin_schema import builtin_schema_files
from druid_operator.cmd.generate.crds import crd_files
from druid_operator.cmd.generate.reference import api_reference
from druid_operator.cmd.generate.roles import role_files

#: Each gives paths in the repository and their content. A new kind of generated file is one line.
GENERATORS: tuple[Callable[[], Mapping[str, str]], ...] = (
    lambda: crd_files(KINDS),
    lambda: role_files(KINDS),
    lambda: {"docs/api.md": api_reference(KINDS)},
    builtin_schema_files,
)

#: A diff of a whole CRD helps nobody.
_MAX_DIFF_LINES = 80


def generate() -> dict[str, str]:
    """Path in the repository to content, of every generated file."""
    return {path: text for make in GENERATORS for path, text in make().items()}


def stale(root: Path, wanted: Mapping[str, str]) -> dict[str, str]:
    """Path to diff, of the files below ``root`` that differ from ``wanted`` or are missing."""
    result = {}
    for path, text in wanted.items():
        file = root / path
        found = file.read_text() if file.exists() else ""
        if found != text:
            lines = list(
                difflib.unified_diff(
                    found.splitlines(), text.splitlines(), f"{path} (committed)", path, lineterm=""
                )
            )
            cut = len(lines) - _MAX_DIFF_LINES
            shown = [*lines[:_MAX_DIFF_LINES], f"... {cut} more lines"] if cut > 0 else lines
            result[path] = "\n".join(shown)
    return result


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="generate", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--check", action="store_true", help="write nothing, exit 1 if stale")
    parser.add_argument("--root", type=Path, default=Path.cwd(), help="the checkout; default: here")
    options = parser.parse_args(argv)
    if not (options.root / "pyproject.toml").exists():
        parser.error(f"{options.root} is no checkout of this project")
    wanted = generate()
    differing = stale(options.root, wanted)
    if options.check:
        for path, diff in differing.items():
            print(f"{path} is stale; run `make generate`\n{diff}\n", file=sys.stderr)
        return 1 if differing else 0
    for path in differing:
        file = options.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(wanted[path])
        print(f"wrote {path}")
    print(f"{len(wanted)} generated files, {len(differing)} changed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
