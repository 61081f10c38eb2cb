"""``druid-operator render``: the children of a cluster, from files and without a cluster."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from druid_operator.api.v1alpha1 import DRUID
from druid_operator.internal.druid.render import render
from druid_operator.pkg.errors import InvalidObject
from druid_operator.pkg.meta import JSON
from druid_operator.pkg.meta.yaml import YAMLError, dump, load_all

_EXIT_BAD_INPUT: Final = 2
_SUFFIXES: Final = {".yaml", ".yml", ".json"}
_STDIN: Final = "-"


class InputError(Exception):
    """A file that cannot be read or is no manifest. The message names it."""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser(
        "render",
        help="print the objects that the operator makes of a Druid",
        description="Print every child object of the Druid clusters in the files, as one List. "
        "Needs no Kubernetes cluster. The CRD's defaults are applied; ConfigMaps in the files "
        "serve spec.extraCommonConfig. An object without namespace is taken to be in `default`.",
    )
    parser.add_argument(
        "-f", "--filename", action="append", required=True, metavar="FILE",
        help="YAML or JSON file, a directory of them, or - for standard input; may be repeated",
    )  # fmt: skip
    parser.add_argument(
        "--uid", help="uid of the Druid, for owner references and hashes; default: the object's own"
    )
    parser.add_argument("-o", "--output", choices=("yaml", "json"), default="yaml")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Exit status: 0 rendered, 2 the input is wrong (every fault is printed)."""
    try:
        objects = list(_read(args.filename))
        rendered = render(objects, druid_schema(), uid=args.uid)
    except InputError as error:
        return _fail([str(error)])
    except InvalidObject as error:
        return _fail([str(fault) for fault in error.errors])
    for warning in rendered.warnings:
        print(f"warning: {warning}", file=sys.stderr)
    children = [manifest.object for manifest in rendered.manifests]
    document: JSON = {"apiVersion": "v1", "kind": "List", "items": children}
    if args.output == "json":
        print(json.dumps(document, indent=2, ensure_ascii=False))
    else:
        sys.stdout.write(dump(document))
    return 0


def druid_schema() -> JSON:
    """The ``openAPIV3Schema`` of ``Druid``, from the CRD that this version ships."""
    name = f"config/crd/bases/{DRUID.group}_{DRUID.plural}.yaml"
    (crd,) = load_all((files("druid_operator") / name).read_text(encoding="utf-8"))
    versions = {version["name"]: version for version in crd["spec"]["versions"]}
    schema: JSON = versions[DRUID.gvk.version]["schema"]["openAPIV3Schema"]
    return schema


def _read(names: Sequence[str]) -> Iterator[Any]:
    for name in names:
        if name == _STDIN:
            yield from _documents("standard input", sys.stdin.read())
            continue
        for path in _files(Path(name)):
            try:
                text = path.read_text(encoding="utf-8")
            except (OSError, UnicodeDecodeError) as error:
                reason = getattr(error, "strerror", None) or str(error)
                raise InputError(f"{path}: {reason}") from error
            yield from _documents(str(path), text)


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    return sorted(p for p in path.iterdir() if p.suffix in _SUFFIXES)


def _documents(source: str, text: str) -> Iterator[Any]:
    try:
        # An empty document, as between two `---`, is no object and no fault.
        yield from (document for document in load_all(text) if document is not None)
    except YAMLError as error:
        raise InputError(f"{source}: {error}") from error


def _fail(faults: Sequence[str]) -> int:
    for fault in faults:
        print(f"error: {fault}", file=sys.stderr)
    return _EXIT_BAD_INPUT
