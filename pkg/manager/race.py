"""Waiting for something, but not longer than for the stop."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any


async def unless_set(stop: asyncio.Event, work: Coroutine[Any, Any, None]) -> None:
    """Run ``work``, and cancel it when ``stop`` is set. Raises what it raises."""
    stopping = asyncio.ensure_future(stop.wait())
    working = asyncio.ensure_future(work)
    try:
        await asyncio.wait([working, stopping], return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopping.cancel()
        if not working.done():
            working.cancel()
            await asyncio.wait([working])
    if not working.cancelled():
        working.result()
