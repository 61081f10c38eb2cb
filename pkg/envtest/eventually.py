"""Waiting for a state of the world, with a deadline and the reason it was not reached."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, overload

from druid_operator.pkg.errors import APIError, OperatorError, RequestNotSent

T = TypeVar("T")

#: What a world on its way may answer: not true yet, not there yet, no connection yet.
RETRIED = (AssertionError, APIError, RequestNotSent)


class NotReached(OperatorError, AssertionError):
    """The deadline passed; the message and ``__cause__`` have the last thing that was seen.

    An ``AssertionError`` too, so a test that waits in vain fails rather than errors.
    """


@overload
async def eventually(
    check: Callable[[], Awaitable[T]],
    *,
    timeout: float = ...,
    interval: float = ...,
    what: str = ...,
) -> T: ...
@overload
async def eventually(
    check: Callable[[], T],
    *,
    timeout: float = ...,
    interval: float = ...,
    what: str = ...,
) -> T: ...
async def eventually(
    check: Callable[[], Any],
    *,
    timeout: float = 10.0,
    interval: float = 0.02,
    what: str = "",
) -> Any:
    """Repeat ``check`` until it answers something true, and return that.

    A check that is not satisfied answers something false, or raises one of ``RETRIED``. Any other
    exception is a fault in the check itself and is raised at once. A check that ends with a bare
    ``assert`` and returns nothing is a mistake: ``None`` is false.

    Args:
        check: a function or coroutine function without arguments.
        timeout: seconds in all; a check that hangs is cancelled then.
        interval: seconds from the end of one check to the next.
        what: names the state in the message; by default the check's own name.

    Raises:
        NotReached: the deadline passed.
    """
    last: Any = "it was never answered"
    cause: BaseException | None = None
    try:
        async with asyncio.timeout(timeout):
            while True:
                try:
                    answer = check()
                    last = await answer if inspect.isawaitable(answer) else answer
                    cause = None
                    if last:
                        return last
                except RETRIED as error:
                    cause = error
                await asyncio.sleep(interval)
    except TimeoutError:
        name = what or getattr(check, "__qualname__", repr(check))
        seen = f"{type(cause).__name__}: {cause}" if cause else f"answered {last!r}"
        raise NotReached(f"not reached within {timeout:g} s: {name}; last {seen}") from cause
