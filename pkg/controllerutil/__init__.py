"""What reconcilers do over and over: own, hold by finalizers, retry conflicts, create or patch."""

from druid_operator.pkg.controllerutil.expectations import Expectations
from druid_operator.pkg.controllerutil.finalizer import (
    add_finalizer,
    contains_finalizer,
    finalizers_patch,
    remove_finalizer,
)
from druid_operator.pkg.controllerutil.finalizers import Finalized, Finalizers
from druid_operator.pkg.controllerutil.owner import (
    AlreadyOwned,
    has_controller_reference,
    remove_owner_reference,
    set_controller_reference,
    set_owner_reference,
)
from druid_operator.pkg.controllerutil.write import (
    OperationResult,
    create_or_patch,
    create_or_update,
    retry_on_conflict,
)

__all__ = [
    "set_controller_reference", "set_owner_reference", "remove_owner_reference",
    "has_controller_reference", "AlreadyOwned",
    "add_finalizer", "remove_finalizer", "contains_finalizer", "finalizers_patch",
    "Finalizers", "Finalized", "Expectations",
    "create_or_patch", "create_or_update", "OperationResult", "retry_on_conflict",
]  # fmt: skip
