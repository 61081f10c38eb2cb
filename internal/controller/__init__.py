"""The controllers, in one tuple. Each is independent of the others and sets itself up on the
manager.
"""

from __future__ import annotations

from druid_operator.internal.controller.registry import ControllerEntry, OperatorSettings

__all__ = ["CONTROLLERS", "ControllerEntry", "OperatorSettings"]


def _controllers() -> tuple[ControllerEntry, ...]:
    from druid_operator.internal.controller.druid.setup import setup as setup_druid

    return (ControllerEntry("druid", setup_druid),)


#: Every controller of this project. Adding a kind ends with an entry here.
CONTROLLERS: tuple[ControllerEntry, ...] = _controllers()
