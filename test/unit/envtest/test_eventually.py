"""Waiting: what counts as not yet, what as broken, and what the failure says."""

from __future__ import annotations

import asyncio

import pytest

from druid_operator.pkg.envtest.eventually import NotReached, eventually
from druid_operator.pkg.errors import NotFound


async def test_answers_the_first_true_answer() -> None:
    answers = iter([None, [], "there"])
    assert await eventually(lambda: next(answers), interval=0) == "there"


async def test_not_found_and_failed_assertions_are_not_yet() -> None:
    errors = iter([NotFound("x"), AssertionError("y"), None])

    async def check() -> bool:
        error = next(errors)
        if error:
            raise error
        return True

    assert await eventually(check, interval=0)


async def test_the_failure_says_what_was_last_seen() -> None:
    async def check() -> bool:
        raise NotFound('pods "a" not found')

    with pytest.raises(NotReached, match=r'ready; last NotFound: pods "a" not found'):
        await eventually(check, timeout=0.05, what="ready")
    with pytest.raises(AssertionError, match="answered 0"):
        await eventually(lambda: 0, timeout=0.05)


async def test_a_fault_in_the_check_is_raised_at_once() -> None:
    with pytest.raises(KeyError):
        await eventually(lambda: {}["missing"], timeout=60)


async def test_a_check_that_hangs_is_given_up() -> None:
    with pytest.raises(NotReached):
        await eventually(lambda: asyncio.Event().wait(), timeout=0.05)


async def test_cancelling_the_caller_is_not_a_failure_to_reach() -> None:
    async def never() -> bool:
        return False

    task = asyncio.create_task(eventually(never, timeout=60))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
