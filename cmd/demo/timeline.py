"""Prints what happens, as it happens: a time, who, what and why."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence

import attrs

from druid_operator.pkg.meta import JSON


@attrs.define
class Timeline:
    """Lines with the seconds since the start. Bold and grey only on a terminal."""

    started: float = attrs.field(factory=time.monotonic)
    _colour: bool = attrs.field(factory=lambda: sys.stdout.isatty())

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.started

    def chapter(self, title: str) -> None:
        print(self._paint("1", f"\n{self.seconds:6.1f}s  {title}"), flush=True)

    def line(self, who: str, what: str, why: str = "") -> None:
        reason = self._paint("2", f"  ({why})") if why else ""
        print(f"{self.seconds:6.1f}s    {who:<34} {what}{reason}", flush=True)

    def event(self, event: JSON) -> None:
        """An Event of the operator."""
        regarding = event.get("regarding", {})
        who = f"{regarding.get('kind', '?')}/{regarding.get('name', '?')}"
        note = str(event.get("note", "")).splitlines()
        self.line(who, event.get("reason", ""), note[0][:110] if note else "")

    def table(self, table: JSON) -> None:
        """What ``kubectl get`` would print."""
        columns = [c["name"].upper() for c in table["columnDefinitions"] if not c.get("priority")]
        shown = [i for i, c in enumerate(table["columnDefinitions"]) if not c.get("priority")]
        rows = [[_cell(row["cells"][i]) for i in shown] for row in table["rows"]]
        self.rows([columns, *rows])

    def rows(self, rows: Sequence[Sequence[str]]) -> None:
        widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
        for row in rows:
            cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
            print(self._paint("36", "           " + "   ".join(cells).rstrip()), flush=True)

    def _paint(self, code: str, text: str) -> str:
        return f"\033[{code}m{text}\033[0m" if self._colour else text


def _cell(value: object) -> str:
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
