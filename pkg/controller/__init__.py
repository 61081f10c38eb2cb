"""The loop that calls a reconciler."""

from druid_operator.pkg.controller.controller import (
    CacheSyncTimeout,
    Controller,
    ControllerOptions,
    is_terminal,
)

__all__ = ["Controller", "ControllerOptions", "CacheSyncTimeout", "is_terminal"]
