"""What every Kubernetes object has, as plain values: identity, metadata, conditions, owners.

Pure: no clock, no loop, no network. ``JSON`` names raw decoded JSON wherever it crosses a function.
"""

from typing import Any, TypeAlias

from druid_operator.pkg.meta.conditions import (
    Condition,
    find_condition,
    kstatus,
    set_condition,
)
from druid_operator.pkg.meta.gvk import GroupVersionKind, NamespacedName, Resource
from druid_operator.pkg.meta.labels import Labels, LabelSelector, label_selector
from druid_operator.pkg.meta.objectmeta import ObjectMeta
from druid_operator.pkg.meta.owner import (
    controller_of,
    is_controlled_by,
    owner_reference,
)

JSON: TypeAlias = dict[str, Any]

__all__ = [
    "GroupVersionKind", "NamespacedName", "Resource", "ObjectMeta", "JSON",
    "Condition", "find_condition", "set_condition", "kstatus",
    "LabelSelector", "Labels", "label_selector",
    "owner_reference", "controller_of", "is_controlled_by",
]  # fmt: skip
