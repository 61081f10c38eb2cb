"""The loop that calls a reconciler."""

from druid_operator.pkg.controller.controller import CacheSyncTimeout, Controller, is_terminal
from druid_operator.pkg.controller.options import ControllerDefaults, ControllerOptions

__all__ = [
    "Controller", "ControllerOptions", "ControllerDefaults", "CacheSyncTimeout", "is_terminal",
]  # fmt: skip
