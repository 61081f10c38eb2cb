"""Typed kinds to structural schema: markers, generator, validation, pruning and defaulting. Pure."""

from druid_operator.pkg.schema.markers import (
    CELRule,
    CustomResource,
    Marker,
    PrintColumn,
    json_name,
    marker_of,
    prop,
)

__all__ = [
    "prop", "CELRule", "CustomResource", "PrintColumn", "Marker", "marker_of", "json_name",
]  # fmt: skip
