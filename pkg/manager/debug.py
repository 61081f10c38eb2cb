"""What a process is doing right now: tasks, threads, queues, stores. For people, as JSON.

On an address of its own and not by default: it is open to whoever reaches it. It shows names and
numbers, and of stacks the places in the code; no object, no variable, no Secret.
"""

from __future__ import annotations

import asyncio
import gc
import sys
import threading
import traceback
import tracemalloc
from collections.abc import Callable, Mapping
from types import FrameType
from typing import Any

import attrs
import orjson
from aiohttp import web

from druid_operator.pkg.cache import Cache, Informer
from druid_operator.pkg.clock import Clock
from druid_operator.pkg.controller import Controller
from druid_operator.pkg.meta import JSON

#: Frames of a stack, and lines of an allocation report.
MAX_FRAMES = 30
MAX_ALLOCATIONS = 50


@attrs.frozen
class DebugEndpoint:
    """The application behind ``debug_bind``.

    Args:
        cache: whose stores are shown.
        controllers: by name; read anew for every request.
        clock: ages.
    """

    cache: Cache
    controllers: Mapping[str, Controller[Any]]
    clock: Clock

    def app(self) -> web.Application:
        app = web.Application()
        shown: dict[str, Callable[[web.Request], Any]] = {
            "tasks": lambda _: tasks(),
            "stacks": lambda _: stacks(),
            "queues": lambda _: self.queues(),
            "stores": lambda _: self.stores(),
            "memory": lambda request: memory(trace=request.query.get("trace")),
        }
        for name, show in shown.items():
            app.router.add_get(f"/debug/{name}", _serving(show))
        app.router.add_get("/debug/", _serving(lambda _: [f"/debug/{name}" for name in shown]))
        return app

    def queues(self) -> list[JSON]:
        """Of each controller, what waits and what runs, for how long."""
        return [
            {
                "controller": name,
                "started": controller.started.is_set(),
                "workers": controller.settings.max_concurrent_reconciles,
                "due": len(controller.queue),
                "processing": {
                    str(key): round(seconds, 3)
                    for key, seconds in getattr(controller.queue, "processing", {}).items()
                },
            }
            for name, controller in sorted(self.controllers.items())
        ]

    def stores(self) -> list[JSON]:
        """Of each informer, what it has and how it is."""
        now = self.clock.monotonic()
        return [_store(informer, now) for informer in self.cache.all_informers()]


def _store(informer: Informer, now: float) -> JSON:
    return {
        "gvk": str(informer.resource.gvk),
        "namespace": informer.scope.namespace,
        "labels": informer.scope.labels,
        "fields": informer.scope.fields,
        "metadataOnly": informer.metadata_only,
        "synced": informer.has_synced,
        "objects": len(informer),
        "bytes": informer.stored_bytes,
        "resourceVersion": informer.version,
        "ownWrites": informer.overlay_size,
        "undelivered": informer.listener_depth,
        "lastActivitySeconds": round(now - informer.last_activity, 3),
        "error": str(informer.last_error) if informer.last_error else None,
    }


def tasks() -> list[JSON]:
    """Every task of the event loop, with where it waits."""
    found = sorted(asyncio.all_tasks(), key=lambda task: task.get_name())
    return [
        {"name": task.get_name(), "stack": [_place(frame) for frame in task.get_stack()]}
        for task in found
    ]


def stacks() -> list[JSON]:
    """Every thread, with where it is."""
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    return [
        {
            "thread": names.get(ident, str(ident)),
            "stack": [
                f"{entry.filename}:{entry.lineno} {entry.name}"
                for entry in traceback.extract_stack(frame, limit=MAX_FRAMES)
            ],
        }
        for ident, frame in sys._current_frames().items()  # noqa: SLF001 - its documented use
    ]


def memory(*, trace: str | None = None) -> JSON:
    """The collector's counts and, once tracing is on, where memory was allocated.

    Args:
        trace: ``start`` begins to trace allocations, which slows the process down several times;
            ``stop`` ends it.
    """
    if trace == "start":
        tracemalloc.start()
    elif trace == "stop":
        tracemalloc.stop()
    report: JSON = {
        "tracing": tracemalloc.is_tracing(),
        "gc": {"counts": list(gc.get_count()), "frozen": gc.get_freeze_count()},
    }
    if tracemalloc.is_tracing():
        statistics = tracemalloc.take_snapshot().statistics("lineno")[:MAX_ALLOCATIONS]
        report["allocations"] = [
            {"place": str(s.traceback), "bytes": s.size, "count": s.count} for s in statistics
        ]
    return report


def _place(frame: FrameType) -> str:
    return f"{frame.f_code.co_filename}:{frame.f_lineno} {frame.f_code.co_name}"


def _serving(show: Callable[[web.Request], Any]) -> Callable[[web.Request], Any]:
    async def serve(request: web.Request) -> web.Response:
        body = orjson.dumps(show(request), option=orjson.OPT_INDENT_2)
        return web.Response(body=body, content_type="application/json")

    return serve
