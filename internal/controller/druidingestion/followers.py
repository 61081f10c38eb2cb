"""Which objects are to be woken when a supervisor changes in Druid."""

from __future__ import annotations

from collections.abc import Callable

import attrs

from druid_operator.pkg.meta import NamespacedName


@attrs.define
class Followers:
    """Objects by (cluster, supervisor id).

    Args:
        wake: puts a key into the controller's queue.
    """

    wake: Callable[[NamespacedName], None]
    _by_supervisor: dict[tuple[NamespacedName, str], set[NamespacedName]] = attrs.field(
        factory=dict, init=False
    )

    def follow(self, cluster: NamespacedName, supervisor_id: str, key: NamespacedName) -> None:
        self._by_supervisor.setdefault((cluster, supervisor_id), set()).add(key)

    def forget(self, key: NamespacedName) -> None:
        for followed, keys in list(self._by_supervisor.items()):
            keys.discard(key)
            if not keys:
                del self._by_supervisor[followed]

    def changed(self, cluster: NamespacedName, supervisor_id: str) -> None:
        """Fits :data:`~druid_operator.internal.druidconn.connections.ChangeListener`."""
        for key in sorted(self._by_supervisor.get((cluster, supervisor_id), ())):
            self.wake(key)
