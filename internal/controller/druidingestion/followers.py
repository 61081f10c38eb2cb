"""Which objects are to be woken when a supervisor changes in Druid."""

from __future__ import annotations

from collections.abc import Callable

import attrs

from druid_operator.pkg.meta import NamespacedName


@attrs.define
class Followers:
    """Objects by (cluster, id of what they follow). An object follows what its last pass named.

    Args:
        wake: puts a key into the controller's queue.
    """

    wake: Callable[[NamespacedName], None]
    _keys: dict[tuple[NamespacedName, str], set[NamespacedName]] = attrs.field(
        factory=dict, init=False
    )
    _followed: dict[NamespacedName, set[tuple[NamespacedName, str]]] = attrs.field(
        factory=dict, init=False
    )

    def follow(self, cluster: NamespacedName, id_: str, key: NamespacedName) -> None:
        """Beside what it follows already."""
        self._keys.setdefault((cluster, id_), set()).add(key)
        self._followed.setdefault(key, set()).add((cluster, id_))

    def forget(self, key: NamespacedName) -> list[tuple[NamespacedName, str]]:
        """Answers what nobody follows any more."""
        abandoned = []
        for followed in sorted(self._followed.pop(key, ())):
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
