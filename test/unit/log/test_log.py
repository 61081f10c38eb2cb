"""What a line looks like, what it may carry, and what it must never show."""

from __future__ import annotations

import io
import json
import logging
import warnings
from collections.abc import Callable, Iterator
from enum import Enum
from typing import Any

import attrs
import pytest
import structlog

from druid_operator.pkg import log
from druid_operator.pkg.meta import NamespacedName


class Terminal(io.TextIOWrapper):
    def isatty(self) -> bool:
        return True


@attrs.define
class Sink:
    raw: io.BytesIO
    stream: io.TextIOWrapper

    def text(self) -> str:
        self.stream.flush()
        return self.raw.getvalue().decode()

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.text().splitlines()]


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    logging.captureWarnings(False)
    root.handlers[:], root.level = handlers, level
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


@pytest.fixture
def configured() -> Callable[..., Sink]:
    def make(*, terminal: bool = False, **options: Any) -> Sink:
        raw = io.BytesIO()
        stream = (Terminal if terminal else io.TextIOWrapper)(raw, encoding="utf-8")
        log.configure(stream=stream, cache=False, **options)
        return Sink(raw, stream)

    return make


def test_a_line_is_json_with_time_level_and_message_first(configured) -> None:
    sink = configured()
    log.logger().info("Applied StatefulSet", namespace="ns", name="a", generation=3)
    (line,) = sink.lines()
    assert list(line)[:3] == ["ts", "level", "msg"]
    assert line.pop("ts").endswith("Z")
    assert line == {
        "level": "info",
        "msg": "Applied StatefulSet",
        "namespace": "ns",
        "name": "a",
        "generation": 3,
    }


def test_what_is_bound_is_on_every_line_of_the_block_and_on_none_after(configured) -> None:
    sink = configured()
    with log.bound(controller="druid", reconcileID="r1"):
        assert log.reconcile_id() == "r1"
        log.logger().info("Applied Service")
        logging.getLogger("other").warning("From a library")
    assert log.reconcile_id() == ""
    log.logger().info("Started")
    first, second, third = sink.lines()
    assert (first["controller"], first["reconcileID"]) == ("druid", "r1")
    assert (second["controller"], second["logger"]) == ("druid", "other")
    assert "controller" not in third


def test_lines_below_the_level_are_not_written(configured) -> None:
    sink = configured(level="warning")
    log.logger().info("Quiet")
    logging.getLogger("x").info("Quiet")
    log.logger().warning("Loud")
    assert [line["msg"] for line in sink.lines()] == ["Loud"]


def fail_with_a_secret() -> None:
    password = "hunter2"
    raise ValueError(f"length {len(password)}")


@pytest.mark.parametrize("options", [{}, {"fmt": "console"}], ids=["json", "console"])
def test_a_traceback_has_frames_and_no_local_variables(configured, options) -> None:
    sink = configured(**options)
    try:
        fail_with_a_secret()
    except ValueError:
        log.logger().exception("Reconcile failed")
        logging.getLogger("library").exception("Failed too")
    assert sink.text().count("fail_with_a_secret") >= 2
    assert "length 7" in sink.text()
    assert "hunter2" not in sink.text().replace('password = "hunter2"', "")


class Colour(Enum):
    RED = "red"


@attrs.define
class Credentials:
    password: str


@pytest.mark.parametrize("options", [{}, {"fmt": "console"}], ids=["json", "console"])
def test_a_value_that_is_no_json_is_shown_by_type_unless_it_is_known_harmless(
    configured, options
) -> None:
    sink = configured(**options)
    log.logger().info(
        "Tried",
        object=NamespacedName("ns", "a"),
        error=KeyError("k"),
        reason=Colour.RED,
        field=Credentials("hunter2"),
        count=b"hunter2",
    )
    text = sink.text()
    for shown in ("ns/a", "KeyError", "red", "Credentials", "bytes"):
        assert shown in text
    assert "hunter2" not in text


def test_warnings_and_extras_of_the_standard_library_become_lines(configured) -> None:
    sink = configured()
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        warnings.warn("odd", UserWarning, stacklevel=1)
    logging.getLogger("x").error("Failed", extra={"host": "h"})
    first, second = sink.lines()
    assert (first["logger"], first["level"]) == ("py.warnings", "warning")
    assert (second["msg"], second["host"]) == ("Failed", "h")


def test_the_library_that_prints_secrets_at_debug_is_kept_at_info(configured) -> None:
    sink = configured(level="debug")
    logging.getLogger("kubernetes_asyncio.client.rest").debug("body: hunter2")
    log.logger().debug("Ours")
    assert [line["msg"] for line in sink.lines()] == ["Ours"]


def test_auto_is_console_on_a_terminal(configured) -> None:
    sink = configured(terminal=True)
    log.logger().info("Applied Service", name="a")
    assert "Applied Service" in sink.text()
    with pytest.raises(json.JSONDecodeError):
        sink.lines()


def test_a_key_outside_of_the_closed_list_is_refused_in_tests(configured) -> None:
    sink = configured(check=log.RefuseUnknownKeys(more=["druid"]))
    log.logger().info("Applied", namespace="ns", druid="a")
    with pytest.raises(ValueError, match="nmae"):
        log.logger().info("Applied", nmae="typo")
    assert len(sink.lines()) == 1
