"""Which objects are to be woken when a supervisor changes in Druid."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import attrs

from druid_operator.pkg.meta import NamespacedName

#: A cluster, and the id of a supervisor in it or of a datasource's settings.
Followed = tuple[NamespacedName, str]


@attrs.define
class Followers:
    """Objects by (cluster, id of what they follow).

    Args:
        wake: puts a key into the controller's queue.
    """

    wake: Callable[[NamespacedName], None]
    _keys: dict[Followed, set[NamespacedName]] = attrs.field(factory=dict, init=False)
    _followed: dict[NamespacedName, set[Followed]] = attrs.field(factory=dict, init=False)

    def follow(self, key: NamespacedName, wanted: Iterable[Followed]) -> list[Followed]:
        """From now on an object follows these and no others; answers what nobody follows any more.

        An ingestion that became another datasource's must not have the old one polled for ever.
        """
        now, before = set(wanted), self._followed.get(key, set())
        self._followed[key] = now
        for followed in now:
            self._keys.setdefault(followed, set()).add(key)
        return self._leave(key, before - now)

    def forget(self, key: NamespacedName) -> list[Followed]:
        """Answers what nobody follows any more."""
        return self._leave(key, self._followed.pop(key, set()))

    def _leave(self, key: NamespacedName, left: Iterable[Followed]) -> list[Followed]:
        abandoned = []
        for followed in sorted(left):
            keys = self._keys[followed]
            keys.discard(key)
            if not keys:
                del self._keys[followed]
                abandoned.append(followed)
        return abandoned

    def changed(self, cluster: NamespacedName, id_: str) -> None:
        """Fits :data:`~druid_operator.internal.druidconn.connections.ChangeListener`."""
        for key in sorted(self._keys.get((cluster, id_), ())):
            self.wake(key)
