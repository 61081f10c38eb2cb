"""Typed kinds to structural schema: markers, generator, validation, pruning, defaulting. Pure."""

from druid_operator.pkg.schema.compare import missing_fields
from druid_operator.pkg.schema.markers import (
    CELRule,
    CustomResource,
    Marker,
    PrintColumn,
    json_name,
    marker_of,
    prop,
)
from druid_operator.pkg.schema.structural import Coerced, apply_defaults, coerce, copy_json, prune
from druid_operator.pkg.schema.validation import validate

__all__ = [
    "prop", "CELRule", "CustomResource", "PrintColumn", "Marker", "marker_of", "json_name",
    "coerce", "Coerced", "apply_defaults", "prune", "validate", "copy_json", "missing_fields",
]  # fmt: skip
