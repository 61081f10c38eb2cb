"""From the text of an answer to the value that a caller asked for.

What answers at the address may be no Druid: a gateway's login page, a mesh's own words, another
service that took the name. Such a 200 is no fact about Druid, and it must not surface as a mistake
in code either: that would end whoever polls.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, TypeVar

from druid_operator.pkg.druidapi import errors
from druid_operator.pkg.druidapi.transport import Answer, Request
from druid_operator.pkg.druidapi.types import JSON

T = TypeVar("T")

#: What reading a value of another shape raises.
_OTHER_SHAPE = (AttributeError, LookupError, TypeError, ValueError)


def body_of(answer: Answer) -> Any:
    """The JSON of an answer, or its text where Druid sends none (rules, configuration)."""
    try:
        # strict=False: Druid's own pages have raw newlines in strings.
        return json.loads(answer.text, strict=False)
    except ValueError:
        return answer.text


def understand(request: Request, answer: Answer, decode: Callable[[Any], T]) -> T:
    """Decode an answer.

    Raises:
        NotDruid: a read was answered with something else than was asked for.
        OutcomeUnknown: a mutation was: it may have been carried out all the same.
    """
    try:
        return decode(body_of(answer))
    except _OTHER_SHAPE as error:
        kind = errors.OutcomeUnknown if request.mutates else errors.NotDruid
        raise kind(
            "the answer is none that Druid gives: is something else at this address, or in front "
            "of it?",
            status=answer.status,
            call=request.call,
        ) from error


def an_object(body: Any) -> JSON:
    """Raises ``TypeError`` when it is none."""
    if not isinstance(body, dict):
        raise TypeError(f"expected an object, got {type(body).__name__}")
    return body


def a_list(body: Any) -> list[Any]:
    """Raises ``TypeError`` when it is none."""
    if not isinstance(body, list):
        raise TypeError(f"expected a list, got {type(body).__name__}")
    return body


def list_of(decode: Callable[[Any], T]) -> Callable[[Any], list[T]]:
    """A decoder of lists from one of their items."""
    return lambda body: [decode(row) for row in a_list(body)]
