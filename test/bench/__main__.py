"""Measures the framework: ``python test/bench framework`` or ``python test/bench peers``.

Results are JSON below ``build/bench``. Nothing here fails because something is slow.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

import orjson
import record

RESULTS = record.REPOSITORY / "build" / "bench"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python test/bench", description=__doc__)
    commands = parser.add_subparsers(required=True)

    alone = commands.add_parser("framework", help="the framework alone, beside baselines")
    alone.add_argument("--repeat", type=int, default=10)
    alone.add_argument("--objects", type=int, default=10_000)
    alone.add_argument("--out", type=Path, default=RESULTS / "framework.json")
    alone.set_defaults(run=_framework)

    peers = commands.add_parser("peers", help="one operator on three frameworks, a real API server")
    peers.add_argument("--operators", nargs="+", default=["ours", "go", "kopf"])
    peers.add_argument("--runs", type=int, default=3)
    peers.add_argument("--webs", type=int, default=1000, help="0: leave those scenarios out")
    peers.add_argument("--foreign", type=int, default=10_000, help="0: leave that scenario out")
    peers.add_argument("--idle", type=float, default=60.0, metavar="SECONDS")
    peers.add_argument("--concurrency", type=int, default=10)
    peers.add_argument("--out", type=Path, default=RESULTS / "peers.json")
    peers.set_defaults(run=_peers)

    table = commands.add_parser("table", help="the figures of a comparison, in Markdown")
    table.add_argument("file", type=Path, nargs="?", default=RESULTS / "peers.json")
    table.set_defaults(run=_table)

    args = parser.parse_args()
    args.run(args)


def _framework(args: argparse.Namespace) -> None:
    import alone

    document = alone.run(repeat=args.repeat, objects=args.objects)
    record.write(args.out, {**record.circumstances(), **document})


def _peers(args: argparse.Namespace) -> None:
    import compare
    import operators

    made = [operators.make(name) for name in args.operators]
    size = compare.Size(
        webs=args.webs,
        foreign=args.foreign,
        idle_seconds=args.idle,
        concurrency=args.concurrency,
    )
    asyncio.run(compare.run(made, size, runs=args.runs, out=args.out))


def _table(args: argparse.Namespace) -> None:
    import report

    sys.stdout.write(report.table(orjson.loads(args.file.read_bytes())) + "\n")


if __name__ == "__main__":
    main()
