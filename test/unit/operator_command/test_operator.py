"""How the process ends: an exit status and a line of log, and a traceback only for mistakes."""

from __future__ import annotations

from typing import Any

import pytest

from druid_operator.cmd.manager import operator
from druid_operator.cmd.manager.options import Options
from druid_operator.pkg.client import RestConfig
from druid_operator.pkg.controller import CacheSyncTimeout
from druid_operator.pkg.errors import OperatorError
from druid_operator.pkg.manager import GraceExceeded


@pytest.mark.parametrize(
    "error",
    [
        GraceExceeded("slow did not stop"),
        CacheSyncTimeout("druids did not sync"),
        OperatorError("whatever the framework raises on purpose"),
        OSError("address in use"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_failure_of_the_world_ends_the_process_with_1_and_its_words(
    error: Exception, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    async def fails(*_: Any) -> None:
        raise error

    # Both are for a process of its own.
    monkeypatch.setattr(operator.log, "configure", lambda **_: None)
    monkeypatch.setattr(operator.gc, "set_threshold", lambda *_: None)
    monkeypatch.setattr(operator, "load_config", lambda _: RestConfig(host="http://127.0.0.1:1"))
    monkeypatch.setattr(operator, "_run", fails)
    assert operator.run_operator(Options()) == 1
    told = "".join(capfd.readouterr())
    assert str(error) in told
    assert "Traceback" not in told
