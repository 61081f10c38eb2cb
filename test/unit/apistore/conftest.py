"""A store whose time, uids and generated names are the test's."""

from __future__ import annotations

import itertools

import pytest

from druid_operator.pkg.apistore.store import APIStore
from druid_operator.pkg.clock import FakeClock


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def store(clock: FakeClock) -> APIStore:
    uids = (f"uid-{number}" for number in itertools.count(1))
    suffixes = (f"{number:05}" for number in itertools.count(1))
    return APIStore(clock=clock, new_uid=lambda: next(uids), new_suffix=lambda: next(suffixes))
