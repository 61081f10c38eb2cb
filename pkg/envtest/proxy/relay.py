"""One watch on its way through the proxy, line by line, and what can happen to it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import attrs
from aiohttp import web

from druid_operator.pkg.envtest.proxy.request import ProxiedRequest


@attrs.frozen
class Truncate:
    """Break a watch after that many lines; with ``half`` in the middle of the line behind them."""

    lines: int
    half: bool = False


@attrs.frozen
class Shut:
    """Answer a watch, send nothing, and end it properly at once."""


@attrs.define(eq=False)
class Relay:
    """One watch on its way through."""

    http: web.BaseRequest
    request: ProxiedRequest
    response: web.StreamResponse
    truncate: Truncate | None
    flowing: asyncio.Event | None = None
    sent: int = 0

    async def run(self, lines: AsyncIterator[bytes], all_flowing: asyncio.Event) -> None:
        if self._ends():
            self.cut()
            return
        async for line in lines:
            if self.flowing is not None:
                await self.flowing.wait()
            await all_flowing.wait()
            if self.truncate is not None and self.sent >= self.truncate.lines:
                # Only with ``half`` does it come so far.
                await self.write(line[: len(line) // 2])
                self.cut()
                return
            await self.write(line)
            if self._ends():
                self.cut()
                return

    def _ends(self) -> bool:
        limit = self.truncate
        return limit is not None and not limit.half and self.sent >= limit.lines

    async def write(self, data: bytes) -> None:
        await self.response.write(data)
        self.sent += 1

    def cut(self) -> None:
        if self.http.transport is not None:
            # Close after what was written has gone out; an abort could take it along.
            self.http.transport.close()


async def lines_of(answer: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    """Whole lines, each with its newline; what is behind the last newline comes as it is."""
    buffer = bytearray()
    async for chunk in answer.content.iter_any():
        buffer += chunk
        while (end := buffer.find(b"\n")) >= 0:
            yield bytes(buffer[: end + 1])
            del buffer[: end + 1]
    if buffer:
        yield bytes(buffer)
