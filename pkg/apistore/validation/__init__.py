"""Validation: what is refused with 422, in the server's words."""

from __future__ import annotations

from druid_operator.pkg.apistore import crd
from druid_operator.pkg.apistore.resources import Served
from druid_operator.pkg.apistore.validation.builtin import (
    validate_builtin,
    validate_builtin_update,
)
from druid_operator.pkg.apistore.validation.names import (
    validate_metadata,
    validate_metadata_update,
)
from druid_operator.pkg.errors import FieldError
from druid_operator.pkg.meta import JSON
from druid_operator.pkg.schema import validate


def validate_create(served: Served, obj: JSON) -> list[FieldError]:
    """Every fault of a new object."""
    resource = served.resource
    errors = validate_metadata(resource.group, resource.kind, obj["metadata"])
    return errors + _validate_content(served, obj)


def validate_update(served: Served, obj: JSON, before: JSON, subresource: str) -> list[FieldError]:
    """Every fault of a changed object, immutable fields included."""
    errors = validate_metadata_update(obj["metadata"], before["metadata"])
    if subresource and served.custom is None:
        return errors
    errors += _validate_content(served, obj)
    if served.custom is None:
        errors += validate_builtin_update(served, obj, before)
    return errors


def _validate_content(served: Served, obj: JSON) -> list[FieldError]:
    if served.custom is not None:
        return validate(served.custom.schema, obj)
    if served.resource.kind == "CustomResourceDefinition":
        return crd.validate_definition(obj)
    return validate_builtin(served, obj)
