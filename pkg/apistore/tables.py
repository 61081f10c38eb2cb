"""What ``kubectl get`` shows: tables, made by the server."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from druid_operator.pkg.apistore import jsonpath
from druid_operator.pkg.apistore.resources import Served
from druid_operator.pkg.apistore.table_columns import AGE, BUILTIN_COLUMNS, NAME, Column, age
from druid_operator.pkg.meta import JSON


def columns_of(served: Served) -> Sequence[Column]:
    """The columns of a kind: its own, or name and age."""
    if served.custom is None:
        key = (served.resource.group, served.resource.kind)
        return BUILTIN_COLUMNS.get(key, (NAME, AGE))
    if not served.custom.columns:
        return (NAME, AGE)
    return (NAME, *(_custom_column(column) for column in served.custom.columns))


def _custom_column(column: Any) -> Column:
    path, kind = column["jsonPath"], column["type"]

    def cell(obj: JSON, now: datetime) -> Any:
        found = jsonpath.find(obj, path)
        if not found or found[0] is None:
            return None
        if kind == "date":
            return age(found[0], now)
        if kind == "string" and not isinstance(found[0], str):
            return str(found[0]).lower() if isinstance(found[0], bool) else str(found[0])
        return found[0]

    path_note = f"Custom resource definition column (in JSONPath format): {path}"
    return Column(
        column["name"],
        cell,
        kind,
        column.get("priority", 0),
        column.get("description", path_note),
        column.get("format", ""),
    )


def build_table(
    served: Served,
    objects: Iterable[JSON],
    now: datetime,
    *,
    metadata: JSON,
    include: str = "Metadata",
    with_columns: bool = True,
) -> JSON:
    """A ``meta.k8s.io/v1`` Table.

    Args:
        served: of the objects.
        objects: one row each.
        now: for ages.
        metadata: the list's.
        include: what each row carries beside its cells: ``Metadata``, ``Object`` or ``None``.
        with_columns: later events of a watch leave the definitions out.
    """
    columns = columns_of(served)
    table: JSON = {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": metadata,
        "columnDefinitions": [_definition(column) for column in columns] if with_columns else None,
        "rows": [_row(columns, obj, now, include) for obj in objects],
    }
    return table


def _definition(column: Column) -> JSON:
    return {
        "name": column.name,
        "type": column.type,
        "format": "name" if column.name == "Name" else column.format,
        "description": column.description,
        "priority": column.priority,
    }


def _row(columns: Sequence[Column], obj: JSON, now: datetime, include: str) -> JSON:
    row: JSON = {"cells": [column.cell(obj, now) for column in columns]}
    if include == "Object":
        row["object"] = obj
    elif include != "None":
        row["object"] = partial_metadata(obj)
    return row


def partial_metadata(obj: JSON) -> JSON:
    """``PartialObjectMetadata``: an object without what makes it big."""
    return {
        "kind": "PartialObjectMetadata",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": obj["metadata"],
    }
