"""A Druid's places: full means go away, and who came first is called first."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from druid_operator.internal.druidconn.turnstile import Occupied, Turnstile
from druid_operator.pkg.meta import NamespacedName

KEYS = [NamespacedName("ns", str(n)) for n in range(5)]


def test_who_does_not_get_in_is_woken_in_turn() -> None:
    woken: list[NamespacedName] = []
    turnstile = Turnstile(woken.append, places=2)
    with ExitStack() as inside:
        for key in KEYS[:2]:
            inside.enter_context(turnstile.entered(key))
        for key in KEYS[2:]:
            with pytest.raises(Occupied), turnstile.entered(key):
                pass
        assert woken == []
    assert woken == KEYS[2:4]
    with turnstile.entered(KEYS[2]):
        pass
    assert woken == KEYS[2:]


def test_a_place_is_given_back_whatever_happens_inside() -> None:
    turnstile = Turnstile(lambda key: None, places=1)
    with pytest.raises(RuntimeError), turnstile.entered(KEYS[0]):
        raise RuntimeError
    with turnstile.entered(KEYS[1]):
        pass


def test_who_gave_up_is_not_woken() -> None:
    woken: list[NamespacedName] = []
    turnstile = Turnstile(woken.append, places=1)
    with turnstile.entered(KEYS[0]):
        with pytest.raises(Occupied), turnstile.entered(KEYS[1]):
            pass
        turnstile.forget(KEYS[1])
    assert woken == []
