"""The framework alone: each part beside the least that would do the same."""

from __future__ import annotations

import json
import subprocess
import sys
from itertools import chain
from pathlib import Path
from typing import Any

import bench_controller
import bench_informer
import bench_queue
import bench_reads
from objects import SIZES
from paired import measure

from druid_operator.pkg import log


def run(*, repeat: int, objects: int) -> dict[str, Any]:
    log.configure(level="warning")
    pairs = chain(
        bench_queue.pairs(objects),
        bench_informer.pairs(objects),
        bench_controller.pairs(objects),
        bench_reads.pairs(objects),
    )
    figures: dict[str, Any] = {}
    for pair in pairs:
        figures[pair.name] = measured = measure(pair, repeat=repeat)
        ours, ratio = measured["ours_us"]["median"], measured["ratio"]["median"]
        sys.stderr.write(f"{pair.name}: {ours:.3g} us, {ratio:.2f} times the baseline\n")
    return {
        "repeat": repeat,
        "objects": objects,
        "pairs": figures,
        "held": {label: _held(label, objects) for label in SIZES},
    }


def _held(label: str, objects: int) -> dict[str, dict[str, float]]:
    """In processes of their own: what a program really grows by, and nothing else to collect."""
    script = str(Path(__file__).parent / "memory_of.py")
    return {
        what: json.loads(
            subprocess.run(
                (sys.executable, script, what, label, str(objects)),
                check=True,
                capture_output=True,
            ).stdout
        )
        for what in ("informer", "dicts")
    }
