"""Runs the operators through the scenarios, interleaved: run 1 of each, then run 2 of each.

A wall time belongs to the machine of that minute. A ratio of two runs that follow one another does
not, and is what a figure is judged by.
"""

from __future__ import annotations

import asyncio
import os
import signal
import statistics
import sys
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import attrs
import record
from operators import Operator
from plane import fresh_plane
from process import OperatorEnded
from scenarios import Figures, Measurement


@attrs.frozen(kw_only=True)
class Size:
    webs: int = 1000
    foreign: int = 10_000
    idle_seconds: float = 60.0
    concurrency: int = 10


async def life(operator: Operator, size: Size) -> dict[str, Figures]:
    """Everything but the foreign objects, on a control plane of its own."""
    command = operator.with_flags("--concurrency", str(size.concurrency))
    async with fresh_plane() as plane:
        measurement = Measurement(plane, command, operator.name)
        await measurement.prepare()
        try:
            return {
                "start_up": await measurement.start_up(),
                "converge": await measurement.converge(size.webs),
                "idle": await measurement.idle(size.idle_seconds),
                "change": await measurement.change(size.webs, run=0),
                "change_again": await measurement.change(size.webs, run=1),
                "restart": await measurement.restart(),
            }
        finally:
            await measurement.stop()


async def among_foreign(operators: Sequence[Operator], size: Size) -> dict[str, Figures]:
    """One control plane, filled once, and one operator after the other on it."""
    figures: dict[str, Figures] = {}
    async with fresh_plane() as plane:
        await plane.create_foreign_config_maps(size.foreign)
        for operator in operators:
            flags = ("--concurrency", str(size.concurrency), "--see-all")
            measurement = Measurement(plane, operator.with_flags(*flags), operator.name)
            await measurement.prepare()
            try:
                figures[operator.name] = await measurement.among_foreign(size.foreign)
            finally:
                await measurement.stop()
                plane.stop_watching()
                await plane.remove_web(operator.name)
            say(operator.name, "foreign", figures[operator.name])
    return figures


async def run(operators: Sequence[Operator], size: Size, *, runs: int, out: Path) -> None:
    """Measure, and write ``out`` anew after each run, so that an interrupted one is not lost."""
    task = asyncio.current_task()
    assert task is not None
    for signum in (signal.SIGINT, signal.SIGTERM):
        # Cancelled, it stops its operator and its control plane on the way out.
        asyncio.get_running_loop().add_signal_handler(signum, task.cancel)
    done: list[dict[str, Any]] = []
    document: dict[str, Any] = {
        **record.circumstances(),
        "size": attrs.asdict(size),
        "runs": done,
    }
    for number in range(runs):
        if size.webs:
            for operator in operators:
                load = os.getloadavg()[0]
                try:
                    steps = await life(operator, size)
                except* OperatorEnded as ended:
                    say(operator.name, "ended", str(ended.exceptions))
                else:
                    say(operator.name, "life", steps)
                    done.append(_run(operator.name, number, load, steps))
                record.write(out, {**document, "medians": medians(done)})
        if size.foreign:
            load = os.getloadavg()[0]
            for name, figures in (await among_foreign(operators, size)).items():
                done.append(_run(name, number, load, {"foreign": figures}))
            record.write(out, {**document, "medians": medians(done)})


def _run(name: str, number: int, load: float, steps: dict[str, Figures]) -> dict[str, Any]:
    return {
        "operator": name, "run": number, "at": record.now(), "load_before": load, "steps": steps,
    }  # fmt: skip


def medians(runs: Sequence[dict[str, Any]]) -> dict[str, dict[str, dict[str, float | None]]]:
    """By step, figure and operator. A figure that one run did not reach has no median."""
    values: defaultdict[tuple[str, str, str], list[float | None]] = defaultdict(list)
    for one in runs:
        for step, figures in one["steps"].items():
            for figure, value in figures.items():
                if not isinstance(value, dict):
                    values[step, figure, one["operator"]].append(value)
    result: dict[str, dict[str, dict[str, float | None]]] = {}
    for (step, figure, operator), found in values.items():
        known = [value for value in found if value is not None]
        median = statistics.median(known) if len(known) == len(found) else None
        result.setdefault(step, {}).setdefault(figure, {})[operator] = median
    return result


def say(*words: object) -> None:
    parts = (str(record.rounded(word)) for word in words)
    sys.stderr.write(" ".join((record.now(), *parts)) + "\n")
