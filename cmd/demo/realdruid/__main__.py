"""Boot the sample cluster and a Kafka by hand: ``python -m druid_operator.cmd.demo.realdruid``.

Prints where they are and the memory of each process, and runs until SIGINT or SIGTERM.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
import tempfile
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path

from druid_operator.cmd.demo.realdruid.assets import ensure_assets
from druid_operator.cmd.demo.realdruid.kafka import RealKafka
from druid_operator.cmd.demo.realdruid.launcher import RealDruid
from druid_operator.cmd.demo.realdruid.sample import rendered_sample
from druid_operator.pkg.errors import OperatorError


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


async def run(directory: Path) -> None:
    assets = ensure_assets(report=say)
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    async with AsyncExitStack() as running:
        kafka = await running.enter_async_context(
            RealKafka(assets, directory / "kafka", report=say)
        )
        druid = await running.enter_async_context(
            RealDruid(assets, rendered_sample(), directory / "druid", report=say)
        )
        for name, size in resident({**druid.pids(), **kafka.pids()}).items():
            say(f"{name}: {size / 1e6:.0f} MB resident")
        print(f"DRUID_URL={druid.router_url}")
        print(f"KAFKA_BOOTSTRAP={kafka.bootstrap}", flush=True)
        await stopped.wait()


def resident(pids: Mapping[str, int]) -> dict[str, int]:
    """Resident bytes by name (Linux only)."""
    sizes = {}
    for name, pid in pids.items():
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                sizes[name] = int(line.split()[1]) * 1024
    return sizes


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--directory", type=Path, help="for data and logs; default: a new one")
    args = parser.parse_args()
    directory = args.directory or Path(tempfile.mkdtemp(prefix="real-druid-"))
    try:
        asyncio.run(run(directory))
    except OperatorError as error:
        say(f"error: {error}")
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
