"""``IntOrString``: a number, or a percentage of one."""

from __future__ import annotations

import math


def scaled(value: int | str, total: int, *, round_up: bool) -> int:
    """The number meant: ``25%`` of ``total``, rounded as asked. Raises ``ValueError``."""
    if isinstance(value, int):
        return value
    if not value.endswith("%"):
        raise ValueError(f"neither a number nor a percentage: {value!r}")
    share = int(value[:-1]) * total / 100
    return math.ceil(share) if round_up else math.floor(share)
