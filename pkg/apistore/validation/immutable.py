"""Fields of built-in kinds that an update may not change."""

from __future__ import annotations

from druid_operator.pkg.apistore.resources import Served
from druid_operator.pkg.errors import FieldError
from druid_operator.pkg.meta import JSON


def validate_immutable(served: Served, obj: JSON, before: JSON) -> list[FieldError]:
    return []
