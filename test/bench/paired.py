"""Ours beside a baseline, in turn, so that both have the same machine.

A baseline is the least that any program would have to do for the same result. The ratio says what
the framework costs on top; it holds on another machine, which seconds do not.
"""

from __future__ import annotations

import asyncio
import gc
import statistics
import time
from collections.abc import Callable, Coroutine
from contextlib import AbstractContextManager, nullcontext
from typing import Any, TypeAlias

import attrs

#: Does the work once and answers how many operations it was.
Work: TypeAlias = Callable[[], int]
#: What is made before the work and undone after it is not timed.
Prepare: TypeAlias = Callable[[], AbstractContextManager[Work]]

WARM_UPS = 3


@attrs.frozen
class Pair:
    """One measurement.

    Args:
        ours, baseline: each prepares its work anew for every run.
        unit: what one operation is.
    """

    name: str
    unit: str
    ours: Prepare
    baseline: Prepare
    baseline_is: str


def measure(pair: Pair, *, repeat: int) -> dict[str, Any]:
    """Microseconds of one operation, and how many times as long ours takes as the baseline."""
    ours: list[float] = []
    baseline: list[float] = []
    for run in range(WARM_UPS + repeat):
        one, other = _microseconds(pair.ours), _microseconds(pair.baseline)
        if run >= WARM_UPS:
            ours.append(one)
            baseline.append(other)
    ratios = [one / other for one, other in zip(ours, baseline, strict=True)]
    return {
        "unit": pair.unit,
        "baseline_is": pair.baseline_is,
        "ours_us": _spread(ours),
        "baseline_us": _spread(baseline),
        "ratio": _spread(ratios),
    }


def unprepared(work: Work) -> Prepare:
    """For work that needs nothing made before it."""
    return lambda: nullcontext(work)


def in_loop(work: Callable[[], Coroutine[Any, Any, int]]) -> Prepare:
    """For work that is a coroutine function, in a loop of its own."""
    return unprepared(lambda: asyncio.run(work()))


def _microseconds(prepare: Prepare) -> float:
    with prepare() as work:
        # What an earlier run left must not be collected within this one.
        gc.collect()
        started = time.perf_counter()
        operations = work()
        return (time.perf_counter() - started) * 1e6 / operations


def _spread(values: list[float]) -> dict[str, float]:
    return {"median": statistics.median(values), "min": min(values), "max": max(values)}
