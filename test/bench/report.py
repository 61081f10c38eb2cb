"""Tables in Markdown from the JSON of a comparison."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from typing import Any

#: Step, figure, how it is called. Everything else is in the JSON.
ROWS = (
    ("start_up", "first_child_seconds", "start to first child, s"),
    ("start_up", "cpu_seconds", "CPU until quiet, s"),
    ("start_up", "idle_rss_mib", "idle memory, MiB"),
    ("converge", "all_ready_seconds", "first create to all ready, s"),
    ("converge", "cpu_seconds", "operator CPU for it, s"),
    ("converge", "calls", "API calls for it"),
    ("converge", "writes", "of them writes"),
    ("converge", "peak_rss_mib", "peak memory, MiB"),
    ("idle", "calls", "API calls while idle"),
    ("change", "p50_ms", "change to child updated, p50, ms"),
    ("change", "p99_ms", "p99, ms"),
    ("change", "floor_p50_ms", "floor: the harness's own watch, p50, ms"),
    ("change", "writes_per_change", "writes per change"),
    ("change", "cpu_ms_per_change", "operator CPU per change, ms"),
    ("restart", "quiet_seconds", "restart to quiet, s"),
    ("restart", "writes", "writes at restart"),
    ("restart", "cpu_seconds", "CPU for it, s"),
    ("foreign", "ready_seconds", "among foreign objects: ready, s"),
    ("foreign", "rss_mib", "memory then, MiB"),
)


def table(document: dict[str, Any]) -> str:
    """A row for each figure: medians, then the median of the ratios of runs of one round."""
    runs = document["runs"]
    names = list(dict.fromkeys(run["operator"] for run in runs))
    peers = [name for name in names if name != names[0]]
    head = ["", *names, *(f"{names[0]} / {peer}" for peer in peers)]
    lines = [_row(head), _row(["---"] * len(head))]
    for step, figure, title in ROWS:
        found = {name: _values(runs, name, step, figure) for name in names}
        if not any(found.values()):
            continue
        medians = [_median(list(found[name].values())) for name in names]
        ratios = [_ratio(found[names[0]], found[peer]) for peer in peers]
        lines.append(_row([title, *medians, *ratios]))
    return "\n".join(lines)


def _values(runs: Sequence[Any], name: str, step: str, figure: str) -> dict[tuple[int, str], Any]:
    """By run and step: a step that is done twice counts as two."""
    return dict(_measured(runs, name, step, figure))


def _measured(
    runs: Sequence[Any], name: str, step: str, figure: str
) -> Iterator[tuple[tuple[int, str], Any]]:
    for run in runs:
        if run["operator"] == name:
            for key, figures in run["steps"].items():
                if key in (step, f"{step}_again"):
                    yield (run["run"], key), figures[figure]


def _median(values: Sequence[Any]) -> str:
    if not values:
        return "-"
    if None in values:
        return "not reached"
    median = statistics.median(values)
    return f"{median:,.0f}" if median >= 1000 or median == int(median) else f"{median:.3g}"


def _ratio(ours: dict[tuple[int, str], Any], theirs: dict[tuple[int, str], Any]) -> str:
    pairs = [(ours[key], theirs[key]) for key in ours.keys() & theirs.keys()]
    ratios = [one / other for one, other in pairs if one is not None and other]
    return f"{statistics.median(ratios):.2f}" if ratios else "-"


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
