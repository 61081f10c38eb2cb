"""The rules of built-in kinds that an operator's mistakes run into. Not all of Kubernetes'."""

from __future__ import annotations

from druid_operator.pkg.apistore.resources import Served
from druid_operator.pkg.errors import FieldError
from druid_operator.pkg.meta import JSON


def validate_builtin(served: Served, obj: JSON) -> list[FieldError]:
    return []
