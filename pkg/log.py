"""Structured logs: one JSON object a line on stderr, or aligned text on a terminal.

A line is a constant message (capital first letter, past tense, no full stop) and data under keys
from one closed list, :data:`KEYS`: who reads logs searches by key, and a key that is spelt in three
ways is found by nobody. What a pass is about (controller, object, reconcileID) is bound once, at
its start, with :func:`bound`, and is then on every line, whoever writes it.

Secrets: nothing here prints what it does not know to be harmless. A traceback has no local
variables, and a value that is no JSON is shown by its type, never by its ``repr``, which may hold a
password.

Context variables pass to the tasks that are created under them. Start a long-lived task outside of
any :func:`bound` block, or it keeps the names of the pass that happened to start it.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterable, Mapping, MutableMapping
from contextlib import AbstractContextManager
from enum import Enum
from pathlib import PurePath
from typing import Any, Literal, TextIO, cast

import orjson
import structlog
from structlog.contextvars import bound_contextvars, get_contextvars, merge_contextvars
from structlog.stdlib import ExtraAdder, ProcessorFormatter, add_logger_name
from structlog.tracebacks import ExceptionDictTransformer
from structlog.typing import EventDict, FilteringBoundLogger, Processor

Format = Literal["auto", "json", "console"]
Level = Literal["debug", "info", "warning", "error"]

#: Every key a line may have, by what it tells. The first row is bound for a whole pass.
KEYS = frozenset({
    "controller", "controllerGroup", "controllerKind", "namespace", "name", "reconcileID",
    # the object or request that the line is about
    "kind", "gvk", "object", "field", "generation", "resourceVersion", "uid",
    # what was done, why, how it went
    "action", "reason", "error", "function", "duration_seconds", "attempt",
    "requeue_after_seconds", "count",
    # requests
    "method", "host", "path", "status",
    # the process and its parts
    "runnable", "address", "identity", "holder", "lease", "signal", "version", "scope", "stacks",
})  # fmt: skip
#: What the processors themselves put on a line.
OWN_KEYS = frozenset({"ts", "level", "msg", "logger", "exception"})

#: A traceback deeper than this is a recursion, and its middle tells nothing.
MAX_FRAMES = 25

#: These print bodies, and with them Secrets, at DEBUG.
LOUD_LOGGERS = ("kubernetes_asyncio.client.rest",)


def logger() -> FilteringBoundLogger:
    """A logger that adds what is bound in the context. Cheap, but best kept per module."""
    return cast("FilteringBoundLogger", structlog.get_logger())


def bound(**values: object) -> AbstractContextManager[None]:
    """Bind ``values`` to every line written inside the block, in this task and those it starts."""
    return bound_contextvars(**values)


def reconcile_id() -> str:
    """The id of the pass that is running here, empty outside of one."""
    return str(get_contextvars().get("reconcileID", ""))


def configure(
    *,
    level: Level = "info",
    fmt: Format = "auto",
    stream: TextIO | None = None,
    check: Processor | None = None,
    cache: bool = True,
) -> None:
    """Set up structlog, the standard library's ``logging`` and ``warnings`` for this process.

    Args:
        level: the lowest level that is written.
        fmt: ``auto`` is console on a terminal, else JSON.
        stream: stderr by default. JSON is written to its byte buffer.
        check: a processor that sees each of our own lines first: tests pass
            ``RefuseUnknownKeys()``.
        cache: keep loggers as they are on first use, which is faster but deaf to a later call.
    """
    out: TextIO = stream or sys.stderr
    as_json = fmt == "json" or (fmt == "auto" and not out.isatty())
    number = logging.getLevelNamesMapping()[level.upper()]
    head: list[Processor] = [
        merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="ts"),
    ]
    checks = [check] if check else []
    ours: list[Processor]
    tail: list[Processor]
    if as_json:
        exceptions = structlog.processors.ExceptionRenderer(
            ExceptionDictTransformer(show_locals=False, max_frames=MAX_FRAMES)
        )
        ours = [*checks, *head, exceptions, _encode]
        tail = [exceptions, _encode_text]
        factory: Callable[..., Any] = structlog.BytesLoggerFactory(out.buffer)
    else:
        console = structlog.dev.ConsoleRenderer(
            colors=out.isatty(),
            exception_formatter=structlog.dev.plain_traceback,  # the rich one prints locals
            timestamp_key="ts",
        )
        ours = [*checks, *head, _console_values, console]
        tail = [_console_values, console]
        factory = structlog.PrintLoggerFactory(out)
    structlog.configure(
        processors=ours,
        logger_factory=factory,
        wrapper_class=structlog.make_filtering_bound_logger(number),
        cache_logger_on_first_use=cache,
    )
    _configure_stdlib(number, out, [*head, add_logger_name, ExtraAdder()], tail)


def _configure_stdlib(
    level: int, stream: TextIO, foreign: list[Processor], tail: list[Processor]
) -> None:
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        ProcessorFormatter(
            foreign_pre_chain=foreign,
            processors=[ProcessorFormatter.remove_processors_meta, *tail],
        )
    )
    logging.basicConfig(handlers=[handler], level=level, force=True)
    logging.captureWarnings(True)
    for name in LOUD_LOGGERS:
        logging.getLogger(name).setLevel(max(level, logging.INFO))


class RefuseUnknownKeys:
    """A processor for tests: raises ``ValueError`` at a line with a key that is not on the list.

    Args:
        more: keys that an operator adds to the framework's.
    """

    def __init__(self, more: Iterable[str] = ()) -> None:
        self._known = KEYS | OWN_KEYS | {"event", "exc_info", "stack_info"} | frozenset(more)

    def __call__(self, _: Any, __: str, event: EventDict) -> EventDict:
        if unknown := sorted(set(event) - self._known):
            raise ValueError(f"log keys outside of the closed list: {', '.join(unknown)}")
        return event


def plain(value: object) -> object:
    """What stands in a line for a value that is no JSON.

    Text for what is known to be harmless: errors, names, paths, enum members, sets of those.
    Anything else, and bytes above all, is shown by its type alone.
    """
    if isinstance(value, BaseException):
        return f"{type(value).__name__}: {value}"
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, set | frozenset):
        return sorted(value, key=str)
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, tuple | PurePath):  # orjson knows tuple, but not NamespacedName
        return str(value)
    return f"<{type(value).__qualname__}>"


def _encode(_: Any, __: str, event: MutableMapping[str, Any]) -> bytes:
    head = {"ts": event.pop("ts", None), "level": event.pop("level", None)}
    return orjson.dumps(
        {**head, "msg": event.pop("event", None), **event},
        default=plain,
        option=orjson.OPT_NON_STR_KEYS,
    )


def _encode_text(logger_: Any, method: str, event: MutableMapping[str, Any]) -> str:
    return _encode(logger_, method, event).decode()


def _console_values(_: Any, __: str, event: EventDict) -> EventDict:
    harmless = (str, int, float, bool, type(None), list, dict)
    for key, value in event.items():
        if key != "exc_info" and not isinstance(value, harmless):
            event[key] = plain(value)
    return event
