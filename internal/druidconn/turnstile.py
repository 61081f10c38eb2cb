"""How many passes may occupy one Druid at a time, so that a slow one delays its own objects only.

A pass that finds it full does not wait: that would hold a worker which another cluster's objects
could use. It leaves its key and is woken, first come first served, when a place is free.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import attrs

from druid_operator.pkg.errors import OperatorError
from druid_operator.pkg.meta import NamespacedName

#: Druid does its supervisor mutations one after the other, and reads take milliseconds: more passes
#: at once would only queue there.
PLACES = 4


class Occupied(OperatorError):
    """Every place is taken; the key will be woken."""


@attrs.define
class Turnstile:
    """Args:
    wake: puts a key into the controller's queue.
    places: passes at a time.
    """

    wake: Callable[[NamespacedName], None]
    places: int = PLACES
    _inside: set[NamespacedName] = attrs.field(factory=set, init=False)
    _waiting: dict[NamespacedName, None] = attrs.field(factory=dict, init=False)

    @contextmanager
    def entered(self, key: NamespacedName) -> Iterator[None]:
        """Raises :class:`Occupied` when no place is free."""
        if len(self._inside) >= self.places:
            self._waiting[key] = None
            raise Occupied(f"{self.places} passes are asking this Druid already")
        self._waiting.pop(key, None)
        self._inside.add(key)
        try:
            yield
        finally:
            self._inside.discard(key)
            self._wake_next()

    def _wake_next(self) -> None:
        key = next(iter(self._waiting), None)
        if key is not None:
            del self._waiting[key]
            self.wake(key)

    def forget(self, key: NamespacedName) -> None:
        self._waiting.pop(key, None)
