"""The ``druid-operator`` command: the operator itself, and tools that need no cluster."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

import druid_operator.cmd.manager.diff_spec as diff_spec
import druid_operator.cmd.manager.export as export
import druid_operator.cmd.manager.render as render
from druid_operator import __version__
from druid_operator.cmd.manager.options import OptionError, add_flags, read_options
from druid_operator.pkg.errors import TerminalError


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="druid-operator",
        description="Runs Apache Druid on Kubernetes. Without a subcommand: the operator.",
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    add_flags(parser)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    for tool in (render, diff_spec, export):
        tool.add_parser(commands)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Exit status: 0 done, 1 failed (also a lost lease), 2 wrong usage or input."""
    parser = build_parser()
    args = parser.parse_args(argv)
    run = getattr(args, "run", None)
    if run is not None:
        return int(run(args))
    try:
        options = read_options(args)
    except OptionError as error:
        parser.error(str(error))
    # Imported here: the tools need neither the framework nor its 40 MiB.
    from druid_operator.cmd.manager.operator import run_operator

    try:
        return run_operator(options)
    except TerminalError as error:
        print(f"druid-operator: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
