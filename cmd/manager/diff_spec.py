"""``druid-operator diff-spec DESIRED.json LIVE.json``: what the operator would call a drift."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from druid_operator.internal.ingestion.document import parse_document
from druid_operator.internal.ingestion.subset import Difference, supervisor_differences
from druid_operator.pkg.errors import InvalidObject
from druid_operator.pkg.meta import JSON


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser(
        "diff-spec",
        help="compare a supervisor's document with what Druid stores",
        description="Prints the differences that count, one a line, and on standard error the "
        "keys that Druid does not know. Secrets are not shown. "
        "Exit status: 0 no difference, 1 some, 2 bad input.",
    )
    parser.add_argument("desired", type=Path, metavar="DESIRED.json", help="as written")
    parser.add_argument("live", type=Path, metavar="LIVE.json", help="as Druid answers it")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    try:
        desired, live = _read(args.desired), _read(args.live)
    except (OSError, UnicodeDecodeError, InvalidObject) as error:
        print(f"druid-operator: {error}", file=sys.stderr)
        return 2
    differences = (*_suspended(desired, live), *supervisor_differences(desired, live))
    for difference in differences:
        print(difference, file=sys.stdout if difference.counts else sys.stderr)
    return 1 if any(d.counts for d in differences) else 0


def _read(path: Path) -> JSON:
    return parse_document(path.read_text(encoding="utf-8"), str(path))


def _suspended(desired: JSON, live: JSON) -> tuple[Difference, ...]:
    """Declared on its own: absent means false, on both sides."""
    wanted, stored = desired.get("suspended") is True, live.get("suspended") is True
    if wanted == stored:
        return ()
    return (Difference("suspended", "changed", wanted, stored),)
