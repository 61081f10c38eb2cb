"""Timers that a test moves by hand."""

from __future__ import annotations

import pytest

from druid_operator.pkg.clock import FakeTimers


@pytest.fixture
def timers() -> FakeTimers:
    return FakeTimers()
