"""Own writes are read at once and never outlive what the watch shows."""

from __future__ import annotations

import pytest

from druid_operator.pkg.cache.overlay import MAX_AGE_SECONDS, Overlay
from druid_operator.pkg.cache.stored_object import StoredObject, from_dict
from druid_operator.pkg.clock import FakeClock
from druid_operator.pkg.meta import NamespacedName
from druid_operator.pkg.scheme.builtin import CONFIG_MAP

KEY = NamespacedName("default", "a")


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def overlay(clock: FakeClock) -> Overlay:
    return Overlay(clock)


@pytest.fixture(name="obj")
def _obj(config_map):
    def make(version: str, uid: str = "u") -> StoredObject:
        return from_dict(CONFIG_MAP, config_map("a", version, uid=uid))

    return make


def test_write_is_read_before_the_watch_shows_it(overlay, obj) -> None:
    overlay.wrote(obj("8"), "5")
    assert overlay.read(KEY, obj("4")).meta.resource_version == "8"


def test_write_that_the_watch_is_past_already_is_not_kept(overlay, obj) -> None:
    overlay.wrote(obj("8"), "9")
    assert len(overlay) == 0


def test_newer_object_of_another_writer_wins(overlay, obj) -> None:
    overlay.wrote(obj("8"), "5")
    assert overlay.read(KEY, obj("10")).meta.resource_version == "10"


@pytest.mark.parametrize("seen", ["8", "9", "10"])
def test_entry_leaves_when_the_watch_has_caught_up(overlay, obj, seen) -> None:
    overlay.wrote(obj("8"), "5")
    overlay.observe(obj("7"))
    assert len(overlay) == 1
    overlay.observe(obj(seen))
    assert len(overlay) == 0


def test_entry_leaves_when_the_store_passes_it_without_an_event(overlay, obj) -> None:
    """Written by us and deleted by another before we saw either: only a bookmark tells."""
    overlay.wrote(obj("8"), "5")
    overlay.advance("20")
    assert overlay.read(KEY, None) is None


def test_versions_are_compared_as_numbers_of_any_length(overlay, obj) -> None:
    overlay.wrote(obj("100"), "99")
    assert overlay.read(KEY, obj("99")).meta.resource_version == "100"


def test_deletion_hides_that_uid_and_no_namesake(overlay, obj) -> None:
    overlay.deleted(KEY, "u", "8")
    assert overlay.read(KEY, obj("7", "u")) is None
    assert overlay.read(KEY, obj("9", "other")).meta.uid == "other"


def test_late_update_of_a_deleted_object_does_not_bring_it_back(overlay, obj) -> None:
    overlay.deleted(KEY, "u", "8")
    overlay.observe(obj("9", "u"))
    assert overlay.read(KEY, obj("9", "u")) is None
    overlay.observe(obj("10", "u"), deleted=True)
    assert len(overlay) == 0


def test_crossed_writes_keep_the_newer_answer(overlay, obj) -> None:
    overlay.wrote(obj("9"), "5")
    overlay.wrote(obj("8"), "5")
    assert overlay.read(KEY, None).meta.resource_version == "9"


def test_nothing_stays_for_ever_and_it_is_counted(clock, obj) -> None:
    expired: list[NamespacedName] = []
    overlay = Overlay(clock, expired.append)
    overlay.wrote(obj("8"), "5")
    clock.step(MAX_AGE_SECONDS + 1)
    assert overlay.read(KEY, obj("4")).meta.resource_version == "4"
    assert expired == [KEY]


def test_versions_that_do_not_compare_leave_at_the_next_event(overlay, obj) -> None:
    overlay.wrote(obj("abc"), "5")
    assert overlay.read(KEY, obj("4")).meta.resource_version == "abc"
    overlay.observe(obj("def"))
    assert len(overlay) == 0
