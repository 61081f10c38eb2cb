"""The controllers, in one tuple. Each is independent of the others and sets itself up."""

from __future__ import annotations

from druid_operator.internal.controller.druid.rbac import RULES as DRUID_RULES
from druid_operator.internal.controller.druid.setup import setup as setup_druid
from druid_operator.internal.controller.druidingestion.rbac import RULES as INGESTION_RULES
from druid_operator.internal.controller.druidingestion.setup import setup as setup_ingestion
from druid_operator.internal.controller.registry import ControllerEntry, OperatorSettings

#: Every controller of this project. Adding a kind ends with an entry here.
CONTROLLERS: tuple[ControllerEntry, ...] = (
    ControllerEntry("druid", setup_druid, DRUID_RULES),
    ControllerEntry("druidingestion", setup_ingestion, INGESTION_RULES),
)

__all__ = ["CONTROLLERS", "ControllerEntry", "OperatorSettings"]
