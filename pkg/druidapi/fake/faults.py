"""Requests that go wrong on purpose: the k-th that matches is held, cut off, or kills."""

from __future__ import annotations

import asyncio
import os
import signal
from typing import Literal

import attrs
from aiohttp import web

from druid_operator.pkg.druidapi.fake import answers

#: ``hold`` never answers; ``cut`` closes the connection; ``kill`` ends a process and then cuts;
#: ``answer`` gives ``status`` instead.
Action = Literal["hold", "cut", "kill", "answer"]


@attrs.define
class Fault:
    """One thing that goes wrong.

    Attributes:
        nth: which matching request, from 1, counted since the fault was installed.
        after: whether the request is carried out first, so that only its answer is lost.
        times: how many matching requests from the ``nth`` on.
        method, path: what matches; empty for all. ``path`` is a prefix.
        pid: the process that ``kill`` ends with SIGKILL.
    """

    action: Action
    nth: int = 1
    after: bool = False
    times: int = 1
    method: str = ""
    path: str = ""
    status: int = 503
    body: str = ""
    pid: int = 0
    seen: int = 0

    def strikes(self, request: web.Request) -> bool:
        """Counts the request if it matches."""
        if self.method and request.method != self.method:
            return False
        if not request.path.startswith(self.path):
            return False
        self.seen += 1
        return self.nth <= self.seen < self.nth + self.times

    async def strike(self, request: web.Request) -> web.StreamResponse:
        if self.action == "answer":
            return answers.raw(self.status, self.body)
        if self.action == "hold":
            await asyncio.Event().wait()  # until the client leaves: aiohttp cancels us
        if self.action == "kill":
            os.kill(self.pid, signal.SIGKILL)
        if request.transport is not None:
            request.transport.abort()
        # Nobody reads it: the connection is gone.
        return answers.empty(500)
