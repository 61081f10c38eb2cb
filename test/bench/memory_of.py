"""What holding objects costs a process: bytes for each, and the pause of a garbage collection.

``python memory_of.py informer|dicts SIZE COUNT`` prints both as JSON.
"""

from __future__ import annotations

import asyncio
import gc
import json
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import bench_informer
from objects import SIZES, build_object, end_of_list, line


def main() -> None:
    what, label, count = sys.argv[1], SIZES[sys.argv[2]], int(sys.argv[3])
    before = _resident()
    held = asyncio.run(_informer(label, count)) if what == "informer" else _dicts(label, count)
    gc.collect()
    grown = (_resident() - before) // count
    started = time.perf_counter()
    gc.collect()
    pause = (time.perf_counter() - started) * 1000
    sys.stdout.write(json.dumps({"bytes_per_object": grown, "collection_pause_ms": pause}))
    assert held


async def _informer(size: int, count: int) -> object:
    async def lines() -> AsyncIterator[bytes]:
        for number in range(count):
            yield line("ADDED", build_object(number, size))
        yield end_of_list()

    informer, running = await bench_informer.filled(lines())
    running.cancel()
    return informer


def _dicts(size: int, count: int) -> object:
    return bench_informer.decode_into(
        {}, (line("ADDED", build_object(number, size)) for number in range(count))
    )


def _resident() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096


if __name__ == "__main__":
    main()
