"""Runs a program's main coroutine, on uvloop where that is wanted and there."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Callable, Coroutine
from typing import Any, Literal, TypeVar

from druid_operator.pkg.client import ConfigError
from druid_operator.pkg.log import logger

T = TypeVar("T")

LoopChoice = Literal["asyncio", "uvloop", "auto"]


def run(main: Coroutine[Any, Any, T], *, loop: LoopChoice = "asyncio") -> T:
    """As ``asyncio.run``.

    Args:
        main: the program.
        loop: ``uvloop`` (the extra of that name) gains little here, where decoding is what costs;
            the standard loop is what everything is tested on. ``auto`` takes it if it is installed.

    Raises ``ConfigError`` when uvloop is asked for and not installed.
    """
    with asyncio.Runner(loop_factory=_factory(loop)) as runner:
        return runner.run(main)


def _factory(choice: LoopChoice) -> Callable[[], asyncio.AbstractEventLoop] | None:
    if choice == "asyncio":
        return None
    try:
        uvloop = importlib.import_module("uvloop")
    except ImportError as error:
        if choice == "auto":
            return None
        raise ConfigError("uvloop is not installed: install the extra uvloop") from error
    logger().info("Using uvloop", version=str(getattr(uvloop, "__version__", "")))
    factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return factory
