"""One parser for all of Druid's failure bodies, and what each failure means for the caller."""

from __future__ import annotations

import pytest

from druid_operator.pkg import errors as framework
from druid_operator.pkg.druidapi import errors

INNER = r"{\"errorMessage\":\"inner\"}"
PAGE = "<html>\n<head><title>400 No required SSL certificate was sent</title></head></html>"
FORWARDED = f'{{"errorMessage":"x: Server error [400 Bad Request]; body: {INNER}"}}'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"error":"[x] is already suspended"}', "[x] is already suspended"),
        ('{"error":"druidException","errorMessage":"Task[t] already exists"}',
         "Task[t] already exists"),
        ('{"error":"druidException"}', '{"error":"druidException"}'),
        ('{"error":"Unknown exception","errorMessage":"no brokers"}', "no brokers"),
        ('{"error":"Unauthorized request","errorMessage":null}', "Unauthorized request"),
        ('{"Access-Check-Result":"Unauthorized"}', "Unauthorized"),
        ('{"taskId":"m","state":"FAILED","error":{"errorMessage":"no"}}', "no"),
        ('{"servlet":"x","message":"a.b.FooException: c.d.ISE: value &gt; 3"}', "value > 3"),
        ('{\n"message":"two\nlines",\n"status":"500"}', "two\nlines"),
        (FORWARDED, "inner"),
        ("Cannot find any task with id: [t]", "Cannot find any task with id: [t]"),
        ("", "Druid answered 500 without a word"),
        ("[1]", "[1]"),
        (PAGE, "400 No required SSL certificate was sent"),
        ("<HTML></HTML>", "<HTML></HTML>"),
    ],
)  # fmt: skip
def test_the_words_are_found_in_any_shape(text: str, message: str) -> None:
    assert errors.from_answer(500, text).message == message


def test_a_stack_trace_is_cut() -> None:
    error = errors.from_answer(500, "x" * 100_000)
    assert len(error.message) == errors.MAX_MESSAGE


@pytest.mark.parametrize(
    ("status", "text", "cls"),
    [
        (500, '{"error":"boom"}', errors.ServerError),
        (599, "", errors.ServerError),
        (418, "", errors.Rejected),
        # Druid is asked for JSON and answers so: a page is of somebody on the way.
        (400, PAGE, errors.NotDruid),
        (401, PAGE, errors.AuthFailed),
        (413, PAGE, errors.Rejected),
        (502, PAGE, errors.NotReady),
        (500, '{"category":"INVALID_INPUT","error":"druidException"}', errors.Rejected),
        (500, '{"category":"FORBIDDEN","error":"druidException"}', errors.AuthFailed),
        (500, '{"error":"Too many tasks (max = 1)"}', errors.Capacity),
        (429, "", errors.Capacity),
        (503, "", errors.NotReady),
        (307, "", errors.NotLeader),
    ],
)
def test_the_class_says_what_to_do_next(status: int, text: str, cls: type) -> None:
    assert type(errors.from_answer(status, text)) is cls


def test_the_framework_knows_the_branches_it_must_treat_apart() -> None:
    rejected = errors.from_answer(400, "no")
    assert isinstance(rejected, framework.TerminalError)
    assert rejected.reason == "SpecRejected"
    assert not rejected.retryable
    assert isinstance(errors.NotSent("x"), framework.RequestNotSent)
    assert isinstance(errors.OutcomeUnknown("x"), framework.OutcomeUnknown)


def test_an_error_says_which_call_it_was() -> None:
    assert str(errors.from_answer(400, "no", call="GET /x")) == "GET /x 400: no"
    assert str(errors.NotReady("no leader yet")) == "no leader yet"
